"""The reception of one link: the desk, the calendar, and the ledger behind it."""

import hashlib
from dataclasses import dataclass
from dataclasses import replace as with_changes
from datetime import datetime

from contracts.envelope import Scope
from libs.resilience.errors import AdjutantError
from services.tool import booking
from services.tool.delegation import bookings, links
from services.tool.delegation.agendas import Agendas, calendars_among
from services.tool.delegation.availability import Span
from services.tool.delegation.bookings import Booking, Status
from services.tool.delegation.desk import Desk
from services.tool.delegation.errors import BookingUnavailable, SlotTaken
from services.tool.delegation.guests import Guest
from services.tool.deps import ToolDeps
from services.tool.errors import ExecutionInProgress


@dataclass(frozen=True, slots=True)
class LinkReception:
    """Implements `services.tool.delegation.reception.Reception`."""

    deps: ToolDeps
    scope: Scope
    delegation_id: str
    manage_hash: str | None = None
    """Of the secret that moves and cancels what is booked here."""

    @property
    def desk(self) -> Desk:
        """Where it is looked after."""
        return self.deps.desk(self.scope, self.delegation_id)

    async def durations(self) -> tuple[int, ...]:
        """Lengths on offer. Raises BookingLinkNotFound."""
        async with self.deps.db.reading(self.scope) as tx:
            link = await links.require_active(tx, await self.deps.vault.user_key(tx), self.delegation_id)
        return link.terms.constraints.durations

    async def slots(self, window: Span, minutes: int, now: datetime, timeout_s: float) -> list[datetime]:
        """Free times."""
        return await slots_of(self.desk, window, minutes, now, timeout_s, self.deps)

    async def schedule(self, execution_id: str, start: datetime, minutes: int, guest: Guest, now: datetime) -> Booking:
        """Book at once; the booking's id follows from the execution's."""
        booking_id = _booking_id(execution_id)
        guest = with_changes(guest, host=await booking.host_of(self.scope, self.deps))
        await self.desk.book_at_once(booking_id, start, minutes, guest, now, self.manage_hash)
        return accepted(await booking.settle(booking_id, self.scope, self.deps))

    async def scheduled(self, execution_id: str) -> Booking | None:
        """The booking of that execution."""
        async with self.deps.db.reading(self.scope) as tx:
            found = await bookings.find(tx, _booking_id(execution_id))
        if found and found.status is Status.PENDING:
            raise ExecutionInProgress("The calendar is being written at this moment.")
        return found if found and found.status is Status.ACCEPTED else None


async def slots_of(
    desk: Desk, window: Span, minutes: int, now: datetime, timeout_s: float, deps: ToolDeps
) -> list[datetime]:
    """Free times, by all the calendars that the owner has connected. Raises what `Desk.slots` does."""
    agendas = Agendas(deps.access(desk.scope), deps.calendar, deps.work, timeout_s)
    try:
        calendars = calendars_among(await deps.connected.of(desk.scope))
    except AdjutantError as error:
        raise BookingUnavailable from error
    return await desk.slots(window, minutes, now, agendas, calendars)


async def settled(booking_id: str, scope: Scope, deps: ToolDeps) -> Booking:
    """The booking as far as its calendar has followed; what is missing follows by command."""
    try:
        return await booking.settle(booking_id, scope, deps)
    except AdjutantError as error:
        if not error.retryable:
            raise
        async with deps.db.reading(scope) as tx:
            found = await bookings.find(tx, booking_id)
        assert found is not None
        return found


def accepted(found: Booking) -> Booking:
    """The booking, unless the calendar refused it. Raises SlotTaken, BookingUnavailable."""
    if found.status is Status.CANCELLED:
        raise SlotTaken if found.error == SlotTaken.slug else BookingUnavailable
    return found


def _booking_id(execution_id: str) -> str:
    return f"b_{hashlib.sha256(f'adjutant booking of {execution_id}'.encode()).digest()[:16].hex()}"
