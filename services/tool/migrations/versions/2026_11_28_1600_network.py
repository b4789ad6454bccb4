"""Users who know each other, and what they negotiate."""

from alembic import op

from libs.db.ddl import enable_row_security, enable_row_security_with_secret

revision = "2026_11_28_1600"
down_revision = "2026_11_28_1400"


def upgrade() -> None:
    op.execute(_CONNECTIONS)
    op.execute("create index ix_network_connections_invited_hash on network_connections (invited_hash)")
    op.execute("create index ix_network_connections_partner on network_connections (partner_user_id)")
    enable_row_security_with_secret(
        op, "network_connections", column="invited_hash", setting="presented_invitation_hash", writable=False
    )
    op.execute(_NEGOTIATIONS)
    op.execute("create index ix_negotiations_partner on negotiations (partner_user_id, updated_at desc)")
    op.execute("create index ix_negotiations_owner on negotiations (organization_id, user_id, updated_at desc)")
    enable_row_security(op, "negotiations")
    for table in ("network_connections", "negotiations"):
        # The other of the two reads the row; only its owner's scope writes it.
        op.execute(f"create policy partner_reads on {table} for select using ({_PARTNER})")
    op.execute(_HOLDS)
    enable_row_security(op, "network_holds")


def downgrade() -> None:
    op.execute("drop table network_holds")
    op.execute("drop table negotiations")
    op.execute("drop table network_connections")


# An invitation by user id does not know the organization yet; user ids are unique over all of them.
_PARTNER = (
    "partner_user_id = nullif(current_setting('adjutant.user_id', true), '')"
    " and coalesce(partner_organization_id = nullif(current_setting('adjutant.organization_id', true), ''), true)"
)
_CONNECTIONS = """
create table network_connections (
    organization_id text not null default current_setting('adjutant.organization_id'),
    user_id text not null default current_setting('adjutant.user_id'),
    connection_id text not null,
    status text not null,
    invited_hash text,
    partner_organization_id text,
    partner_user_id text,
    blocked_by text,
    content bytea not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    updated_at timestamptz not null,
    constraint pk_network_connections primary key (organization_id, user_id, connection_id),
    constraint ck_network_connections_status
        check (status in ('invited', 'connected', 'declined', 'removed', 'blocked')),
    constraint ck_network_connections_address_is_hashed check (invited_hash ~ '^[0-9a-f]{64}$'),
    constraint ck_network_connections_somebody check (num_nonnulls(invited_hash, partner_user_id) > 0),
    constraint ck_network_connections_connected_to_somebody
        check (status <> 'connected' or num_nonnulls(partner_organization_id, partner_user_id) = 2),
    constraint ck_network_connections_not_oneself check (partner_user_id <> user_id),
    constraint ck_network_connections_blocked_by_somebody check ((status = 'blocked') = (blocked_by is not null))
)
"""
_NEGOTIATIONS = """
create table negotiations (
    organization_id text not null default current_setting('adjutant.organization_id'),
    user_id text not null default current_setting('adjutant.user_id'),
    session_id text not null,
    connection_id text not null,
    partner_organization_id text not null,
    partner_user_id text not null,
    phase text not null,
    turn text not null,
    round integer not null,
    slots timestamptz[] not null,
    until timestamptz not null,
    agreed timestamptz,
    minutes integer not null,
    window_start timestamptz not null,
    window_end timestamptz not null,
    content bytea not null,
    moved_by text[] not null,
    is_undoing boolean not null default false,
    initiator_event text not null default 'none',
    initiator_ref text,
    responder_event text not null default 'none',
    responder_ref text,
    tries integer not null default 0,
    error text,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint pk_negotiations primary key (organization_id, user_id, session_id),
    constraint ck_negotiations_phase
        check (phase in ('open', 'agreed', 'confirmed', 'failed', 'declined', 'cancelled', 'expired')),
    constraint ck_negotiations_turn check (turn in ('initiator', 'responder')),
    constraint ck_negotiations_agreed_on_one
        check ((phase in ('agreed', 'confirmed', 'failed')) = (agreed is not null)),
    constraint ck_negotiations_events
        check (initiator_event in ('none', 'begun', 'there') and responder_event in ('none', 'begun', 'there')),
    constraint ck_negotiations_confirmed_in_both
        check (phase <> 'confirmed' or initiator_event = 'there' and responder_event = 'there'),
    constraint ck_negotiations_failed_in_neither
        check (phase <> 'failed' or initiator_event = 'none' and responder_event = 'none'
               or error = 'event_left_behind')
)
"""
_HOLDS = """
create table network_holds (
    organization_id text not null default current_setting('adjutant.organization_id'),
    user_id text not null default current_setting('adjutant.user_id'),
    session_id text not null,
    taken tstzrange not null,
    created_at timestamptz not null default clock_timestamp(),
    constraint pk_network_holds primary key (organization_id, user_id, session_id),
    constraint ex_network_holds_taken_once exclude using gist
        (organization_id with =, user_id with =, taken with &&)
)
"""
