"""Links for outsiders, and bookings that exclude each other."""

from alembic import op

from libs.db.ddl import enable_row_security, enable_row_security_with_secret

revision = "2026_11_28_1000"
down_revision = "2026_11_27_0900"


def upgrade() -> None:
    # A trusted extension: a role that may create objects in the database may create it. It lets one index compare
    # who the owner is and when the slot is.
    op.execute("create schema if not exists extensions")
    op.execute("create extension if not exists btree_gist schema extensions")
    op.execute(_DELEGATIONS)
    op.execute("create unique index uq_delegations_token_hash on delegations (token_hash)")
    enable_row_security_with_secret(
        op, "delegations", column="token_hash", setting="presented_delegation_hash", writable=False
    )
    op.execute(_BOOKINGS)
    op.execute(
        "create index ix_bookings_delegation_id on bookings (organization_id, user_id, delegation_id, starts_at)"
    )
    enable_row_security(op, "bookings")


def downgrade() -> None:
    op.execute("drop table bookings")
    op.execute("drop table delegations")


_DELEGATIONS = """
create table delegations (
    organization_id text not null default current_setting('adjutant.organization_id'),
    user_id text not null default current_setting('adjutant.user_id'),
    delegation_id text not null,
    token_hash text not null,
    terms bytea not null,
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz,
    constraint pk_delegations primary key (organization_id, user_id, delegation_id),
    constraint ck_delegations_token_is_hashed check (token_hash ~ '^[0-9a-f]{64}$')
)
"""
_BOOKINGS = """
create table bookings (
    organization_id text not null default current_setting('adjutant.organization_id'),
    user_id text not null default current_setting('adjutant.user_id'),
    booking_id text not null,
    delegation_id text not null,
    status text not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    taken tstzmultirange not null,
    hold_until timestamptz not null,
    hold_hash text,
    manage_hash text,
    guest bytea,
    has_event boolean not null,
    event_ref text,
    wanted_starts_at timestamptz,
    wanted_ends_at timestamptz,
    changes integer not null,
    tries integer not null,
    error text,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint pk_bookings primary key (organization_id, user_id, booking_id),
    constraint fk_bookings_delegation foreign key (organization_id, user_id, delegation_id)
        references delegations (organization_id, user_id, delegation_id),
    constraint ex_bookings_taken_once exclude using gist
        (organization_id with =, user_id with =, taken with &&) where (status in ('hold', 'pending', 'accepted')),
    constraint ck_bookings_status check (status in ('hold', 'pending', 'accepted', 'cancelled', 'expired')),
    constraint ck_bookings_has_a_length check (starts_at < ends_at),
    constraint ck_bookings_booked_by_somebody check (status not in ('pending', 'accepted') or guest is not null),
    constraint ck_bookings_wanted_whole check ((wanted_starts_at is null) = (wanted_ends_at is null))
)
"""
