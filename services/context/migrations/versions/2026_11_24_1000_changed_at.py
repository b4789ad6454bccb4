"""When something of a provider was last recorded."""

from alembic import op

revision = "2026_11_24_1000"
down_revision = "2026_11_24_0900"


def upgrade() -> None:
    op.execute("alter table connected_providers add column changed_at timestamptz")


def downgrade() -> None:
    op.execute("alter table connected_providers drop column changed_at")
