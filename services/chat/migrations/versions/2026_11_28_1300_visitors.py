"""Conversations with outsiders: whose link they came by. They are kept apart from the owner's own."""

from alembic import op

revision = "2026_11_28_1300"
down_revision = "2026_11_28_1200"


def upgrade() -> None:
    op.execute("alter table conversations add column delegation_id text")


def downgrade() -> None:
    op.execute("delete from messages where starts_with(conversation_id, 'vc_')")
    op.execute("delete from turns where starts_with(conversation_id, 'vc_')")
    op.execute("delete from conversations where delegation_id is not null")
    op.execute("alter table conversations drop column delegation_id")
