"""Log-ins under way, connections with sealed tokens, and what happened to them."""

from alembic import op

from libs.db.ddl import create_bus_tables, create_data_keys, enable_row_security

revision = "2026_11_24_0900"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_bus_tables(op)
    create_data_keys(op)
    for table, definition in _TABLES.items():
        op.execute(f"create table {table} ({_OWNER}{definition})")
        enable_row_security(op, table)
    op.execute("create index ix_connection_audit_newest on connection_audit (user_id, at desc)")
    # Append-only: restrictive policies forbid what the permissive one would allow.
    for verb in ("update", "delete"):
        op.execute(f"create policy never_{verb} on connection_audit as restrictive for {verb} using (false)")


def downgrade() -> None:
    for table in (*_TABLES, "data_keys", "outbox", "inbox", "dead_letters"):
        op.execute(f"drop table {table}")


_OWNER = """
    organization_id text not null default current_setting('adjutant.organization_id'),
    user_id text not null default current_setting('adjutant.user_id'),
"""

_TABLES = {
    "authorizations": """
    state_hash text not null,
    provider text not null,
    browser_binding text not null,
    verifier bytea not null,
    nonce text not null,
    expires_at timestamptz not null,
    constraint pk_authorizations primary key (organization_id, user_id, state_hash)
""",
    "connections": """
    connection_id text not null,
    provider text not null,
    status text not null,
    account bytea not null,
    access_token bytea not null,
    refresh_token bytea,
    scopes text[] not null,
    expires_at timestamptz not null,
    connected_at timestamptz not null,
    constraint pk_connections primary key (organization_id, user_id, connection_id),
    constraint uq_connections_provider unique (organization_id, user_id, provider),
    constraint ck_connections_status check (status in ('active', 'reauthorization_required'))
""",
    "connection_audit": """
    entry_id text not null,
    provider text not null,
    action text not null,
    note text not null,
    at timestamptz not null,
    constraint pk_connection_audit primary key (organization_id, user_id, entry_id)
""",
}
