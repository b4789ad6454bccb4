"""Actions that were shown in a conversation, to be decided there; and the messages that show them."""

from alembic import op

revision = "2026_11_28_1500"
down_revision = "2026_11_28_1400"


def upgrade() -> None:
    op.execute("alter table followups add column shown_in text, add column place integer")
    op.execute("alter table messages add column action_id text")


def downgrade() -> None:
    op.execute("alter table messages drop column action_id")
    op.execute("alter table followups drop column shown_in, drop column place")
