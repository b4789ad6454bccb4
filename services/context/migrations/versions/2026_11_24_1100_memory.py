"""What the assistant remembers, and which entries and sources are gone."""

from alembic import op

from libs.db.ddl import enable_row_security

revision = "2026_11_24_1100"
down_revision = "2026_11_24_1000"


def upgrade() -> None:
    for statement in (_MEMORIES, _MEMORIES_GONE):
        op.execute(statement)
    for table in _TABLES:
        enable_row_security(op, table)


def downgrade() -> None:
    for table in _TABLES:
        op.execute(f"drop table {table}")


_TABLES = ("memories", "memories_gone")
_MEMORIES = """
create table memories (
    organization_id text not null default current_setting('adjutant.organization_id'),
    user_id text not null default current_setting('adjutant.user_id'),
    memory_id text not null,
    content bytea not null,
    kind text not null,
    importance double precision not null,
    origins text[] not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint pk_memories primary key (organization_id, user_id, memory_id),
    constraint ck_memories_importance_is_a_share check (importance between 0 and 1),
    constraint ck_memories_cites_its_source check (cardinality(origins) > 0)
)
"""
_MEMORIES_GONE = """
create table memories_gone (
    organization_id text not null default current_setting('adjutant.organization_id'),
    user_id text not null default current_setting('adjutant.user_id'),
    name text not null,
    gone_at timestamptz not null,
    constraint pk_memories_gone primary key (organization_id, user_id, name)
)
"""
