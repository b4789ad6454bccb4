"""Which execution changed a task last."""

from alembic import op

revision = "2026_11_29_0000"
down_revision = "2026_11_28_2200"


def upgrade() -> None:
    op.execute("alter table tasks add column changed_by text")


def downgrade() -> None:
    op.execute("alter table tasks drop column changed_by")
