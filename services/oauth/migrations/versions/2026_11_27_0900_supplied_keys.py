"""API keys that users and organizations supply, who took them when, and the scopes a log-in asked for."""

from alembic import op

from libs.db.ddl import enable_row_security

revision = "2026_11_27_0900"
down_revision = "2026_11_24_0900"

_OWNER = """
    organization_id text not null default current_setting('adjutant.organization_id'),
    user_id text not null default current_setting('adjutant.user_id'),"""


def upgrade() -> None:
    op.execute("alter table authorizations add column scopes text[] not null default '{}'")
    for table, columns in _TABLES.items():
        op.execute(f"create table {table} ({_OWNER} {columns})")
        enable_row_security(op, table)
    op.execute(
        "create unique index uq_supplied_keys_current on supplied_keys (organization_id, user_id, provider)"
        " where retires_at is null"
    )


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.execute(f"drop table {table}")
    op.execute("alter table authorizations drop column scopes")


_TABLES = {
    "supplied_keys": """
        key_id text not null,
        provider text not null,
        label text not null,
        secret bytea not null,
        created_at timestamptz not null,
        retires_at timestamptz,
        constraint pk_supplied_keys primary key (organization_id, user_id, key_id)
""",
    "supplied_key_uses": """
        key_id text not null,
        service text not null,
        day date not null,
        uses integer not null,
        last_at timestamptz not null,
        constraint pk_supplied_key_uses primary key (organization_id, user_id, key_id, service, day),
        constraint fk_supplied_key_uses_key foreign key (organization_id, user_id, key_id)
            references supplied_keys (organization_id, user_id, key_id) on delete cascade
""",
}
