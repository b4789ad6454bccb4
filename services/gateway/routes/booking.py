"""What an outsider with a secret link can do: see free times, hold one, book it, come at another time, or not at all.

Nobody is logged in here. Whose link it is, the tool service finds by the token's hash; a link that never was, has
expired or was revoked is told in the same words. Each request is counted by where it comes from and by its link.
"""

from datetime import date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from contracts.bookings import (
    BookSlot,
    CancelOwnBooking,
    FindOwnBooking,
    FindSlots,
    GuestBooking,
    GuestDetails,
    HoldSlot,
    MoveOwnBooking,
)
from contracts.delegations import BookingPage, OpenBookingPage
from contracts.envelope import Scope
from contracts.ids import OrganizationId, UserId
from services.gateway.audit import Action, record
from services.gateway.booking_limits import count
from services.gateway.deps import Gateway
from services.gateway.guards import GatewayHere, OriginHere
from services.gateway.principal import Origin
from services.gateway.signing import digest, new_secret
from services.gateway.small_json import SmallRoute
from services.gateway.wire import WITH_BODY, StrictBody, Timezone, problems

router = APIRouter(prefix="/api/booking/{token}", tags=["booking"], route_class=SmallRoute)

OPEN_S = 10.0
"""In a rush on one link its visitors wait rather than come again."""
SLOTS_S = 20.0
CHANGE_S = 25.0
"""A calendar that is slow is tried for twenty seconds."""
VISITOR = "visitor"
_DAY = timedelta(days=1)

Token = Annotated[str, Path(max_length=200, examples=["a" * 43])]
BookingRef = Annotated[str, Path(pattern=r"^b_[0-9a-f]{32}$")]
Secret = Annotated[str, Field(min_length=1, max_length=100)]
Minutes = Annotated[int, Field(ge=5, le=480)]
Moment = Annotated[AwareDatetime, Field(strict=False)]
Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2199, 12, 31))]


class Page(BaseModel):
    """What the link offers. `name` is there if the owner wants to be known."""

    label: str
    name: str | None
    timezone: str
    """The owner's, for showing both clocks."""
    durations: tuple[int, ...]
    days_ahead: int


class SlotList(BaseModel):
    """When an appointment may begin, in the asked timezone."""

    timezone: str
    duration: int
    slots: list[datetime]


class HoldRequest(StrictBody):
    """Which slot. With a secret of your own (32 random characters or more) the request may be sent again: it is the
    same hold."""

    start: Moment
    duration: Minutes
    secret: Annotated[str, Field(min_length=32, max_length=100)] | None = None


class Hold(BaseModel):
    """It is kept until then for who has the secret, which is shown this once."""

    booking_id: str
    secret: str
    starts_at: datetime
    ends_at: datetime
    held_until: datetime


class BookingRequest(StrictBody):
    """The hold, and who comes."""

    booking_id: Annotated[str, Field(pattern=r"^b_[0-9a-f]{32}$")]
    secret: Secret
    name: Annotated[str, Field(min_length=1, max_length=200)]
    address: Annotated[str, Field(min_length=3, max_length=254)]
    note: Annotated[str, Field(max_length=1000)] = ""
    timezone: Timezone = "UTC"


class Booked(GuestBooking):
    """The booking; `secret` cancels and moves it and is shown this once. Status `pending`: the calendar is slow."""

    secret: str


class SecretHolder(StrictBody):
    """Who made it."""

    secret: Secret


class MoveRequest(SecretHolder):
    """To when; it stays as long as it was."""

    start: Moment


async def _visitor(token: Token, request: Request, response: Response, gateway: GatewayHere, origin: OriginHere) -> str:
    """The hash of the token; the visit is counted first, whatever the token is worth."""
    hashed = digest(token)
    allowance = await count(gateway, origin, hashed, is_change=request.method != "GET")
    response.headers.update(allowance.headers())
    return hashed


Visit = Annotated[str, Depends(_visitor)]


@router.get("", responses=problems(404, 422, 429))
async def page(visit: Visit, gateway: GatewayHere) -> Page:
    """What the link is for."""
    found = await open_link(visit, gateway)
    return Page(
        label=found.label,
        name=found.shown_name,
        timezone=found.timezone,
        durations=found.durations,
        days_ahead=found.days_ahead,
    )


@router.get("/slots", responses=problems(404, 422, 429))
async def slots(
    visit: Visit,
    gateway: GatewayHere,
    first: Annotated[Day, Query(alias="from")],
    last: Annotated[Day, Query(alias="to")],
    duration: Annotated[int, Query(ge=5, le=480)],
    timezone: Timezone = "UTC",
) -> SlotList:
    """Free times from the beginning of one day to the end of another (62 days at most), days of `timezone`."""
    found, zone = await open_link(visit, gateway), ZoneInfo(timezone)
    query = FindSlots(
        delegation_id=found.delegation_id,
        start=datetime.combine(first, time(), zone),
        end=datetime.combine(last + _DAY, time(), zone),
        minutes=duration,
    )
    free = await gateway.bus.ask(query, scope=scope_of(found), timeout_s=SLOTS_S)
    return SlotList(timezone=timezone, duration=duration, slots=[start.astimezone(zone) for start in free.starts])


@router.post("/holds", status_code=201, responses=problems(*WITH_BODY, 404, 409, 429))
async def hold(body: HoldRequest, visit: Visit, gateway: GatewayHere) -> Hold:
    """Keep a slot for ten minutes; for others it is taken."""
    found, secret = await open_link(visit, gateway), body.secret or new_secret()
    query = HoldSlot(
        delegation_id=found.delegation_id, start=body.start, minutes=body.duration, hold_hash=digest(secret)
    )
    held = await gateway.bus.ask(query, scope=scope_of(found), timeout_s=CHANGE_S)
    return Hold(secret=secret, **held.model_dump())


@router.post(
    "/bookings",
    status_code=201,
    responses=problems(*WITH_BODY, 403, 404, 409, 429) | {202: {"model": Booked, "description": "Pending"}},
)
async def book(
    body: BookingRequest, visit: Visit, response: Response, gateway: GatewayHere, origin: OriginHere
) -> Booked:
    """Book what is held. Sent again with the same hold it is the same booking, under a new secret."""
    found, secret = await open_link(visit, gateway), new_secret()
    guest = GuestDetails(name=body.name, address=body.address, note=body.note, timezone=body.timezone)
    query = BookSlot(
        delegation_id=found.delegation_id,
        booking_id=body.booking_id,
        hold_hash=digest(body.secret),
        manage_hash=digest(secret),
        sealed_guest=gateway.seal.seal("booking_guest", scope_of(found), guest.model_dump_json()),
    )
    booked = await gateway.bus.ask(query, scope=scope_of(found), timeout_s=CHANGE_S)
    await _record(gateway, found, Action.BOOKING_MADE, booked, origin)
    response.status_code = 202 if booked.status == "pending" else 201
    return Booked(secret=secret, **booked.model_dump())


@router.get("/bookings/{booking_id}", responses=problems(404, 422, 429))
async def booking(
    booking_id: BookingRef,
    visit: Visit,
    gateway: GatewayHere,
    x_booking_secret: Annotated[str, Header(max_length=100)],
) -> GuestBooking:
    """Where a booking stands."""
    found = await open_link(visit, gateway, also_ended=True)
    query = FindOwnBooking(
        delegation_id=found.delegation_id, booking_id=booking_id, manage_hash=digest(x_booking_secret)
    )
    return await gateway.bus.ask(query, scope=scope_of(found), timeout_s=OPEN_S)


@router.post("/bookings/{booking_id}/cancel", responses=problems(*WITH_BODY, 404, 409, 429))
async def cancel(
    booking_id: BookingRef, body: SecretHolder, visit: Visit, gateway: GatewayHere, origin: OriginHere
) -> GuestBooking:
    """Cancel a booking, or give a hold back with its secret; also after the link has ended."""
    found = await open_link(visit, gateway, also_ended=True)
    query = CancelOwnBooking(delegation_id=found.delegation_id, booking_id=booking_id, secret_hash=digest(body.secret))
    cancelled = await gateway.bus.ask(query, scope=scope_of(found), timeout_s=CHANGE_S)
    if cancelled.status == "cancelled":
        await _record(gateway, found, Action.BOOKING_CANCELLED, cancelled, origin)
    return cancelled


@router.post(
    "/bookings/{booking_id}/reschedule",
    responses=problems(*WITH_BODY, 404, 409, 429) | {202: {"model": GuestBooking, "description": "Pending"}},
)
async def reschedule(
    booking_id: BookingRef,
    body: MoveRequest,
    visit: Visit,
    response: Response,
    gateway: GatewayHere,
    origin: OriginHere,
) -> GuestBooking:
    """Take another slot of the same length; the present one is kept until that is certain."""
    found = await open_link(visit, gateway)
    query = MoveOwnBooking(
        delegation_id=found.delegation_id, booking_id=booking_id, manage_hash=digest(body.secret), start=body.start
    )
    moved = await gateway.bus.ask(query, scope=scope_of(found), timeout_s=CHANGE_S)
    await _record(gateway, found, Action.BOOKING_MOVED, moved, origin)
    response.status_code = 202 if moved.status == "pending" else 200
    return moved


async def open_link(visit: str, gateway: Gateway, *, also_ended: bool = False) -> BookingPage:
    """What the link with this hash shows, and whose it is. Raises RemoteError: booking_link_not_found."""
    query = OpenBookingPage(token_hash=visit, also_ended=also_ended)
    return await gateway.bus.ask(query, scope=None, timeout_s=OPEN_S)


def scope_of(found: BookingPage) -> Scope:
    """The owner's: a link acts in their name, in what it is for."""
    return Scope(OrganizationId(found.organization_id), UserId(found.user_id))


async def _record(gateway: Gateway, found: BookingPage, action: Action, booking: GuestBooking, origin: Origin) -> None:
    async with gateway.db.transaction(scope_of(found)) as tx:
        await record(tx, VISITOR, action, booking.booking_id, origin)
