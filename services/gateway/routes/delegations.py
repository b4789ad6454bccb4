"""Links by which outsiders book: their owner's side. What an outsider sees is in `booking`."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Path
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, WithJsonSchema, model_validator

from contracts.bookings import Bookings, BookingView, CancelBooking, ListBookings
from contracts.delegations import (
    ChangeDelegation,
    CreateDelegation,
    DelegationTerms,
    DelegationView,
    ListDelegations,
    RevokeDelegation,
)
from services.gateway.audit import Action, record
from services.gateway.guards import GatewayHere, Manager, OriginHere, Reader
from services.gateway.signing import digest, new_secret
from services.gateway.strict_json import StrictRoute
from services.gateway.wire import AUTHENTICATED, WITH_BODY, ShortLine, StrictBody, Timezone, problems

router = APIRouter(prefix="/api/delegations", tags=["delegation"], route_class=StrictRoute)

CHANGE_S = 25.0
"""A calendar that is slow is tried for twenty seconds."""

DelegationRef = Annotated[str, Path(pattern=r"^dl_[0-9a-f]{32}$")]
BookingRef = Annotated[str, Path(pattern=r"^b_[0-9a-f]{32}$")]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


def _guest(text: str) -> str:
    local, at, domain = text.rpartition("@")
    if not text.isascii() or " " in text or "." not in domain or (at and "@" in local):
        raise ValueError("must be an e-mail address or a domain such as example.com")
    return text


def _future(moment: datetime) -> datetime:
    if moment <= datetime.now(UTC):
        raise ValueError("must lie in the future")
    return moment


Clock = Annotated[str, Field(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", examples=["09:00"])]
AllowedGuest = Annotated[
    str,
    Field(min_length=3, max_length=254),
    AfterValidator(_guest),
    WithJsonSchema({"type": "string", "format": "address-or-domain", "examples": ["example.com"]}),
]


class Hours(StrictBody):
    """Open from then to then, on the owner's clock; a day ends at 24:00."""

    start: Annotated[Clock, Field(alias="from")]
    end: Annotated[Clock, Field(alias="to")]


_OFFICE_HOURS = Hours.model_validate({"from": "09:00", "to": "17:00"})


class DelegationRequest(StrictBody):
    """What the link says and allows. Lengths in minutes."""

    label: ShortLine
    shown_name: ShortLine | None = None
    """Your name, if outsiders are to see it."""
    timezone: Timezone
    hours: Annotated[
        dict[Weekday, Annotated[list[Hours], Field(max_length=8)]],
        Field(default_factory=lambda: {day: [_OFFICE_HOURS] for day in WEEKDAYS[:5]}),
    ]
    durations: Annotated[
        list[Annotated[int, Field(ge=5, le=480)]], Field(min_length=1, max_length=8, default_factory=lambda: [30])
    ]
    step: Annotated[int, Field(ge=5, le=1440)] = 30
    """Slots begin this often, counted from when you open."""
    buffer_before: Annotated[int, Field(ge=0, le=240)] = 0
    buffer_after: Annotated[int, Field(ge=0, le=240)] = 0
    notice: Annotated[int, Field(ge=0, le=86_400)] = 60
    """The least time between booking and appointment."""
    days_ahead: Annotated[int, Field(ge=0, le=365)] = 60
    max_per_day: Annotated[int, Field(ge=1, le=100)] | None = None
    allowed_guests: Annotated[list[AllowedGuest], Field(max_length=100, default_factory=list)]
    """Addresses or domains; empty means anyone who has the link."""
    expires_at: Annotated[AwareDatetime, Field(strict=False), AfterValidator(_future)] | None = None

    def terms(self) -> DelegationTerms:
        """In the words of the tool service, which checks the rules."""
        return DelegationTerms.model_validate(_in_words(self, set(type(self).model_fields)))


class DelegationChange(StrictBody):
    """What is to be otherwise: any of the terms that a link is made with; what is not given stays. `null` takes
    `shown_name`, `max_per_day` and `expires_at` away."""

    label: ShortLine | None = None
    shown_name: ShortLine | None = None
    timezone: Timezone | None = None
    hours: dict[Weekday, Annotated[list[Hours], Field(max_length=8)]] | None = None
    durations: Annotated[list[Annotated[int, Field(ge=5, le=480)]], Field(min_length=1, max_length=8)] | None = None
    step: Annotated[int, Field(ge=5, le=1440)] | None = None
    buffer_before: Annotated[int, Field(ge=0, le=240)] | None = None
    buffer_after: Annotated[int, Field(ge=0, le=240)] | None = None
    notice: Annotated[int, Field(ge=0, le=86_400)] | None = None
    days_ahead: Annotated[int, Field(ge=0, le=365)] | None = None
    max_per_day: Annotated[int, Field(ge=1, le=100)] | None = None
    allowed_guests: Annotated[list[AllowedGuest], Field(max_length=100)] | None = None
    expires_at: Annotated[AwareDatetime, Field(strict=False), AfterValidator(_future)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "DelegationChange":
        if not self.model_fields_set:
            raise ValueError("give at least one of the terms")
        emptied = {name for name in self.model_fields_set if getattr(self, name) is None}
        if emptied - _EMPTY:
            raise ValueError(f"{min(emptied - _EMPTY)} must not be null")
        return self

    def changes(self) -> dict[str, Any]:
        """In the words of the tool service, which checks the rules."""
        return _in_words(self, self.model_fields_set)


_EMPTY = {"shown_name", "max_per_day", "expires_at"}
_WORDS = {
    "step": "step_minutes",
    "buffer_before": "buffer_before_minutes",
    "buffer_after": "buffer_after_minutes",
    "notice": "notice_minutes",
}


def _in_words(body: DelegationRequest | DelegationChange, given: set[str]) -> dict[str, Any]:
    """Those fields as `DelegationTerms` has them."""
    words: dict[str, Any] = {_WORDS.get(name, name): getattr(body, name) for name in given - {"hours", "expires_at"}}
    for name in {"durations", "allowed_guests"} & given:
        words[name] = list(dict.fromkeys(words[name]))
    if "hours" in given:
        words["openings"] = [
            {"weekday": WEEKDAYS.index(day), "start": _minutes(hours.start), "end": _minutes(hours.end)}
            for day, open_hours in (body.hours or {}).items()
            for hours in open_hours
        ]
    return words


class ShownTerms(BaseModel):
    """What the link says and allows, in the words that it is made and changed with."""

    label: str
    shown_name: str | None
    timezone: str
    hours: dict[Weekday, list[Hours]]
    durations: list[int]
    step: int
    buffer_before: int
    buffer_after: int
    notice: int
    days_ahead: int
    max_per_day: int | None
    allowed_guests: list[str]


class ShownDelegation(BaseModel):
    """A link as its owner sees it. Its token is not known any more."""

    delegation_id: str
    terms: ShownTerms
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    is_active: bool


def _shown(link: DelegationView) -> ShownDelegation:
    terms: dict[str, Any] = {name: getattr(link.terms, _WORDS.get(name, name)) for name in _SHOWN}
    hours: dict[Weekday, list[Hours]] = {}
    for each in link.terms.openings:
        between = Hours.model_validate({"from": _clock(each.start), "to": _clock(each.end)})
        hours.setdefault(WEEKDAYS[each.weekday], []).append(between)
    return ShownDelegation(**link.model_dump(exclude={"terms"}), terms=ShownTerms(**terms, hours=hours))


_SHOWN = set(ShownTerms.model_fields) - {"hours"}


class CreatedDelegation(BaseModel):
    """A new link; `token` is shown this once and cannot be recovered."""

    delegation: ShownDelegation
    token: str
    path: str
    """Where an outsider reads it in this API."""


class DelegationList(BaseModel):
    """All links, newest first; revoked and expired ones too, for their bookings."""

    delegations: list[ShownDelegation]


@router.post("", status_code=201, responses=problems(*AUTHENTICATED, *WITH_BODY, 409))
async def create(
    body: DelegationRequest, caller: Manager, gateway: GatewayHere, origin: OriginHere
) -> CreatedDelegation:
    """Make a link. Whoever has it can book until it expires or is revoked."""
    token = new_secret()
    sealed = gateway.seal.seal("delegation_terms", caller.scope, body.terms().model_dump_json())
    query = CreateDelegation(token_hash=digest(token), sealed_terms=sealed, expires_at=body.expires_at)
    made = await gateway.bus.ask(query, scope=caller.scope)
    async with gateway.db.transaction(caller.scope) as tx:
        await record(tx, caller.name, Action.DELEGATION_CREATED, made.delegation_id, origin)
    return CreatedDelegation(delegation=_shown(made), token=token, path=f"/api/booking/{token}")


@router.get("", responses=problems(*AUTHENTICATED))
async def list_all(caller: Reader, gateway: GatewayHere) -> DelegationList:
    """The caller's links, without their tokens."""
    found = await gateway.bus.ask(ListDelegations(), scope=caller.scope)
    return DelegationList(delegations=[_shown(link) for link in found.delegations])


@router.patch("/{delegation_id}", responses=problems(*AUTHENTICATED, *WITH_BODY, 404, 409))
async def change(
    delegation_id: DelegationRef, body: DelegationChange, caller: Manager, gateway: GatewayHere, origin: OriginHere
) -> ShownDelegation:
    """Change terms of a link. What is booked stays as it is, and whoever holds a time may still book it, if the link
    still admits them."""
    query = ChangeDelegation(
        delegation_id=delegation_id,
        sealed_changes=gateway.seal.seal("delegation_terms", caller.scope, json.dumps(body.changes())),
        changes_expiry="expires_at" in body.model_fields_set,
        expires_at=body.expires_at,
    )
    changed = await gateway.bus.ask(query, scope=caller.scope)
    async with gateway.db.transaction(caller.scope) as tx:
        await record(tx, caller.name, Action.DELEGATION_CHANGED, delegation_id, origin)
    return _shown(changed)


@router.delete("/{delegation_id}", status_code=204, responses=problems(*AUTHENTICATED, 404, 422))
async def revoke(delegation_id: DelegationRef, caller: Manager, gateway: GatewayHere, origin: OriginHere) -> None:
    """End a link at once. What is booked stays booked."""
    done = await gateway.bus.ask(RevokeDelegation(delegation_id=delegation_id), scope=caller.scope)
    if done.changed:
        async with gateway.db.transaction(caller.scope) as tx:
            await record(tx, caller.name, Action.DELEGATION_REVOKED, delegation_id, origin)


@router.get("/{delegation_id}/bookings", responses=problems(*AUTHENTICATED, 404, 422))
async def bookings(delegation_id: DelegationRef, caller: Reader, gateway: GatewayHere) -> Bookings:
    """What came of a link. Names and notes are the words of outsiders."""
    return await gateway.bus.ask(ListBookings(delegation_id=delegation_id), scope=caller.scope)


@router.post("/{delegation_id}/bookings/{booking_id}/cancel", responses=problems(*AUTHENTICATED, 404, 409, 422))
async def cancel(
    delegation_id: DelegationRef, booking_id: BookingRef, caller: Manager, gateway: GatewayHere, origin: OriginHere
) -> BookingView:
    """Call an appointment off; its guest is told by the calendar."""
    query = CancelBooking(delegation_id=delegation_id, booking_id=booking_id)
    cancelled = await gateway.bus.ask(query, scope=caller.scope, timeout_s=CHANGE_S)
    async with gateway.db.transaction(caller.scope) as tx:
        await record(tx, caller.name, Action.BOOKING_CANCELLED, booking_id, origin)
    return cancelled


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)
