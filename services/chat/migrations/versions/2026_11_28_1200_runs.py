"""Multi-step runs: their steps, and what was told of them, kept as long as the run."""

from alembic import op

from libs.db.ddl import enable_row_security

revision = "2026_11_28_1200"
down_revision = "2026_11_28_1130"


def upgrade() -> None:
    for table, definition in _TABLES.items():
        op.execute(f"create table {table} ({_OWNER}{definition})")
        enable_row_security(op, table)
    for index in _INDEXES:
        op.execute(index)


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.execute(f"drop table {table}")


_OWNER = """
    organization_id text not null default current_setting('adjutant.organization_id'),
    user_id text not null default current_setting('adjutant.user_id'),
    run_id text not null,
"""

_TABLES = {
    "runs": """
    status text not null,
    n integer not null,
    content bytea not null,
    error text,
    created_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz,
    paused_at timestamptz,
    deadline_at timestamptz,
    constraint pk_runs primary key (organization_id, user_id, run_id),
    constraint ck_runs_status check
        (status in ('planned', 'running', 'waiting', 'paused', 'done', 'failed', 'cancelled')),
    constraint ck_runs_finished_when_over check
        ((status in ('done', 'failed', 'cancelled')) = (finished_at is not null))
""",
    "run_steps": """
    step_id text not null,
    position integer not null,
    status text not null,
    attempt integer not null,
    failures integer not null,
    generation integer not null,
    execution_id text,
    plan bytea not null,
    outcome bytea,
    error text,
    started_at timestamptz,
    finished_at timestamptz,
    constraint pk_run_steps primary key (organization_id, user_id, run_id, step_id),
    constraint ck_run_steps_status check
        (status in ('pending', 'ready', 'running', 'waiting', 'done', 'failed', 'skipped', 'cancelled'))
""",
    "run_updates": """
    n integer not null,
    data bytea not null,
    constraint pk_run_updates primary key (organization_id, user_id, run_id, n)
""",
}

_INDEXES = (
    "create index ix_runs_newest on runs (user_id, created_at desc, run_id)",
    "create index ix_run_steps_execution on run_steps (user_id, execution_id) where execution_id is not null",
)
