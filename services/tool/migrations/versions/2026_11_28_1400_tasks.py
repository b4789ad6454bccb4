"""What users mean to do."""

from alembic import op

from libs.db.ddl import enable_row_security

revision = "2026_11_28_1400"
down_revision = "2026_11_28_1200"


def upgrade() -> None:
    op.execute(_TASKS)
    op.execute("create index ix_tasks_status on tasks (organization_id, user_id, status, completed_at desc)")
    enable_row_security(op, "tasks")


def downgrade() -> None:
    op.execute("drop table tasks")


_TASKS = """
create table tasks (
    organization_id text not null default current_setting('adjutant.organization_id'),
    user_id text not null default current_setting('adjutant.user_id'),
    task_id text not null,
    content bytea not null,
    status text not null,
    due_on date,
    due_at timestamptz,
    created_at timestamptz not null,
    completed_at timestamptz,
    completed_by text,
    reopened_by text,
    constraint pk_tasks primary key (organization_id, user_id, task_id),
    constraint ck_tasks_due_once check (num_nonnulls(due_on, due_at) <= 1),
    constraint ck_tasks_status check (status in ('open', 'done')),
    constraint ck_tasks_completed_when_done check ((status = 'done') = (completed_at is not null))
)
"""
