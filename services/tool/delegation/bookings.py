"""Bookings as they stand in their table, and what they take of their owner's time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from libs.db import Row, Transaction
from services.tool.delegation.availability import Span, Taken


class Status(StrEnum):
    """Where a booking stands. The first three are in the way of others."""

    HOLD = "hold"
    PENDING = "pending"
    ACCEPTED = "accepted"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, repr=False)
class Booking:
    """A row; `sealed_guest` is opened by who needs it."""

    booking_id: str
    delegation_id: str
    status: Status
    time: Span
    taken: Span
    """From the beginning to the end of what it takes, buffers included; of both stretches while it moves."""
    hold_until: datetime
    has_run_out: bool
    """Whether the hold is over; by PostgreSQL's clock."""
    hold_hash: str | None
    manage_hash: str | None
    sealed_guest: bytes | None
    has_event: bool
    event_ref: str | None
    wanted: Span | None
    changes: int
    tries: int
    error: str | None
    created_at: datetime
    is_being_written: bool
    """Whether somebody may be writing it into the calendar just now: not for long after the last change."""

    @property
    def minutes(self) -> int:
        """How long it lasts."""
        return int((self.time.end - self.time.start) / timedelta(minutes=1))

    def around(self, time: Span) -> Span:
        """That time with the buffers that the booking was made with, whatever its link says by now."""
        known = (self.time, self.wanted) if self.wanted else (self.time,)
        before = min(each.start for each in known) - self.taken.start
        after = self.taken.end - max(each.end for each in known)
        return Span(time.start - before, time.end + after)


async def in_the_way(tx: Transaction, window: Span, but_not: str | None = None) -> Taken:
    """What the owner's bookings, through whichever link, and times agreed on with other users take in the window."""
    rows = await tx.fetch(
        """select lower(part) as begins, upper(part) as ends from bookings, unnest(taken) as part
           where (status in ('pending', 'accepted') or status = 'hold' and hold_until > clock_timestamp())
             and taken && tstzmultirange(tstzrange($1, $2)) and booking_id <> coalesce($3, '')
           union all
           select lower(part), upper(part) from network_holds, unnest(taken) as part
           where taken && tstzmultirange(tstzrange($1, $2))""",
        *window,
        but_not,
    )
    return Taken(busy=[Span(row["begins"], row["ends"]) for row in rows])


async def beginnings(tx: Transaction, delegation_id: str, window: Span, but_not: str | None = None) -> list[datetime]:
    """When this link's bookings of the window begin."""
    rows = await tx.fetch(
        """select starts_at, wanted_starts_at from bookings
           where (status in ('pending', 'accepted') or status = 'hold' and hold_until > clock_timestamp())
             and delegation_id = $1 and booking_id <> coalesce($4, '')
             and (starts_at >= $2 and starts_at < $3 or wanted_starts_at >= $2 and wanted_starts_at < $3)""",
        delegation_id,
        *window,
        but_not,
    )
    return [moment for row in rows for moment in (row["starts_at"], row["wanted_starts_at"]) if moment]


async def changed_at(tx: Transaction) -> datetime | None:
    """When a booking of the owner last changed that the calendar knows of, or is to know of."""
    found: datetime | None = await tx.fetchval("select max(updated_at) from bookings where guest is not null")
    return found


async def count_holds(tx: Transaction, delegation_id: str) -> int:
    """How many slots are held through this link at the moment."""
    sql = (
        "select count(*) from bookings where delegation_id = $1 and status = 'hold' and hold_until > clock_timestamp()"
    )
    found: int = await tx.fetchval(sql, delegation_id)
    return found


async def find(tx: Transaction, booking_id: str, *, lock: bool = False) -> Booking | None:
    """The owner's booking of this id; locked until the end of the transaction if told so."""
    row = await tx.fetchrow(f"{_SELECT} where booking_id = $1{' for update' if lock else ''}", booking_id)
    return _booking(row) if row else None


async def find_hold(tx: Transaction, delegation_id: str, hold_hash: str, start: datetime) -> Booking | None:
    """The hold of who has this secret, while it lasts."""
    row = await tx.fetchrow(
        f"""{_SELECT} where delegation_id = $1 and hold_hash = $2 and starts_at = $3
            and status = 'hold' and hold_until > clock_timestamp()""",
        delegation_id,
        hold_hash,
        start,
    )
    return _booking(row) if row else None


async def listed(tx: Transaction, delegation_id: str, limit: int) -> list[Booking]:
    """This link's bookings by time, latest first; without holds that became nothing."""
    rows = await tx.fetch(
        f"""{_SELECT} where delegation_id = $1
            and (guest is not null or forgotten_at is not null or status = 'hold' and hold_until > clock_timestamp())
            order by starts_at desc, booking_id limit $2""",
        delegation_id,
        limit,
    )
    return [_booking(row) for row in rows]


_SELECT = """
select booking_id, delegation_id, status, starts_at, ends_at, lower(taken) as taken_from, upper(taken) as taken_until,
       hold_until,
       hold_until <= clock_timestamp() as has_run_out,
       hold_hash, manage_hash, guest, has_event, event_ref, wanted_starts_at, wanted_ends_at, changes, tries,
       error, created_at,
       error is null and (status = 'pending' or wanted_starts_at is not null)
           and updated_at > clock_timestamp() - interval '15 minutes' as is_being_written
from bookings
"""


def _booking(row: Row) -> Booking:
    wanted = Span(row["wanted_starts_at"], row["wanted_ends_at"]) if row["wanted_starts_at"] else None
    return Booking(
        booking_id=row["booking_id"],
        delegation_id=row["delegation_id"],
        status=Status(row["status"]),
        time=Span(row["starts_at"], row["ends_at"]),
        taken=Span(row["taken_from"], row["taken_until"]),
        hold_until=row["hold_until"],
        has_run_out=row["has_run_out"],
        hold_hash=row["hold_hash"],
        manage_hash=row["manage_hash"],
        sealed_guest=row["guest"],
        has_event=row["has_event"],
        event_ref=row["event_ref"],
        wanted=wanted,
        changes=row["changes"],
        tries=row["tries"],
        error=row["error"],
        created_at=row["created_at"],
        is_being_written=row["is_being_written"],
    )
