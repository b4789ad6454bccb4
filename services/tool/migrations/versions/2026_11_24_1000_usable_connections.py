"""Which providers a user can use, kept from oauth's events."""

from alembic import op

from libs.db.ddl import enable_row_security

revision = "2026_11_24_1000"
down_revision = "2026_11_24_0900"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table usable_connections (
            organization_id text not null default current_setting('adjutant.organization_id'),
            user_id text not null default current_setting('adjutant.user_id'),
            provider text not null,
            connection_id text not null,
            connected_at timestamptz not null,
            constraint pk_usable_connections primary key (organization_id, user_id, provider)
        )
        """
    )
    enable_row_security(op, "usable_connections")


def downgrade() -> None:
    op.execute("drop table usable_connections")
