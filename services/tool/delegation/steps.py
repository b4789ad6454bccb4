"""The life of a booking in its table. Each function is one step, in the caller's transaction.

    hold ──> pending ──> accepted ──> cancelled
      └────> expired │     └ moving: takes both stretches until the calendar has followed
                     └──> cancelled (the calendar said no)

Steps that take time away from others run one after the other for each owner (`lock_owner`): two of them at once would
make PostgreSQL wait for a deadlock before it refuses one. The exclusion constraint is what promises; the lock is speed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from libs.db import ExclusionViolation, Transaction
from services.tool.delegation.availability import Span
from services.tool.delegation.bookings import Booking, Status
from services.tool.delegation.errors import SlotTaken

HOLD: Final = timedelta(minutes=10)
KEPT_EXPIRED: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class NewBooking:
    """What a slot is taken with. `taken` is `time` with its buffers."""

    booking_id: str
    delegation_id: str
    time: Span
    taken: Span


async def lock_owner(tx: Transaction) -> None:
    """Until the end of this transaction no other one takes time of the same owner."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"bookings {tx.require_scope().user_id}")


async def hold(tx: Transaction, new: NewBooking, hold_hash: str, now: datetime) -> datetime:
    """Take the slot for ten minutes; until when. Raises SlotTaken."""
    await _clear(tx, new.taken)
    return await _insert(tx, new, Status.HOLD, now, hold_hash=hold_hash)


async def book_at_once(tx: Transaction, new: NewBooking, guest: bytes, now: datetime) -> None:
    """Take the slot without a hold before. Raises SlotTaken."""
    await _clear(tx, new.taken)
    await _insert(tx, new, Status.PENDING, now, guest=guest)


async def book(tx: Transaction, booking_id: str, guest: bytes) -> None:
    """The hold becomes a booking that the calendar does not know yet."""
    await tx.execute(
        """update bookings set status = 'pending', guest = $2, has_event = true, updated_at = clock_timestamp()
           where booking_id = $1""",
        booking_id,
        guest,
    )


async def entrust(tx: Transaction, booking_id: str, manage_hash: str) -> None:
    """Whoever knows this secret may cancel and move the booking."""
    await tx.execute("update bookings set manage_hash = $2 where booking_id = $1", booking_id, manage_hash)


async def accept(tx: Transaction, booking_id: str, event_ref: str | None) -> bool:
    """It is in the calendar; False when it was not waiting for that."""
    return await _changed(
        tx,
        "update bookings set status = 'accepted', event_ref = $2, error = null, updated_at = clock_timestamp()"
        " where booking_id = $1 and status = 'pending'",
        booking_id,
        event_ref,
    )


async def release(tx: Transaction, booking_id: str, error: str | None = None, *, has_event: bool = True) -> bool:
    """The slot is free again; False when it was not taken. `has_event`: the calendar may still have to be told."""
    return await _changed(
        tx,
        """update bookings
            set status = case status when 'hold' then 'expired' else 'cancelled' end,
                wanted_starts_at = null, wanted_ends_at = null, has_event = has_event and $3, error = $2,
                updated_at = clock_timestamp()
            where booking_id = $1 and status in ('hold', 'pending', 'accepted')""",
        booking_id,
        error,
        has_event,
    )


async def want(tx: Transaction, booking_id: str, time: Span, taken: Span) -> None:
    """Take another stretch beside the present one. Raises SlotTaken."""
    await _clear(tx, taken)
    try:
        async with tx.savepoint():
            await tx.execute(
                """update bookings
                    set wanted_starts_at = $2, wanted_ends_at = $3, taken = taken + tstzmultirange(tstzrange($4, $5)),
                        changes = changes + 1, error = null, updated_at = clock_timestamp()
                    where booking_id = $1""",
                booking_id,
                *time,
                *taken,
            )
    except ExclusionViolation as error:
        raise SlotTaken from error


async def moved(tx: Transaction, booking: Booking, taken: Span, event_ref: str | None) -> bool:
    """The calendar has followed; False when this move is over already."""
    return await _changed(
        tx,
        """update bookings
            set starts_at = wanted_starts_at, ends_at = wanted_ends_at, wanted_starts_at = null, wanted_ends_at = null,
                taken = tstzmultirange(tstzrange($3, $4)), event_ref = coalesce($5, event_ref), error = null,
                updated_at = clock_timestamp()
            where booking_id = $1 and changes = $2 and wanted_starts_at is not null""",
        booking.booking_id,
        booking.changes,
        *taken,
        event_ref,
    )


async def stayed(tx: Transaction, booking: Booking, taken: Span, error: str) -> bool:
    """The calendar did not follow: everything is as it was. False when this move is over already."""
    return await _changed(
        tx,
        """update bookings
            set wanted_starts_at = null, wanted_ends_at = null, taken = tstzmultirange(tstzrange($3, $4)),
                error = $5, updated_at = clock_timestamp()
            where booking_id = $1 and changes = $2 and wanted_starts_at is not null""",
        booking.booking_id,
        booking.changes,
        *taken,
        error,
    )


async def withdrawn(tx: Transaction, booking_id: str) -> bool:
    """The event of a cancelled booking is gone from the calendar."""
    return await _changed(
        tx,
        """update bookings set event_ref = null, has_event = false, error = null,
            updated_at = clock_timestamp()
            where booking_id = $1 and status = 'cancelled' and has_event""",
        booking_id,
    )


async def came_late(tx: Transaction, booking_id: str, event_ref: str | None) -> bool:
    """The calendar got an event that nobody wants any more: it is to be taken out. False when it is wanted."""
    return await _changed(
        tx,
        """update bookings
            set has_event = true, event_ref = coalesce($2, event_ref), tries = tries + 1, updated_at = clock_timestamp()
            where booking_id = $1 and status = 'cancelled'""",
        booking_id,
        event_ref,
    )


async def try_again(tx: Transaction, booking: Booking, error: str) -> None:
    """The calendar is out of step: the next try is an execution anew."""
    await tx.execute(
        """update bookings set error = $3, tries = tries + 1, updated_at = clock_timestamp()
           where booking_id = $1 and tries = $2""",
        booking.booking_id,
        booking.tries,
        error,
    )


async def _insert(
    tx: Transaction,
    new: NewBooking,
    status: Status,
    now: datetime,
    *,
    hold_hash: str | None = None,
    guest: bytes | None = None,
) -> datetime:
    try:
        async with tx.savepoint():
            until: datetime = await tx.fetchval(
                """insert into bookings (booking_id, delegation_id, status, starts_at, ends_at, taken, hold_until,
                                         hold_hash, guest, has_event, changes, tries, created_at, updated_at)
                   values ($1, $2, $3, $4, $5, tstzmultirange(tstzrange($6, $7)), clock_timestamp() + $8::interval,
                           $9, $10, $3 = 'pending', 0, 0, $11, $11)
                   returning hold_until""",
                new.booking_id,
                new.delegation_id,
                status,
                *new.time,
                *new.taken,
                HOLD,
                hold_hash,
                guest,
                now,
            )
    except ExclusionViolation as error:
        raise SlotTaken from error
    return until


async def _clear(tx: Transaction, stretch: Span) -> None:
    """Holds that have run out make way; those of days ago are forgotten."""
    await tx.execute(
        """update bookings set status = 'expired', updated_at = clock_timestamp()
            where status = 'hold' and hold_until <= clock_timestamp() and taken && tstzmultirange(tstzrange($1, $2))""",
        *stretch,
    )
    await tx.execute(
        """delete from bookings where guest is null and status in ('hold', 'expired')
           and hold_until < clock_timestamp() - $1::interval""",
        KEPT_EXPIRED,
    )


async def _changed(tx: Transaction, sql: str, *arguments: object) -> bool:
    return await tx.execute(sql, *arguments) != "UPDATE 0"
