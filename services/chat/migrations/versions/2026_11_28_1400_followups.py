"""Conversations that wait to hear what became of an action."""

from alembic import op

from libs.db.ddl import enable_row_security

revision = "2026_11_28_1400"
down_revision = "2026_11_28_1310"


def upgrade() -> None:
    op.execute(
        """create table followups (
               organization_id text not null default current_setting('adjutant.organization_id'),
               user_id text not null default current_setting('adjutant.user_id'),
               action_id text not null,
               conversation_id text not null,
               turn_id text not null,
               title bytea not null,
               constraint pk_followups primary key (organization_id, user_id, action_id)
           )"""
    )
    op.execute("create index ix_followups_conversation on followups (user_id, conversation_id)")
    enable_row_security(op, "followups")


def downgrade() -> None:
    op.execute("drop table followups")
