"""Bookings: what outsiders do with a link, what its owner sees of it, and what becomes of it in the calendar.

No message carries a secret: the gateway makes them and sends their SHA-256 (64 hexadecimal digits). An outsider's
name, address and note travel sealed.
"""

from datetime import UTC, datetime
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict

from contracts.envelope import Command, Event, Query, Reply, Service

_DELEGATION = "dl_0193b0f1a8c07d3e9f00112233445566"
_BOOKING = "b_0193b0f1a8c07d3e9f00112233445577"
_MOMENT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
_HASH = "5e" * 32

BookingStatus = Literal["hold", "pending", "accepted", "cancelled", "expired"]


class BookingView(Reply):
    """A booking as the link's owner sees it; name, address and note are an outsider's words."""

    booking_id: str
    status: BookingStatus
    starts_at: datetime
    ends_at: datetime
    guest_name: str | None = None
    guest_address: str | None = None
    note: str | None = None
    guest_timezone: str | None = None
    created_at: datetime
    error: str | None = None
    """Slug of what went wrong with the calendar."""


class Bookings(Reply):
    """By time, latest first."""

    bookings: tuple[BookingView, ...]


class Slots(Reply):
    """When an appointment may begin (UTC), in order."""

    starts: tuple[datetime, ...]


class SlotHeld(Reply):
    """Nobody else gets it until then."""

    booking_id: str
    starts_at: datetime
    ends_at: datetime
    held_until: datetime


class GuestBooking(Reply):
    """A booking as the outsider who made it sees it."""

    booking_id: str
    status: BookingStatus
    starts_at: datetime
    ends_at: datetime


class ListBookings(Query[Bookings]):
    """What was booked through a link. Error `delegation_not_found`."""

    subject: ClassVar[str] = "rpc.tool.list_bookings.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = Bookings

    delegation_id: str
    limit: int = 100

    @classmethod
    def example(cls) -> Self:
        return cls(delegation_id=_DELEGATION)


class CancelBooking(Query[BookingView]):
    """The owner cancels. Errors `delegation_not_found`, `booking_in_progress`."""

    subject: ClassVar[str] = "rpc.tool.cancel_booking.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = BookingView

    delegation_id: str
    booking_id: str

    @classmethod
    def example(cls) -> Self:
        return cls(delegation_id=_DELEGATION, booking_id=_BOOKING)


class FindSlots(Query[Slots]):
    """Free times of a link. Errors `booking_link_not_found`, `duration_not_offered`, `window_refused`,
    `booking_unavailable`."""

    subject: ClassVar[str] = "rpc.tool.find_slots.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = Slots

    delegation_id: str
    start: datetime
    end: datetime
    """At most 62 days after `start`; a slot begins before it."""
    minutes: int

    @classmethod
    def example(cls) -> Self:
        return cls(delegation_id=_DELEGATION, start=_MOMENT, end=_MOMENT.replace(day=25), minutes=30)


class HoldSlot(Query[SlotHeld]):
    """Keep a slot for ten minutes; asked again with the same hash it is the same hold.

    Errors `booking_link_not_found`, `duration_not_offered`, `slot_taken`, `too_many_holds`.
    """

    subject: ClassVar[str] = "rpc.tool.hold_slot.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = SlotHeld

    delegation_id: str
    start: datetime
    minutes: int
    hold_hash: str

    @classmethod
    def example(cls) -> Self:
        return cls(delegation_id=_DELEGATION, start=_MOMENT, minutes=30, hold_hash=_HASH)


class BookSlot(Query[GuestBooking]):
    """Make a hold a booking. Asked again with the same hold it gives the same booking, under the new `manage_hash`.

    Status `pending` means that the calendar has not answered yet. Errors `booking_link_not_found`, `hold_expired`,
    `guest_not_allowed`, `guest_details_refused`, `slot_taken`, `booking_unavailable`.
    """

    subject: ClassVar[str] = "rpc.tool.book_slot.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = GuestBooking

    delegation_id: str
    booking_id: str
    hold_hash: str
    manage_hash: str
    sealed_guest: str
    """`GuestDetails` as JSON under `libs.vault.TransitSeal`, purpose `booking_guest`."""

    @classmethod
    def example(cls) -> Self:
        return cls(
            delegation_id=_DELEGATION, booking_id=_BOOKING, hold_hash=_HASH, manage_hash=_HASH, sealed_guest="v1.AAAA"
        )


class GuestDetails(BaseModel):
    """An outsider's words about themselves."""

    model_config = ConfigDict(frozen=True)

    name: str
    address: str
    note: str = ""
    timezone: str


class FindOwnBooking(Query[GuestBooking]):
    """Where a booking stands, for who made it. Error `booking_link_not_found`."""

    subject: ClassVar[str] = "rpc.tool.find_own_booking.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = GuestBooking

    delegation_id: str
    booking_id: str
    manage_hash: str

    @classmethod
    def example(cls) -> Self:
        return cls(delegation_id=_DELEGATION, booking_id=_BOOKING, manage_hash=_HASH)


class CancelOwnBooking(Query[GuestBooking]):
    """The outsider cancels a booking, or gives a hold back with its own secret. Errors `booking_link_not_found`,
    `booking_in_progress`."""

    subject: ClassVar[str] = "rpc.tool.cancel_own_booking.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = GuestBooking

    delegation_id: str
    booking_id: str
    secret_hash: str

    @classmethod
    def example(cls) -> Self:
        return cls(delegation_id=_DELEGATION, booking_id=_BOOKING, secret_hash=_HASH)


class MoveOwnBooking(Query[GuestBooking]):
    """The outsider takes another slot of the same length. Errors `booking_link_not_found`, `slot_taken`,
    `booking_in_progress`, `booking_unavailable`."""

    subject: ClassVar[str] = "rpc.tool.move_own_booking.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = GuestBooking

    delegation_id: str
    booking_id: str
    manage_hash: str
    start: datetime

    @classmethod
    def example(cls) -> Self:
        return cls(delegation_id=_DELEGATION, booking_id=_BOOKING, manage_hash=_HASH, start=_MOMENT)


class SettleBooking(Command):
    """Bring the calendar in step with a booking; sent with each change, arrives when that should have happened."""

    subject: ClassVar[str] = "cmd.tool.settle_booking.v1"
    sent_by: ClassVar[tuple[Service, ...]] = (Service.TOOL,)

    booking_id: str

    @classmethod
    def example(cls) -> Self:
        return cls(booking_id=_BOOKING)


class BookingAccepted(Event):
    """An outsider's booking is in the owner's calendar."""

    subject: ClassVar[str] = "evt.tool.booking.accepted.v1"
    heard_by: ClassVar[tuple[Service, ...]] = (Service.NOTIFICATION,)

    booking_id: str
    delegation_id: str
    starts_at: datetime

    @classmethod
    def example(cls) -> Self:
        return cls(booking_id=_BOOKING, delegation_id=_DELEGATION, starts_at=_MOMENT)


class BookingMoved(Event):
    """A booking has another time now."""

    subject: ClassVar[str] = "evt.tool.booking.moved.v1"
    heard_by: ClassVar[tuple[Service, ...]] = (Service.NOTIFICATION,)

    booking_id: str
    delegation_id: str
    starts_at: datetime

    @classmethod
    def example(cls) -> Self:
        return cls(booking_id=_BOOKING, delegation_id=_DELEGATION, starts_at=_MOMENT)


class BookingCancelled(Event):
    """A booking was cancelled."""

    subject: ClassVar[str] = "evt.tool.booking.cancelled.v1"
    heard_by: ClassVar[tuple[Service, ...]] = (Service.NOTIFICATION,)

    booking_id: str
    delegation_id: str
    starts_at: datetime
    by: Literal["owner", "guest"]

    @classmethod
    def example(cls) -> Self:
        return cls(booking_id=_BOOKING, delegation_id=_DELEGATION, starts_at=_MOMENT, by="guest")
