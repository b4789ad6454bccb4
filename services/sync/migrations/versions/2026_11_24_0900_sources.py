"""The sources of a user, and what carries messages in and out."""

from alembic import op

from libs.db.ddl import create_bus_tables, enable_row_security

revision = "2026_11_24_0900"
down_revision = None


def upgrade() -> None:
    create_bus_tables(op)
    op.execute(
        """
        create table sources (
            organization_id text not null default current_setting('adjutant.organization_id'),
            user_id text not null default current_setting('adjutant.user_id'),
            provider text not null,
            connection_id text not null,
            enabled boolean not null default true,
            reason_disabled text,
            registered_at timestamptz not null,
            connected_at timestamptz not null,
            constraint pk_sources primary key (organization_id, user_id, provider),
            constraint ck_sources_paused_for_a_reason check (enabled = (reason_disabled is null))
        )
        """
    )
    enable_row_security(op, "sources")


def downgrade() -> None:
    for table in ("sources", "outbox", "inbox", "dead_letters"):
        op.execute(f"drop table {table}")
