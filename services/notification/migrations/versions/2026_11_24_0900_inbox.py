"""The inbox of each user, how they may be reached, and what carries messages in and out."""

from alembic import op

from libs.db.ddl import create_bus_tables, create_data_keys, enable_row_security

revision = "2026_11_24_0900"
down_revision = None


def upgrade() -> None:
    create_bus_tables(op)
    create_data_keys(op)
    for statement in (_RECIPIENTS, _NOTIFICATIONS, _NEWEST):
        op.execute(statement)
    for table in ("recipients", "notifications"):
        enable_row_security(op, table)


def downgrade() -> None:
    for table in ("notifications", "recipients", "data_keys", "outbox", "inbox", "dead_letters"):
        op.execute(f"drop table {table}")


_RECIPIENTS = """
create table recipients (
    organization_id text not null default current_setting('adjutant.organization_id'),
    user_id text not null default current_setting('adjutant.user_id'),
    timezone text,
    may_call boolean not null default false,
    may_text boolean not null default false,
    constraint pk_recipients primary key (organization_id, user_id)
)
"""
_NOTIFICATIONS = """
create table notifications (
    organization_id text not null default current_setting('adjutant.organization_id'),
    user_id text not null default current_setting('adjutant.user_id'),
    notification_id text not null,
    kind text not null,
    about text not null,
    wording_sealed bytea not null,
    action text,
    provider text,
    created_at timestamptz not null,
    read_at timestamptz,
    constraint pk_notifications primary key (organization_id, user_id, notification_id),
    constraint uq_notifications_about unique (organization_id, user_id, kind, about),
    constraint ck_notifications_action_has_provider check (action is null or provider is not null)
)
"""
_NEWEST = "create index ix_notifications_newest on notifications (organization_id, user_id, created_at)"
