"""Who booked is forgotten some time after the meeting; a booking that came to nothing is, all of it."""

from alembic import op

from libs.db.security import let_owner_maintain

revision = "2026_11_28_2200"
down_revision = "2026_11_28_2000"

_FORGET = """
create function forget_bookings(keep interval, keep_abandoned interval, at_most integer) returns integer
language plpgsql security definer set search_path from current as $$
declare counted integer; gone integer := 0;
begin
    if least(keep, keep_abandoned) < interval '1 day' then raise exception 'keep must be at least a day'; end if;
    update bookings set guest = null, hold_hash = null, manage_hash = null, forgotten_at = now()
        where ctid = any(array(
            select ctid from bookings
            where guest is not null and status = 'accepted' and greatest(ends_at, wanted_ends_at) < now() - keep
            limit at_most for update skip locked));
    get diagnostics counted = row_count; gone := gone + counted;
    delete from bookings where ctid = any(array(
        select ctid from bookings
        where status in ('hold', 'expired', 'cancelled') and greatest(hold_until, updated_at) < now() - keep_abandoned
           or status = 'pending' and ends_at < now() - keep_abandoned
        limit at_most for update skip locked));
    get diagnostics counted = row_count; gone := gone + counted;
    delete from executions where ctid = any(array(
        select ctid from executions
        where tool like 'delegation\\_%' and finished_at < now() - keep_abandoned
        limit at_most for update skip locked));
    get diagnostics counted = row_count;
    return gone + counted;
end $$
"""


def upgrade() -> None:
    op.execute("alter table bookings add column forgotten_at timestamptz")
    op.execute("alter table bookings drop constraint ck_bookings_booked_by_somebody")
    op.execute(
        "alter table bookings add constraint ck_bookings_booked_by_somebody check"
        " (status not in ('pending', 'accepted') or guest is not null or forgotten_at is not null)"
    )
    op.execute("create index ix_bookings_ends_at on bookings (ends_at) where guest is not null")
    op.execute("create index ix_executions_of_bookings on executions (finished_at) where tool like 'delegation\\_%'")
    let_owner_maintain(op, "bookings")
    let_owner_maintain(op, "executions")
    op.execute(_FORGET)


def downgrade() -> None:
    op.execute("drop function forget_bookings")
    op.execute("drop policy owner_maintains on executions")
    op.execute("drop policy owner_maintains on bookings")
    op.execute("drop index ix_executions_of_bookings")
    op.execute("drop index ix_bookings_ends_at")
    op.execute("delete from bookings where forgotten_at is not null")
    op.execute("alter table bookings drop constraint ck_bookings_booked_by_somebody")
    op.execute(
        "alter table bookings add constraint ck_bookings_booked_by_somebody check"
        " (status not in ('pending', 'accepted') or guest is not null)"
    )
    op.execute("alter table bookings drop column forgotten_at")
