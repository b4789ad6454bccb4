"""Conversations, their messages by month, turns and the steps they have taken."""

from alembic import op

from libs.db.ddl import create_bus_tables, create_data_keys, enable_row_security, partition_by_month

revision = "2026_11_24_0900"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_bus_tables(op)
    create_data_keys(op)
    for table, definition in _TABLES.items():
        op.execute(f"create table {table} ({_OWNER}{definition}")
        enable_row_security(op, table)
    partition_by_month(op, "messages")
    for index in _INDEXES:
        op.execute(index)


def downgrade() -> None:
    for table in (*reversed(_TABLES), "data_keys", "outbox", "inbox", "dead_letters"):
        op.execute(f"drop table {table}")


_OWNER = """
    organization_id text not null default current_setting('adjutant.organization_id'),
    user_id text not null default current_setting('adjutant.user_id'),
"""

_TABLES = {
    "conversations": """
    conversation_id text not null,
    title bytea not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    message_count integer not null,
    constraint pk_conversations primary key (organization_id, user_id, conversation_id),
    constraint ck_conversations_counts check (message_count >= 0)
)
""",
    "messages": """
    message_id text not null,
    conversation_id text not null,
    turn_id text not null,
    role text not null,
    engine text,
    text bytea not null,
    created_at timestamptz not null,
    constraint pk_messages primary key (organization_id, user_id, message_id, created_at),
    constraint ck_messages_role check (role in ('user', 'assistant')),
    constraint ck_messages_engine check (engine in ('model', 'offline'))
) partition by range (created_at)
""",
    "turns": """
    turn_id text not null,
    conversation_id text,
    status text not null,
    stop_requested boolean not null default false,
    fence integer not null,
    lease_until timestamptz not null,
    answer_id text,
    engine text,
    model text,
    input_tokens integer not null default 0,
    output_tokens integer not null default 0,
    cost_micros bigint,
    error text,
    accepted_at timestamptz not null,
    finished_at timestamptz,
    constraint pk_turns primary key (organization_id, user_id, turn_id),
    constraint ck_turns_status check (status in ('accepted', 'running', 'completed', 'failed', 'stopped')),
    constraint ck_turns_finished_when_final check ((status in ('accepted', 'running')) = (finished_at is null)),
    constraint ck_turns_fence_counts check (fence >= 0)
)
""",
    "turn_steps": """
    turn_id text not null,
    n integer not null,
    data bytea not null,
    constraint pk_turn_steps primary key (organization_id, user_id, turn_id, n)
)
""",
}

_INDEXES = (
    "create index ix_conversations_newest on conversations (user_id, updated_at desc, conversation_id)",
    "create index ix_messages_conversation on messages (user_id, conversation_id, created_at desc, message_id)",
    "create index ix_turns_conversation on turns (user_id, conversation_id)",
)
