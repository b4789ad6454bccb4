"""Runs, streams with their cursors, activities, watches; and the schedule, which holds ids and moments only."""

from alembic import op

from libs.db.ddl import create_data_keys, enable_row_security, leave_open_to_service

revision = "2026_11_24_1000"
down_revision = "2026_11_24_0900"

_OWNER = """
    organization_id text not null default current_setting('adjutant.organization_id'),
    user_id text not null default current_setting('adjutant.user_id'),"""


def upgrade() -> None:
    create_data_keys(op)
    for table, columns in _OWNED.items():
        op.execute(f"create table {table} ({_OWNER} {columns})")
        enable_row_security(op, table)
    op.execute("create index ix_activities_newest on activities (user_id, at desc, provider, external_id)")
    op.execute("create index ix_activities_stream on activities (user_id, provider, stream, generation)")
    op.execute("create index ix_sync_runs_newest on sync_runs (user_id, started_at desc)")
    op.execute(_SCHEDULE)
    leave_open_to_service(op, "schedule")
    op.execute("create index ix_schedule_due on schedule (due_at)")
    op.execute(_ROUTES)


def downgrade() -> None:
    for table in (*_OWNED, "schedule", "notification_routes", "data_keys"):
        op.execute(f"drop table {table}")


_OWNED = {
    "streams": """
        provider text not null,
        stream text not null,
        name text not null,
        cursor text,
        generation integer not null default 0,
        listing boolean not null default false,
        listed_since timestamptz,
        listed_at timestamptz,
        primary key (organization_id, user_id, provider, stream)""",
    "activities": """
        provider text not null,
        external_id text not null,
        stream text not null,
        kind text not null,
        at timestamptz not null,
        ends_at timestamptz,
        people integer not null default 0,
        version text not null,
        generation integer not null,
        details bytea not null,
        recorded_at timestamptz not null default now(),
        primary key (organization_id, user_id, provider, external_id)""",
    "sync_runs": """
        run_id text not null,
        connection_id text not null,
        provider text not null,
        reason text not null,
        outcome text,
        error text,
        items integer not null default 0,
        gone integer not null default 0,
        calls integer not null default 0,
        started_at timestamptz not null,
        finished_at timestamptz,
        primary key (organization_id, user_id, run_id),
        constraint ck_sync_runs_outcome check (outcome in ('success', 'partial', 'failed')),
        constraint ck_sync_runs_finished check ((outcome is null) = (finished_at is null))""",
    "watches": """
        watch_id text not null,
        connection_id text not null,
        provider text not null,
        stream text not null,
        remote_id text not null,
        resource text not null,
        expires_at timestamptz,
        primary key (organization_id, user_id, watch_id),
        constraint uq_watches_stream unique (organization_id, user_id, provider, stream)""",
}

_SCHEDULE = """
create table schedule (
    connection_id text primary key,
    organization_id text not null,
    user_id text not null,
    provider text not null,
    due_at timestamptz not null,
    not_before timestamptz,
    reason text not null,
    asked_at timestamptz,
    began_at timestamptz,
    running_until timestamptz,
    fence integer not null default 0,
    failures integer not null default 0
)
"""

_ROUTES = """
create table notification_routes (
    key text not null,
    connection_id text not null,
    primary key (key, connection_id)
)
"""
