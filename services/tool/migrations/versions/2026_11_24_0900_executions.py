"""The ledger of effects, and what carries messages in and out."""

from alembic import op

from libs.db.ddl import create_bus_tables, create_data_keys, enable_row_security

revision = "2026_11_24_0900"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_bus_tables(op)
    create_data_keys(op)
    op.execute(_EXECUTIONS)
    enable_row_security(op, "executions")


def downgrade() -> None:
    for table in ("executions", "data_keys", "outbox", "inbox", "dead_letters"):
        op.execute(f"drop table {table}")


_EXECUTIONS = """
create table executions (
    organization_id text not null default current_setting('adjutant.organization_id'),
    user_id text not null default current_setting('adjutant.user_id'),
    execution_id text not null,
    tool text not null,
    arguments_hash bytea not null,
    arguments bytea not null,
    status text not null,
    lease_until timestamptz not null,
    fence integer not null,
    provider_ref text,
    result bytea,
    error text,
    detail text,
    asked_at timestamptz not null,
    claimed_at timestamptz not null,
    finished_at timestamptz,
    constraint pk_executions primary key (organization_id, user_id, execution_id),
    constraint ck_executions_status check (status in ('claimed', 'done', 'failed', 'unknown')),
    constraint ck_executions_finished_when_final check ((status = 'claimed') = (finished_at is null)),
    constraint ck_executions_result_when_done check ((status = 'done') = (result is not null)),
    constraint ck_executions_error_unless_done check ((status in ('failed', 'unknown')) = (error is not null)),
    constraint ck_executions_fence_counts check (fence > 0)
)
"""
