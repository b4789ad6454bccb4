"""Bringing a calendar in step with a booking: each change of the event is an execution of the ledger, done once.

`settle` may be called by anybody at any time: it looks what is missing and does that. It is called by whoever made the
change, and again by command some seconds later, which finds nothing to do unless that process died or the calendar was
away.
"""

import hashlib
from dataclasses import dataclass

from contracts.bookings import BookingAccepted, BookingMoved
from contracts.envelope import Scope
from contracts.ids import ExecutionId
from contracts.oauth import ConnectionStatus, ListConnections
from contracts.tool import ExecuteTool, ExecutionStatus
from libs.bus import publish
from libs.resilience.errors import AdjutantError
from services.tool import effects
from services.tool.arguments import Arguments
from services.tool.delegation import bookings, links, steps
from services.tool.delegation.agendas import calendars_among
from services.tool.delegation.availability import Span
from services.tool.delegation.bookings import Booking, Status
from services.tool.delegation.desk import settle_later
from services.tool.delegation.errors import BookingLinkNotFound, BookingUnavailable, CalendarNotInStep
from services.tool.delegation.guests import Guest, Host, open_guest
from services.tool.deps import ToolDeps
from services.tool.ledger import Ending
from services.tool.registry import Audience
from services.tool.tools.delegation_steps import MOVE, PUT, WITHDRAW, BookingEvent, MovedEvent, WithdrawnEvent


@dataclass(frozen=True, slots=True, repr=False)
class _Matter:
    """A booking with what its event is made of."""

    booking: Booking
    guest: Guest
    label: str
    timezone: str
    """The link's, as they were when it was booked."""

    def taken(self, time: Span) -> Span:
        """That time with the buffers."""
        return self.booking.around(time)


async def settle(booking_id: str, scope: Scope, deps: ToolDeps) -> Booking:
    """The booking, once its calendar is in step. Raises ExecutionInProgress, CalendarNotInStep, BookingLinkNotFound."""
    async with deps.db.reading(scope) as tx:
        booking = await bookings.find(tx, booking_id)
        if booking is None or booking.sealed_guest is None:
            raise BookingLinkNotFound
        key = await deps.vault.user_key(tx)
        terms = (await links.find(tx, key, booking.delegation_id)).terms
        guest = open_guest(key, booking_id, booking.sealed_guest)
        matter = _Matter(booking, guest, guest.label or terms.label, guest.zone or terms.timezone)
    if booking.status is Status.PENDING:
        await _put(matter, scope, deps)
    elif booking.wanted is not None:
        await _move(matter, booking.wanted, scope, deps)
    elif booking.status is Status.CANCELLED and booking.has_event:
        await _withdraw(matter, scope, deps)
    else:
        return booking
    async with deps.db.reading(scope) as tx:
        settled = await bookings.find(tx, booking_id)
    return settled or booking


async def host_of(scope: Scope, deps: ToolDeps) -> Host:
    """The owner as the booking will know them. Raises BookingUnavailable for one without a calendar."""
    try:
        found = await deps.bus.ask(ListConnections(), scope=scope)
    except AdjutantError as error:
        raise BookingUnavailable from error
    accounts = {each.provider: each.account for each in found.connections if each.status is ConnectionStatus.ACTIVE}
    calendars = calendars_among(frozenset(accounts))
    if not calendars:
        raise BookingUnavailable
    return Host(accounts[calendars[0]], calendars)


async def _put(matter: _Matter, scope: Scope, deps: ToolDeps) -> None:
    booking = matter.booking
    ending = await _execute(PUT, matter, _event(matter, booking.time, "put"), scope, deps)
    async with deps.db.transaction(scope) as tx:
        if ending.status is ExecutionStatus.DONE:
            if await steps.accept(tx, booking.booking_id, ending.provider_ref):
                await publish(tx, BookingAccepted(**_about(booking), starts_at=booking.time.start))
            elif await steps.came_late(tx, booking.booking_id, ending.provider_ref):
                await settle_later(tx, booking.booking_id)
        elif ending.status is ExecutionStatus.FAILED:
            await steps.release(tx, booking.booking_id, ending.error, has_event=False)
        else:
            await steps.try_again(tx, booking, ending.error or "unknown")
    _require_known(ending)


async def _move(matter: _Matter, wanted: Span, scope: Scope, deps: ToolDeps) -> None:
    booking = matter.booking
    event = MovedEvent(
        **_event(matter, wanted, f"move {booking.changes}").model_dump(),
        event_ref=booking.event_ref or "",
        own_start=booking.time.start,
        own_end=booking.time.end,
    )
    ending = await _execute(MOVE, matter, event, scope, deps)
    async with deps.db.transaction(scope) as tx:
        if ending.status is ExecutionStatus.DONE:
            if await steps.moved(tx, booking, matter.taken(wanted), ending.provider_ref):
                await publish(tx, BookingMoved(**_about(booking), starts_at=wanted.start))
            elif await steps.came_late(tx, booking.booking_id, ending.provider_ref):
                await settle_later(tx, booking.booking_id)
        elif ending.status is ExecutionStatus.FAILED:
            await steps.stayed(tx, booking, matter.taken(booking.time), ending.error or "unknown")
        else:
            await steps.try_again(tx, booking, ending.error or "unknown")
    _require_known(ending)


async def _withdraw(matter: _Matter, scope: Scope, deps: ToolDeps) -> None:
    """Removing twice is as good as once: whatever went wrong, it is tried again."""
    booking = matter.booking
    event = WithdrawnEvent(
        event_ref=booking.event_ref,
        mark=_derived(booking, "put"),
        start=booking.time.start,
        end=booking.time.end,
        timezone=matter.timezone,
        calendar=matter.guest.host.calendars[0],
    )
    ending = await _execute(WITHDRAW, matter, event, scope, deps)
    async with deps.db.transaction(scope) as tx:
        if ending.status is ExecutionStatus.DONE:
            await steps.withdrawn(tx, booking.booking_id)
            return
        await steps.try_again(tx, booking, ending.error or "unknown")
    raise CalendarNotInStep("A cancelled appointment is still in the calendar.")


async def _execute(tool: str, matter: _Matter, arguments: Arguments, scope: Scope, deps: ToolDeps) -> Ending:
    """How the step ended; each try is an execution of its own, and all of one try are the same."""
    booking = matter.booking
    command = ExecuteTool(
        execution_id=ExecutionId(_derived(booking, f"{tool} {booking.changes} {booking.tries}")),
        tool=tool,
        sealed_arguments=deps.seal.seal("tool_arguments", scope, arguments.model_dump_json()),
        timezone=matter.timezone,
    )
    return await effects.ensure_ended(command, booking.created_at, scope, deps, audience=Audience.SERVICE)


def _event(matter: _Matter, time: Span, step: str) -> BookingEvent:
    guest, free = matter.guest, matter.taken(time)
    return BookingEvent(
        mark=_derived(matter.booking, step),
        title=f"{matter.label}: {guest.name}",
        start=time.start,
        end=time.end,
        timezone=matter.timezone,
        guest=guest.address,
        host=guest.host.address,
        description=guest.note,
        calendars=guest.host.calendars,
        free_from=free.start,
        free_until=free.end,
        is_again=matter.booking.tries > 0,
    )


def _derived(booking: Booking, step: str) -> str:
    """An id of an execution that follows from the booking's."""
    digest = hashlib.sha256(f"adjutant booking {booking.booking_id} {step}".encode()).digest()
    return f"x_{digest[:16].hex()}"


def _about(booking: Booking) -> dict[str, str]:
    return {"booking_id": booking.booking_id, "delegation_id": booking.delegation_id}


def _require_known(ending: Ending) -> None:
    if ending.status is ExecutionStatus.UNKNOWN:
        raise CalendarNotInStep("It is not certain whether the calendar has the appointment.")
