"""Other users: who is connected with the caller, and the times they negotiate with each other."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from contracts.acquaintances import (
    Acquaintances,
    AcquaintanceView,
    AnswerInvitation,
    Invitation,
    InviteAcquaintance,
    ListAcquaintances,
    Person,
    RemoveAcquaintance,
    Removed,
)
from contracts.ids import UserId, new_id
from contracts.network import (
    AcceptProposal,
    CounterProposal,
    DailyHours,
    EndNegotiation,
    ListNegotiations,
    Negotiations,
    NegotiationView,
    Offer,
    Rules,
    StartNegotiation,
    Topic,
)
from services.gateway.accounts import Account, find_account, find_owner
from services.gateway.deps import Gateway
from services.gateway.emails import normalise
from services.gateway.guards import GatewayHere, Manager, Reader
from services.gateway.limits import Limit, spend
from services.gateway.principal import Principal
from services.gateway.routes.delegations import WEEKDAYS, Hours, Weekday
from services.gateway.signing import digest
from services.gateway.strict_json import StrictRoute
from services.gateway.wire import AUTHENTICATED, WITH_BODY, ShortLine, StrictBody, Timezone, problems

router = APIRouter(prefix="/api/network", tags=["network"], route_class=StrictRoute)

CALENDAR_S = 25.0
"""The caller's calendars are asked for their free times."""
INVITATIONS_A_DAY = Limit("network-invitations", 50, 86_400)
MOST_AHEAD = timedelta(days=3660)
_OFFICE_HOURS = Hours.model_validate({"from": "09:00", "to": "17:00"})

AcquaintanceRef = Annotated[str, Path(pattern=r"^nw_[0-9a-f]{32}$")]
NegotiationRef = Annotated[str, Path(pattern=r"^ng_[0-9a-f]{32}$")]


def _near(moment: datetime) -> datetime:
    if not datetime.now(UTC) - MOST_AHEAD < moment < datetime.now(UTC) + MOST_AHEAD:
        raise ValueError("must lie within ten years")
    return moment


Moment = Annotated[AwareDatetime, Field(strict=False), AfterValidator(_near)]


class InvitationRequest(StrictBody):
    """Whom: by e-mail address or by user id."""

    email: Annotated[str, Field(min_length=3, max_length=254, json_schema_extra={"format": "email"})] | None = None
    user_id: Annotated[str, Field(pattern=r"^u_[0-9a-f]{32}$")] | None = None

    @model_validator(mode="after")
    def _is_one(self) -> "InvitationRequest":
        if (self.email is None) == (self.user_id is None):
            raise ValueError("give email or user_id")
        return self


class RulesRequest(StrictBody):
    """When you let yourself be met, on your clock. Lengths in minutes.

    The other one is shown none of it; times that they propose outside of it are refused.
    """

    timezone: Timezone | None = None
    """Your profile's, unless it is given."""
    hours: dict[Weekday, Annotated[list[Hours], Field(max_length=8)]] | None = None
    """Without any: office hours for times that are chosen for you, and any time for those you name."""
    buffer_before: Annotated[int, Field(ge=0, le=240)] = 0
    buffer_after: Annotated[int, Field(ge=0, le=240)] = 0
    notice: Annotated[int, Field(ge=0, le=86_400)] = 0

    def rules(self, timezone: str, *, are_named: bool) -> Rules:
        """In the words of the tool service, which checks them."""
        hours = self.hours
        if hours is None:
            hours = {} if are_named else {day: [_OFFICE_HOURS] for day in WEEKDAYS[:5]}
        return Rules(
            timezone=self.timezone or timezone,
            hours=tuple(
                DailyHours(weekday=WEEKDAYS.index(day), start=_minutes(each.start), end=_minutes(each.end))
                for day, open_hours in hours.items()
                for each in open_hours
            ),
            buffer_before_minutes=self.buffer_before,
            buffer_after_minutes=self.buffer_after,
            notice_minutes=self.notice,
        )


class ProposalRequest(RulesRequest):
    """Times at which it may begin; without any, some are chosen at which your calendar is free."""

    slots: Annotated[list[Moment], Field(max_length=10, default_factory=list)]
    note: Annotated[str, Field(max_length=500)] = ""

    def offer(self, timezone: str) -> Offer:
        """In the words of the tool service."""
        return Offer(rules=self.rules(timezone, are_named=bool(self.slots)), slots=tuple(self.slots), note=self.note)


class RescheduleRequest(ProposalRequest):
    """Other times for a confirmed meeting. It begins between `start` and `end`; without them within a week of the named
    times, or of when it stands."""

    start: Moment | None = None
    end: Moment | None = None

    @model_validator(mode="after")
    def _is_a_window(self) -> "RescheduleRequest":
        if (self.start is None) != (self.end is None):
            raise ValueError("give start and end, or neither")
        return self


class NegotiationRequest(ProposalRequest):
    """What is to be agreed on, and the first proposal. The meeting begins between `start` and `end`."""

    connection_id: Annotated[str, Field(pattern=r"^nw_[0-9a-f]{32}$")]
    title: ShortLine
    duration: Annotated[int, Field(ge=5, le=480)]
    start: Moment
    end: Moment


class AcceptanceRequest(RulesRequest):
    """One of the times on the table. Of your rules only the buffers matter: you are asked whether you come."""

    slot: Moment


@router.get("/connections", responses=problems(*AUTHENTICATED))
async def connections(caller: Reader, gateway: GatewayHere) -> Acquaintances:
    """Whom you are connected with, whom you have invited, and who has invited you."""
    query = ListAcquaintances(address_hash=digest((await _account(caller, gateway)).email))
    return await gateway.bus.ask(query, scope=caller.scope)


@router.post("/connections", status_code=201, responses=problems(*AUTHENTICATED, *WITH_BODY, 409, 429))
async def invite(body: InvitationRequest, caller: Manager, gateway: GatewayHere) -> AcquaintanceView:
    """Invite somebody. Until they accept, the answer is the same whether or not they have an account."""
    account = await _account(caller, gateway)
    address = normalise(body.email) if body.email is not None else None
    async with gateway.db.transaction(None) as tx:
        await spend(tx, INVITATIONS_A_DAY, caller.scope.user_id)
        known = await find_owner(tx, address) if address is not None else None
    invitation = Invitation(inviter=_person(account), address=address or "")
    query = InviteAcquaintance(
        sealed_invitation=gateway.seal.seal("network_invitation", caller.scope, invitation.model_dump_json()),
        address_hash=digest(address) if address is not None else None,
        user_id=UserId(body.user_id) if body.user_id is not None else None,
        known_organization_id=known.organization_id if known else None,
        known_user_id=known.user_id if known else None,
    )
    return await gateway.bus.ask(query, scope=caller.scope)


@router.post("/connections/{connection_id}/accept", responses=problems(*AUTHENTICATED, 404, 422))
async def accept_invitation(connection_id: AcquaintanceRef, caller: Manager, gateway: GatewayHere) -> AcquaintanceView:
    """Be connected. Whoever invited you sees your name and address from now on."""
    return await _answer(connection_id, caller, gateway, accept=True)


@router.post("/connections/{connection_id}/decline", status_code=204, responses=problems(*AUTHENTICATED, 404, 422))
async def decline_invitation(connection_id: AcquaintanceRef, caller: Manager, gateway: GatewayHere) -> None:
    """Not be connected. Whoever invited you is not told."""
    await _answer(connection_id, caller, gateway, accept=False)


@router.delete("/connections/{connection_id}", responses=problems(*AUTHENTICATED, 404, 422))
async def remove(
    connection_id: AcquaintanceRef, caller: Manager, gateway: GatewayHere, block: Annotated[bool, Query()] = False
) -> Removed:
    """End a connection, or take an invitation back. With `block` you see no invitation of theirs any more."""
    address_hash = digest((await _account(caller, gateway)).email)
    query = RemoveAcquaintance(connection_id=connection_id, address_hash=address_hash, block=block)
    return await gateway.bus.ask(query, scope=caller.scope)


@router.get("/sessions", responses=problems(*AUTHENTICATED, 422))
async def sessions(
    caller: Reader, gateway: GatewayHere, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> Negotiations:
    """Your negotiations, the last changed first."""
    return await gateway.bus.ask(ListNegotiations(limit=limit), scope=caller.scope)


@router.post("/sessions", status_code=201, responses=problems(*AUTHENTICATED, *WITH_BODY, 404, 409))
async def start(body: NegotiationRequest, caller: Manager, gateway: GatewayHere) -> NegotiationView:
    """Propose times for a meeting. The other one has 48 hours to answer, and sees nothing else of your calendar."""
    timezone = (await _account(caller, gateway)).timezone
    topic = Topic(title=body.title, minutes=body.duration, start=body.start, end=body.end)
    query = StartNegotiation(
        session_id=new_id("ng"),
        connection_id=body.connection_id,
        sealed_topic=gateway.seal.seal("network_topic", caller.scope, topic.model_dump_json()),
        sealed_offer=_sealed(body.offer(timezone), caller, gateway),
    )
    return await gateway.bus.ask(query, scope=caller.scope, timeout_s=CALENDAR_S)


@router.post("/sessions/{session_id}/propose", responses=problems(*AUTHENTICATED, *WITH_BODY, 404, 409))
async def propose(
    session_id: NegotiationRef, body: ProposalRequest, caller: Manager, gateway: GatewayHere
) -> NegotiationView:
    """Answer with other times."""
    offer = body.offer((await _account(caller, gateway)).timezone)
    query = CounterProposal(session_id=session_id, sealed_offer=_sealed(offer, caller, gateway))
    return await gateway.bus.ask(query, scope=caller.scope, timeout_s=CALENDAR_S)


@router.post("/sessions/{session_id}/reschedule", responses=problems(*AUTHENTICATED, *WITH_BODY, 404, 409))
async def reschedule(
    session_id: NegotiationRef, body: RescheduleRequest, caller: Manager, gateway: GatewayHere
) -> NegotiationView:
    """Look for another time for a confirmed meeting. It stands where it is (`stands`) until the other one accepts and
    both calendars have moved it, and also when they decline or do not answer."""
    offer = body.offer((await _account(caller, gateway)).timezone)
    sealed = _sealed(offer, caller, gateway)
    query = CounterProposal(session_id=session_id, sealed_offer=sealed, start=body.start, end=body.end)
    return await gateway.bus.ask(query, scope=caller.scope, timeout_s=CALENDAR_S)


@router.post("/sessions/{session_id}/accept", responses=problems(*AUTHENTICATED, *WITH_BODY, 404, 409))
async def accept(
    session_id: NegotiationRef, body: AcceptanceRequest, caller: Manager, gateway: GatewayHere
) -> NegotiationView:
    """Take one of the times. Status `agreed` becomes `confirmed` when it stands in both calendars, or `failed`."""
    rules = body.rules((await _account(caller, gateway)).timezone, are_named=True)
    sealed = _sealed(Offer(rules=rules), caller, gateway)
    query = AcceptProposal(session_id=session_id, start=body.slot, sealed_offer=sealed)
    return await gateway.bus.ask(query, scope=caller.scope, timeout_s=CALENDAR_S)


@router.post("/sessions/{session_id}/decline", responses=problems(*AUTHENTICATED, 404, 409, 422))
async def decline(session_id: NegotiationRef, caller: Manager, gateway: GatewayHere) -> NegotiationView:
    """None of the times, and no others. A meeting that stands stays where it is."""
    return await gateway.bus.ask(EndNegotiation(session_id=session_id, how="decline"), scope=caller.scope)


@router.post("/sessions/{session_id}/cancel", responses=problems(*AUTHENTICATED, 404, 409, 422))
async def cancel(session_id: NegotiationRef, caller: Manager, gateway: GatewayHere) -> NegotiationView:
    """Withdraw, whoever has the word. A confirmed meeting is taken out of both calendars (`cancelling`, then
    `cancelled`), also while another time is being looked for."""
    return await gateway.bus.ask(EndNegotiation(session_id=session_id, how="cancel"), scope=caller.scope)


async def _answer(connection_id: str, caller: Principal, gateway: Gateway, *, accept: bool) -> AcquaintanceView:
    account = await _account(caller, gateway)
    query = AnswerInvitation(
        connection_id=connection_id,
        address_hash=digest(account.email),
        accept=accept,
        sealed_person=gateway.seal.seal("network_person", caller.scope, _person(account).model_dump_json()),
    )
    return await gateway.bus.ask(query, scope=caller.scope)


async def _account(caller: Principal, gateway: Gateway) -> Account:
    async with gateway.db.reading(caller.scope) as tx:
        return await find_account(tx)


def _person(account: Account) -> Person:
    return Person(name=account.display_name or "", address=account.email)


def _sealed(offer: Offer, caller: Principal, gateway: Gateway) -> str:
    return gateway.seal.seal("network_offer", caller.scope, offer.model_dump_json())


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)
