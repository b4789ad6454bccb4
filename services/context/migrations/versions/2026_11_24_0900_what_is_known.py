"""What is known about a user, and what carries messages in and out."""

from alembic import op

from libs.db.ddl import create_bus_tables, create_data_keys, enable_row_security

revision = "2026_11_24_0900"
down_revision = None


def upgrade() -> None:
    create_bus_tables(op)
    create_data_keys(op)
    for statement in (_PROFILES, _CONNECTED_PROVIDERS, _NOTICE_STATES, _CONVERSATION_STATISTICS):
        op.execute(statement)
    for table in _TABLES:
        enable_row_security(op, table)


def downgrade() -> None:
    for table in (*_TABLES, "data_keys", "outbox", "inbox", "dead_letters"):
        op.execute(f"drop table {table}")


_TABLES = ("profiles", "connected_providers", "notice_states", "conversation_statistics")
_PROFILES = """
create table profiles (
    organization_id text not null default current_setting('adjutant.organization_id'),
    user_id text not null default current_setting('adjutant.user_id'),
    display_name_sealed bytea,
    timezone text not null,
    updated_at timestamptz not null,
    constraint pk_profiles primary key (organization_id, user_id)
)
"""
_CONNECTED_PROVIDERS = """
create table connected_providers (
    organization_id text not null default current_setting('adjutant.organization_id'),
    user_id text not null default current_setting('adjutant.user_id'),
    provider text not null,
    connection_id text,
    synced_since timestamptz,
    constraint pk_connected_providers primary key (organization_id, user_id, provider)
)
"""
_NOTICE_STATES = """
create table notice_states (
    organization_id text not null default current_setting('adjutant.organization_id'),
    user_id text not null default current_setting('adjutant.user_id'),
    notification_id text not null,
    open boolean not null,
    constraint pk_notice_states primary key (organization_id, user_id, notification_id)
)
"""
_CONVERSATION_STATISTICS = """
create table conversation_statistics (
    organization_id text not null default current_setting('adjutant.organization_id'),
    user_id text not null default current_setting('adjutant.user_id'),
    conversation_id text not null,
    turns integer not null,
    input_tokens bigint not null,
    output_tokens bigint not null,
    cost_micros bigint not null,
    duration_ms bigint not null,
    constraint pk_conversation_statistics primary key (organization_id, user_id, conversation_id),
    constraint ck_conversation_statistics_has_turns check (turns > 0)
)
"""
