"""What tool does when owners keep their links, and when outsiders come by one."""

from dataclasses import replace
from datetime import UTC, datetime

from contracts.bookings import (
    Bookings,
    BookingView,
    BookSlot,
    CancelBooking,
    CancelOwnBooking,
    FindOwnBooking,
    FindSlots,
    GuestBooking,
    HoldSlot,
    ListBookings,
    MoveOwnBooking,
    SettleBooking,
    SlotHeld,
    Slots,
)
from contracts.delegations import (
    BookingPage,
    ChangeDelegation,
    CreateDelegation,
    DelegationRevoked,
    Delegations,
    DelegationView,
    ListDelegations,
    OpenBookingPage,
    RevokeDelegation,
)
from libs.bus import Call
from services.tool import booking
from services.tool.delegation import bookings, links, wire
from services.tool.delegation.availability import Span
from services.tool.delegation.desk import cancel
from services.tool.delegation.errors import DelegationNotFound
from services.tool.deps import ToolDeps
from services.tool.reception import accepted, settled, slots_of

CALENDAR_S = 6.0
"""An outsider's page waits no longer for the calendar."""


async def create_delegation(query: CreateDelegation, call: Call, deps: ToolDeps) -> DelegationView:
    """A new link."""
    scope = call.require_scope()
    terms = wire.terms_of(deps.seal.open("delegation_terms", scope, query.sealed_terms))
    async with deps.db.transaction(scope) as tx:
        key = await deps.vault.user_key(tx)
        link = await links.create(tx, key, query.token_hash, terms, query.expires_at, datetime.now(UTC))
    return wire.delegation_view(link)


async def change_delegation(query: ChangeDelegation, call: Call, deps: ToolDeps) -> DelegationView:
    """Other terms from now on."""
    scope = call.require_scope()
    changes = deps.seal.open("delegation_terms", scope, query.sealed_changes)
    expiry = links.Expiry(query.expires_at) if query.changes_expiry else None
    async with deps.db.transaction(scope) as tx:
        key = await deps.vault.user_key(tx)
        link = await links.change(
            tx, key, query.delegation_id, lambda terms: wire.changed_terms(terms, changes), expiry
        )
    return wire.delegation_view(link)


async def list_delegations(query: ListDelegations, call: Call, deps: ToolDeps) -> Delegations:
    """The owner's links."""
    async with deps.db.reading(call.require_scope()) as tx:
        found = await links.listed(tx, await deps.vault.user_key(tx))
    return Delegations(delegations=tuple(wire.delegation_view(link) for link in found))


async def revoke_delegation(query: RevokeDelegation, call: Call, deps: ToolDeps) -> DelegationRevoked:
    """Nobody books by it any more."""
    async with deps.db.transaction(call.require_scope()) as tx:
        return DelegationRevoked(changed=await links.revoke(tx, query.delegation_id))


async def list_bookings(query: ListBookings, call: Call, deps: ToolDeps) -> Bookings:
    """What was booked through a link."""
    async with deps.db.reading(call.require_scope()) as tx:
        key = await deps.vault.user_key(tx)
        await links.find(tx, key, query.delegation_id)
        found = await bookings.listed(tx, query.delegation_id, max(1, min(query.limit, 500)))
    return Bookings(bookings=tuple(wire.booking_view(each, key) for each in found))


async def cancel_booking(query: CancelBooking, call: Call, deps: ToolDeps) -> BookingView:
    """The owner cancels."""
    scope = call.require_scope()
    async with deps.db.transaction(scope) as tx:
        key = await deps.vault.user_key(tx)
        found = await bookings.find(tx, query.booking_id, lock=True)
        if found is None or found.delegation_id != query.delegation_id:
            raise DelegationNotFound("There is no such booking.")
        cancelled = await cancel(tx, found, "owner", datetime.now(UTC))
    if cancelled.has_event:
        cancelled = await settled(query.booking_id, scope, deps)
    return wire.booking_view(cancelled, key)


async def open_booking_page(query: OpenBookingPage, call: Call, deps: ToolDeps) -> BookingPage:
    """Whose link it is, and what it shows."""
    async with deps.db.reading(None) as tx:
        scope, delegation_id = await links.whose(tx, query.token_hash, also_ended=query.also_ended)
    async with deps.db.reading(scope) as tx:
        link = await links.find(tx, await deps.vault.user_key(tx), delegation_id)
    return wire.booking_page(link, scope)


async def find_slots(query: FindSlots, call: Call, deps: ToolDeps) -> Slots:
    """Free times, and nothing about the others."""
    scope = call.require_scope()
    desk, window = deps.desk(scope, query.delegation_id), Span(query.start, query.end)
    found = await slots_of(desk, window, query.minutes, datetime.now(UTC), CALENDAR_S, deps)
    return Slots(starts=tuple(found))


async def hold_slot(query: HoldSlot, call: Call, deps: ToolDeps) -> SlotHeld:
    """Ten minutes to decide."""
    desk = deps.desk(call.require_scope(), query.delegation_id)
    held, until = await desk.hold(query.start, query.minutes, query.hold_hash, datetime.now(UTC))
    return SlotHeld(booking_id=held.booking_id, starts_at=held.time.start, ends_at=held.time.end, held_until=until)


async def book_slot(query: BookSlot, call: Call, deps: ToolDeps) -> GuestBooking:
    """The hold becomes a booking, and the booking an event."""
    scope = call.require_scope()
    guest = wire.guest_of(deps.seal.open("booking_guest", scope, query.sealed_guest))
    guest = replace(guest, host=await booking.host_of(scope, deps))
    desk = deps.desk(scope, query.delegation_id)
    await desk.book(query.booking_id, query.hold_hash, query.manage_hash, guest)
    return wire.guest_booking(accepted(await settled(query.booking_id, scope, deps)))


async def find_own_booking(query: FindOwnBooking, call: Call, deps: ToolDeps) -> GuestBooking:
    """Where it stands."""
    desk = deps.desk(call.require_scope(), query.delegation_id)
    return wire.guest_booking(await desk.find(query.booking_id, query.manage_hash))


async def cancel_own_booking(query: CancelOwnBooking, call: Call, deps: ToolDeps) -> GuestBooking:
    """The outsider does not come."""
    scope = call.require_scope()
    desk = deps.desk(scope, query.delegation_id)
    given_up = await desk.give_up(query.booking_id, query.secret_hash, datetime.now(UTC))
    if given_up.has_event:
        given_up = await settled(query.booking_id, scope, deps)
    return wire.guest_booking(given_up)


async def move_own_booking(query: MoveOwnBooking, call: Call, deps: ToolDeps) -> GuestBooking:
    """The outsider comes at another time."""
    scope = call.require_scope()
    desk = deps.desk(scope, query.delegation_id)
    wanted = await desk.move(query.booking_id, query.manage_hash, query.start, datetime.now(UTC))
    moved = await settled(query.booking_id, scope, deps) if wanted.wanted else wanted
    return wire.guest_booking(wire.required_at(moved, query.start))


async def settle_booking(command: SettleBooking, call: Call, deps: ToolDeps) -> None:
    """The calendar follows, whatever happened to who began it."""
    await booking.settle(command.booking_id, call.require_scope(), deps)
