"""What an outsider may ask of one link: free times, a hold, a booking, another time, nothing any more.

Each is one transaction in the owner's scope. What follows in the calendar is `services.tool.booking`'s, which is told
by a command in the same transaction, so that it happens also when this process dies.
"""

import hmac
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from contracts.bookings import BookingCancelled, SettleBooking
from contracts.envelope import Scope
from contracts.ids import new_id
from libs.bus import publish
from libs.db import Database, Transaction
from libs.resilience.errors import AdjutantError
from libs.vault import Vault
from services.tool.delegation import bookings, links, steps
from services.tool.delegation.agendas import Agendas
from services.tool.delegation.availability import Span, Taken, free_starts, local_day, slot_range
from services.tool.delegation.bookings import Booking, Status
from services.tool.delegation.busy_times import BusyTimes, Calendar
from services.tool.delegation.constraints import MOST_DAYS_AHEAD, Constraints
from services.tool.delegation.errors import (
    BookingInProgress,
    BookingLinkNotFound,
    BookingOver,
    BookingUnavailable,
    DurationNotOffered,
    GuestNotAllowed,
    HoldExpired,
    SlotTaken,
    TooManyHolds,
    WindowRefused,
)
from services.tool.delegation.guests import Guest
from services.tool.delegation.links import Link
from services.tool.delegation.steps import NewBooking
from services.tool.delegation.turns import Turns

LONGEST_WINDOW: Final = timedelta(days=62)
MOST_HOLDS: Final = 20
"""Through one link at a time: a slot that is held by nobody in earnest is lost for ten minutes."""
SETTLED_AFTER: Final = timedelta(seconds=30)
"""When the calendar is looked after by command: later than the process that made the change needs for it."""
_NEAR: Final = timedelta(days=MOST_DAYS_AHEAD + 2)
_INSTANT: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Desk:
    """One link, in its owner's scope."""

    db: Database
    vault: Vault
    busy_times: BusyTimes
    turns: Turns
    scope: Scope
    delegation_id: str

    async def slots(
        self, window: Span, minutes: int, now: datetime, agendas: Agendas, calendars: Sequence[str]
    ) -> list[datetime]:
        """Free times, without a word about what fills the others. `calendars` are the owner's, by provider. Raises
        BookingLinkNotFound, DurationNotOffered, WindowRefused, BookingUnavailable."""
        if not timedelta() < window.end - window.start <= LONGEST_WINDOW:
            raise WindowRefused(f"The window must be longer than nothing and at most {LONGEST_WINDOW.days} days.")
        async with self.db.reading(self.scope) as tx:
            link = await self._link(tx, minutes)
            rules, zone = link.terms.constraints, link.terms.zone
            wide = Span(window.start - timedelta(days=2), window.end + timedelta(days=2))
            taken = await bookings.in_the_way(tx, wide)
            booked = await bookings.beginnings(tx, self.delegation_id, wide)
            changed_at = await bookings.changed_at(tx)
        if window.end <= now or window.start > now + timedelta(days=rules.days_ahead + 2):
            return []
        wanted = Span(window.start - _before(rules), window.end + timedelta(minutes=minutes) + _after(rules))
        busy = list(taken.busy)
        for provider in _some(calendars):
            calendar = Calendar(self.scope.user_id, provider, changed_at, agendas.at(provider, zone))
            try:
                busy += await self.busy_times.of(calendar, wanted)
            except AdjutantError as error:
                raise BookingUnavailable from error
        return free_starts(Taken(busy, booked), rules, zone, window, minutes, now)

    async def hold(self, start: datetime, minutes: int, hold_hash: str, now: datetime) -> tuple[NewBooking, datetime]:
        """Keep a slot, and until when; asked again with the same secret, it is the same hold. Raises
        BookingLinkNotFound, DurationNotOffered, SlotTaken, TooManyHolds."""
        async with self._turn() as tx:
            link = await self._link(tx, minutes)
            _require_near(start, now)
            held = await bookings.find_hold(tx, self.delegation_id, hold_hash, start)
            if held and held.minutes == minutes:
                return NewBooking(held.booking_id, self.delegation_id, held.time, held.time), held.hold_until
            if await bookings.count_holds(tx, self.delegation_id) >= MOST_HOLDS:
                raise TooManyHolds("Too many times are being held at the moment.", retry_after_s=60)
            new = await self._free(tx, link, start, minutes, now)
            return new, await steps.hold(tx, new, hold_hash, now)

    async def book(self, booking_id: str, hold_hash: str, manage_hash: str, guest: Guest) -> Booking:
        """The hold becomes a booking. Asked again, the same one under the new secret. Raises BookingLinkNotFound,
        GuestNotAllowed, HoldExpired, SlotTaken."""
        async with self.db.transaction(self.scope) as tx:
            key = await self.vault.user_key(tx)
            link = await links.require_active(tx, key, self.delegation_id)
            booking = await self._mine(tx, booking_id, hold_hash=hold_hash)
            _require_guest(link.terms.constraints, guest)
            if booking.status is Status.CANCELLED:
                raise SlotTaken
            if booking.has_run_out or booking.status is Status.EXPIRED:
                raise HoldExpired
            if booking.status is Status.HOLD:
                await steps.book(tx, booking_id, _worded(guest, link).seal(key, booking_id))
                await settle_later(tx, booking_id)
            await steps.entrust(tx, booking_id, manage_hash)
            return await _again(tx, booking_id)

    async def book_at_once(
        self,
        booking_id: str,
        start: datetime,
        minutes: int,
        guest: Guest,
        now: datetime,
        manage_hash: str | None = None,
    ) -> None:
        """Without a hold before; a second call for the same id changes nothing. Raises BookingLinkNotFound,
        DurationNotOffered, GuestNotAllowed, SlotTaken."""
        async with self._turn() as tx:
            key = await self.vault.user_key(tx)
            link = await self._link(tx, minutes)
            if await bookings.find(tx, booking_id):
                return
            _require_guest(link.terms.constraints, guest)
            _require_near(start, now)
            new = await self._free(tx, link, start, minutes, now, booking_id=booking_id)
            await steps.book_at_once(tx, new, _worded(guest, link).seal(key, booking_id), now)
            if manage_hash is not None:
                await steps.entrust(tx, booking_id, manage_hash)
            await settle_later(tx, booking_id)

    async def find(self, booking_id: str, manage_hash: str) -> Booking:
        """The booking of who knows its secret. Raises BookingLinkNotFound."""
        async with self.db.transaction(self.scope) as tx:
            return await self._mine(tx, booking_id, manage_hash=manage_hash)

    async def move(self, booking_id: str, manage_hash: str, start: datetime, now: datetime) -> Booking:
        """Take another slot; the present one stays taken until the calendar has followed. Raises
        BookingLinkNotFound, BookingInProgress, BookingOver, SlotTaken."""
        async with self._turn() as tx:
            link = await links.require_active(tx, await self.vault.user_key(tx), self.delegation_id)
            booking = await self._mine(tx, booking_id, manage_hash=manage_hash)
            _require_open(booking, now)
            if booking.status is Status.PENDING:
                raise BookingInProgress("The booking is not in the calendar yet.")
            if booking.status is not Status.ACCEPTED:
                raise BookingOver("This booking was cancelled.")
            _require_near(start, now)
            if booking.time.start != start:
                new = await self._free(tx, _keeping(link, booking), start, booking.minutes, now, booking_id=booking_id)
                await steps.want(tx, booking_id, new.time, new.taken)
                await settle_later(tx, booking_id)
            return await _again(tx, booking_id)

    async def give_up(self, booking_id: str, secret_hash: str, now: datetime) -> Booking:
        """The outsider cancels, or lets a hold go; a second time nothing happens. Raises BookingLinkNotFound,
        BookingInProgress, BookingOver."""
        async with self.db.transaction(self.scope) as tx:
            booking = await self._mine(tx, booking_id, hold_hash=secret_hash, manage_hash=secret_hash)
            return await cancel(tx, booking, "guest", now)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[Transaction]:
        """A transaction in which time may be taken: one after the other for each owner, over all replicas."""
        async with self.turns.of(self.scope.user_id), self.db.transaction(self.scope) as tx:
            await steps.lock_owner(tx)
            yield tx

    async def _link(self, tx: Transaction, minutes: int) -> Link:
        link = await links.require_active(tx, await self.vault.user_key(tx), self.delegation_id)
        if minutes not in link.terms.constraints.durations:
            offered = ", ".join(map(str, link.terms.constraints.durations))
            raise DurationNotOffered(f"duration: the lengths on offer are {offered} minutes.")
        return link

    async def _free(
        self,
        tx: Transaction,
        link: Link,
        start: datetime,
        minutes: int,
        now: datetime,
        *,
        booking_id: str | None = None,
    ) -> NewBooking:
        """The slot, if the rules and the bookings allow it. The calendar is asked when it is written."""
        rules, zone = link.terms.constraints, link.terms.zone
        wanted = slot_range(start, minutes, rules)
        taken = await bookings.in_the_way(tx, wanted, booking_id)
        booked = await bookings.beginnings(tx, self.delegation_id, local_day(start, zone), booking_id)
        found = free_starts(Taken(taken.busy, booked), rules, zone, Span(start, start + _INSTANT), minutes, now)
        if found != [start]:
            raise SlotTaken
        time = Span(start, start + timedelta(minutes=minutes))
        return NewBooking(booking_id or new_id("b"), self.delegation_id, time, wanted)

    async def _mine(
        self, tx: Transaction, booking_id: str, *, hold_hash: str | None = None, manage_hash: str | None = None
    ) -> Booking:
        """The booking of this link, locked, if one of the secrets is its own."""
        booking = await bookings.find(tx, booking_id, lock=True)
        if booking is None or booking.delegation_id != self.delegation_id:
            raise BookingLinkNotFound
        if not (_same(booking.hold_hash, hold_hash) or _same(booking.manage_hash, manage_hash)):
            raise BookingLinkNotFound
        return booking


async def cancel(tx: Transaction, booking: Booking, by: Literal["owner", "guest"], now: datetime) -> Booking:
    """Free the slot of a locked booking; its event is taken out afterwards. Raises BookingInProgress, BookingOver."""
    if booking.status not in (Status.CANCELLED, Status.EXPIRED):
        _require_open(booking, now)
        await steps.release(tx, booking.booking_id)
        if booking.status is not Status.HOLD:
            time = booking.time.start
            about = {"booking_id": booking.booking_id, "delegation_id": booking.delegation_id, "starts_at": time}
            await publish(tx, BookingCancelled(**about, by=by))
            await settle_later(tx, booking.booking_id)
    return await _again(tx, booking.booking_id)


def _some(calendars: Sequence[str]) -> Sequence[str]:
    """Without a calendar nobody knows when its owner is free."""
    if not calendars:
        raise BookingUnavailable
    return calendars


def _require_open(booking: Booking, now: datetime) -> None:
    if booking.is_being_written:
        raise BookingInProgress("The calendar is being written at this moment.")
    if booking.status in (Status.PENDING, Status.ACCEPTED) and booking.time.start <= now:
        raise BookingOver("The appointment has begun.")


def _require_near(start: datetime, now: datetime) -> None:
    """With moments at the end of all calendars nothing can be reckoned. Raises SlotTaken."""
    if not now - _NEAR < start < now + _NEAR:
        raise SlotTaken


def _require_guest(rules: Constraints, guest: Guest) -> None:
    if not rules.admits(guest.address):
        raise GuestNotAllowed("This link is meant for other people.")


def _worded(guest: Guest, link: Link) -> Guest:
    return replace(guest, label=link.terms.label, zone=link.terms.timezone)


def _keeping(link: Link, booking: Booking) -> Link:
    """The link as it is now, but with the buffers that the booking was made with."""
    around = booking.around(booking.time)
    before, after = booking.time.start - around.start, around.end - booking.time.end
    rules = replace(
        link.terms.constraints,
        buffer_before_minutes=int(before / timedelta(minutes=1)),
        buffer_after_minutes=int(after / timedelta(minutes=1)),
    )
    return replace(link, terms=replace(link.terms, constraints=rules))


def _same(stored: str | None, presented: str | None) -> bool:
    return stored is not None and presented is not None and hmac.compare_digest(stored, presented)


def _before(rules: Constraints) -> timedelta:
    return timedelta(minutes=rules.buffer_before_minutes)


def _after(rules: Constraints) -> timedelta:
    return timedelta(minutes=rules.buffer_after_minutes)


async def settle_later(tx: Transaction, booking_id: str) -> None:
    """Have the calendar looked after, whatever becomes of this process."""
    at = await tx.fetchval("select clock_timestamp()") + SETTLED_AFTER
    await publish(tx, SettleBooking(booking_id=booking_id), deliver_at=at)


async def _again(tx: Transaction, booking_id: str) -> Booking:
    booking = await bookings.find(tx, booking_id)
    assert booking is not None
    return booking
