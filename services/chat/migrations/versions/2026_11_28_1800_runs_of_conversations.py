"""Plans that were never started go with the conversation they were made in."""

from alembic import op

revision = "2026_11_28_1800"
down_revision = "2026_11_28_1700"


def upgrade() -> None:
    op.execute("alter table runs add column conversation_id text")
    op.execute("create index ix_runs_conversation on runs (user_id, conversation_id) where status = 'planned'")


def downgrade() -> None:
    op.execute("drop index ix_runs_conversation")
    op.execute("alter table runs drop column conversation_id")
