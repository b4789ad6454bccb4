"""What of an execution's arguments stems from others, for tools that keep texts."""

from alembic import op

revision = "2026_11_28_1800"
down_revision = "2026_11_28_1600"


def upgrade() -> None:
    op.execute("alter table executions add column roots bytea")


def downgrade() -> None:
    op.execute("alter table executions drop column roots")
