"""Whether a turn changed something outside: such a turn is not answered anew."""

from alembic import op

revision = "2026_11_24_1000"
down_revision = "2026_11_24_0900"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table turns add column acted boolean not null default false")


def downgrade() -> None:
    op.execute("alter table turns drop column acted")
