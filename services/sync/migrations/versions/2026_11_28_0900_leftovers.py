"""What disconnected accounts left behind is deleted in bites; and each stream says how it fares."""

from alembic import op

from libs.db.ddl import enable_row_security

revision = "2026_11_28_0900"
down_revision = "2026_11_27_1000"

_LEFTOVERS = """
create table leftovers (
    organization_id text not null default current_setting('adjutant.organization_id'),
    user_id text not null default current_setting('adjutant.user_id'),
    provider text not null,
    since timestamptz not null default now(),
    primary key (organization_id, user_id, provider)
)
"""


def upgrade() -> None:
    op.execute(_LEFTOVERS)
    enable_row_security(op, "leftovers")
    op.execute("alter table streams add column succeeded_at timestamptz, add column error text")


def downgrade() -> None:
    op.execute("alter table streams drop column succeeded_at, drop column error")
    op.execute("drop table leftovers")
