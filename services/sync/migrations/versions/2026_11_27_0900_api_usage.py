"""How often each provider was asked for each user."""

from alembic import op

from libs.db.ddl import create_api_usage

revision = "2026_11_27_0900"
down_revision = "2026_11_24_1000"


def upgrade() -> None:
    create_api_usage(op)


def downgrade() -> None:
    op.execute("drop table api_usage")
