"""Accounts, sessions, keys, turns, counters and the audit trail."""

from alembic import op

from libs.db.ddl import (
    create_bus_tables,
    enable_row_security,
    enable_row_security_with_secret,
    grant_to_service,
    partition_by_month,
)
from libs.db.security import let_owner_maintain

revision = "2026_11_24_0900"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = """
create table organizations (
    organization_id text constraint pk_organizations primary key,
    name text not null,
    tier text not null,
    created_at timestamptz not null,
    constraint ck_organizations_tier check (tier in ('FREE', 'STARTER', 'PROFESSIONAL', 'ENTERPRISE'))
);
create table users (
    user_id text constraint pk_users primary key,
    organization_id text not null
        constraint fk_users_organization_id references organizations (organization_id),
    email text not null,
    email_hash text not null constraint uq_users_email_hash unique,
    display_name text,
    timezone text not null,
    password_hash text not null,
    created_at timestamptz not null
);
create index ix_users_organization_id on users (organization_id);
create table sessions (
    session_id text constraint pk_sessions primary key,
    organization_id text not null,
    user_id text not null constraint fk_sessions_user_id references users (user_id) on delete cascade,
    token_hash text not null constraint uq_sessions_token_hash unique,
    address text not null,
    user_agent text not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    revoked_at timestamptz
);
create index ix_sessions_user_id on sessions (user_id);
create table api_keys (
    key_id text constraint pk_api_keys primary key,
    organization_id text not null,
    user_id text not null constraint fk_api_keys_user_id references users (user_id) on delete cascade,
    name text not null,
    key_hash text not null constraint uq_api_keys_key_hash unique,
    permissions text[] not null,
    networks text[] not null,
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    constraint ck_api_keys_permissions check (cardinality(permissions) > 0)
);
create index ix_api_keys_user_id on api_keys (user_id);
create table turns (
    turn_id text constraint pk_turns primary key,
    conversation_id text not null,
    organization_id text not null,
    user_id text not null,
    fingerprint text not null,
    created_at timestamptz not null
);
create index ix_turns_conversation_id on turns (conversation_id);
create table rate_limits (
    bucket text constraint pk_rate_limits primary key,
    window_started_at timestamptz not null,
    used integer not null
) with (fillfactor = 70);
create table audit_entries (
    entry_id text not null,
    created_at timestamptz not null,
    organization_id text not null,
    user_id text not null,
    actor text not null,
    action text not null,
    target text not null,
    address text not null,
    user_agent text not null,
    request_id text not null,
    constraint pk_audit_entries primary key (entry_id, created_at)
) partition by range (created_at);
create index ix_audit_entries_of_user on audit_entries (user_id, created_at, entry_id);
"""

_OWN_ORGANIZATION = "organization_id = nullif(current_setting('adjutant.organization_id', true), '')"

# A service's role gets all rights on rows of its tables; these two policies take the change of audit lines back.
_APPEND_ONLY = (
    "create policy no_changes on audit_entries as restrictive for update to svc_gateway using (false)",
    "create policy no_removal on audit_entries as restrictive for delete to svc_gateway using (false)",
)

_FORGET = """
create function forget_what_is_over() returns void
language sql security definer set search_path from current as $$
    delete from rate_limits where window_started_at < now() - interval '1 day';
    delete from sessions where least(expires_at, revoked_at) < now() - interval '7 days';
    delete from turns where created_at < now() - interval '30 days';
$$
"""


def upgrade() -> None:
    """Create everything."""
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
    create_bus_tables(op)

    op.execute("alter table organizations enable row level security")
    op.execute("alter table organizations force row level security")
    op.execute(f"create policy own_rows on organizations using ({_OWN_ORGANIZATION}) with check ({_OWN_ORGANIZATION})")
    enable_row_security_with_secret(op, "users", column="email_hash", setting="presented_email_hash")
    enable_row_security_with_secret(op, "sessions", column="token_hash", setting="presented_session_hash")
    enable_row_security_with_secret(op, "api_keys", column="key_hash", setting="presented_key_hash")
    enable_row_security(op, "turns")
    enable_row_security(op, "audit_entries")
    for statement in _APPEND_ONLY:
        op.execute(statement)

    partition_by_month(op, "audit_entries")
    let_owner_maintain(op, "sessions")
    let_owner_maintain(op, "turns")
    op.execute(_FORGET)
    grant_to_service(op, "gateway")
