"""The network: what users who know each other here agree on. Tool keeps it. How they come to know each other is in
`contracts.acquaintances`. What they write travels sealed.
"""

from datetime import UTC, datetime
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict

from contracts.envelope import Command, Event, Query, Reply, Service
from contracts.ids import OrganizationId, UserId

_ACQUAINTANCE = "nw_0193b0f1a8c07d3e9f00112233445566"
_SESSION = "ng_0193b0f1a8c07d3e9f00112233445577"
_MOMENT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

NegotiationStatus = Literal["open", "agreed", "confirmed", "failed", "declined", "cancelled", "expired", "cancelling"]
NetworkStep = Literal[
    "invited",
    "connected",
    "proposed",
    "countered",
    "agreed",
    "confirmed",
    "failed",
    "declined",
    "cancelled",
    "expired",
    "move_proposed",
    "moved",
    "stayed",
    "called_off",
    "left_behind",
]
"""The last five are of a meeting that was confirmed: another time is looked for, was found, was not; it is cancelled;
a calendar does not give it back."""


class DailyHours(BaseModel):
    """From minute `start` to minute `end` (up to 1440) of a weekday (0 is Monday), on a clock of its own."""

    model_config = ConfigDict(frozen=True)

    weekday: int
    start: int
    end: int


class Rules(BaseModel):
    """When somebody lets themselves be met: hours on the clock of `timezone`, minutes kept free around, notice."""

    model_config = ConfigDict(frozen=True)

    timezone: str
    hours: tuple[DailyHours, ...] = ()
    """Empty: at any time."""
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    notice_minutes: int = 0


class Offer(BaseModel):
    """Times on the table. Sealed in messages, purpose `network_offer`."""

    model_config = ConfigDict(frozen=True)

    rules: Rules
    slots: tuple[datetime, ...] = ()
    """When it may begin; empty: some that are free are chosen."""
    note: str = ""


class Topic(BaseModel):
    """What is to be agreed on. Sealed in messages, purpose `network_topic`."""

    model_config = ConfigDict(frozen=True)

    title: str
    minutes: int
    start: datetime
    end: datetime
    """A slot begins within."""


class NegotiationView(Reply):
    """A negotiation as one of the two sees it. Title and note are words of either."""

    session_id: str
    connection_id: str
    status: NegotiationStatus
    started_by_me: bool
    my_turn: bool
    other_name: str = ""
    other_address: str = ""
    title: str
    note: str = ""
    """Of whoever made the present proposal."""
    minutes: int
    start: datetime
    end: datetime
    slots: tuple[datetime, ...]
    round: int
    rounds_left: int
    agreed: datetime | None = None
    stands: datetime | None = None
    """When the meeting is in both calendars, also while another time is looked for (`open`, `agreed`)."""
    expires_at: datetime
    created_at: datetime
    error: str | None = None
    """Slug of why it came to nothing, or of why a meeting stayed where it was."""
    detail: str | None = None
    """The same in a sentence for people, where there is an `error`."""


class Negotiations(Reply):
    """The last changed first."""

    sessions: tuple[NegotiationView, ...]


class ListNegotiations(Query[Negotiations]):
    """The user's negotiations."""

    subject: ClassVar[str] = "rpc.tool.list_negotiations.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY, Service.CHAT)
    reply: ClassVar[type[Reply]] = Negotiations

    limit: int = 50

    @classmethod
    def example(cls) -> Self:
        return cls()


class StartNegotiation(Query[NegotiationView]):
    """The first proposal. Asked again with the same `session_id` it is the same negotiation.

    Errors `acquaintance_not_found`, `proposal_refused`, `slots_not_free`, `too_many_negotiations`,
    `calendar_does_not_answer`.
    """

    subject: ClassVar[str] = "rpc.tool.start_negotiation.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = NegotiationView

    session_id: str
    connection_id: str
    sealed_topic: str
    sealed_offer: str

    @classmethod
    def example(cls) -> Self:
        return cls(session_id=_SESSION, connection_id=_ACQUAINTANCE, sealed_topic="v1.AAAA", sealed_offer="v1.AAAA")


class CounterProposal(Query[NegotiationView]):
    """Other times; for a confirmed meeting too, which stands until one of them is confirmed.

    Errors `negotiation_not_found`, `negotiation_over`, `not_your_turn`, `too_many_rounds`, `meeting_began`,
    `proposal_refused`, `slots_not_free`, `calendar_does_not_answer`.
    """

    subject: ClassVar[str] = "rpc.tool.counter_proposal.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = NegotiationView

    session_id: str
    sealed_offer: str
    start: datetime | None = None
    end: datetime | None = None
    """Both or none. A confirmed meeting moves to between them; without them, to within a week of the named times, or of
    when it stands."""

    @classmethod
    def example(cls) -> Self:
        return cls(session_id=_SESSION, sealed_offer="v1.AAAA")


class AcceptProposal(Query[NegotiationView]):
    """One of the times on the table; both calendars follow. Said again it changes nothing.

    Errors `negotiation_not_found`, `negotiation_over`, `not_your_turn`, `slot_not_offered`, `slots_not_free`,
    `calendar_does_not_answer`.
    """

    subject: ClassVar[str] = "rpc.tool.accept_proposal.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = NegotiationView

    session_id: str
    start: datetime
    sealed_offer: str
    """Whose rules are the accepting user's."""

    @classmethod
    def example(cls) -> Self:
        return cls(session_id=_SESSION, start=_MOMENT, sealed_offer="v1.AAAA")


class EndNegotiation(Query[NegotiationView]):
    """Nothing comes of it. Declining is for whose turn it is. Of a confirmed meeting: cancelled it is taken out of both
    calendars, whether or not another time is being looked for; declining, by either, ends that and lets it stand.

    Errors `negotiation_not_found`, `negotiation_over`, `not_your_turn`, `meeting_began`.
    """

    subject: ClassVar[str] = "rpc.tool.end_negotiation.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = NegotiationView

    session_id: str
    how: Literal["decline", "cancel"]

    @classmethod
    def example(cls) -> Self:
        return cls(session_id=_SESSION, how="decline")


class ExpireNegotiation(Command):
    """Arrives when the answer to a round is overdue."""

    subject: ClassVar[str] = "cmd.tool.expire_negotiation.v1"
    sent_by: ClassVar[tuple[Service, ...]] = (Service.TOOL,)

    session_id: str

    @classmethod
    def example(cls) -> Self:
        return cls(session_id=_SESSION)


class SettleNegotiation(Command):
    """Bring both calendars in step with what was agreed."""

    subject: ClassVar[str] = "cmd.tool.settle_negotiation.v1"
    sent_by: ClassVar[tuple[Service, ...]] = (Service.TOOL,)

    session_id: str

    @classmethod
    def example(cls) -> Self:
        return cls(session_id=_SESSION)


class TellAcquaintance(Command):
    """Have the other of two told what happened: an event belongs to one user, and so does a transaction."""

    subject: ClassVar[str] = "cmd.tool.tell_acquaintance.v1"
    sent_by: ClassVar[tuple[Service, ...]] = (Service.TOOL,)

    organization_id: OrganizationId
    user_id: UserId
    about: str
    step: NetworkStep
    by_me: bool
    number: int = 0
    starts_at: datetime | None = None

    @classmethod
    def example(cls) -> Self:
        return cls(
            organization_id=OrganizationId("org_0193b0f1a8c07d3e9f00112233445566"),
            user_id=UserId("u_0193b0f1a8c07d3e9f00112233445566"),
            about=_SESSION,
            step="proposed",
            by_me=False,
        )


class NetworkMoved(Event):
    """Something happened between the user and another one; `about` is a connection or a session."""

    subject: ClassVar[str] = "evt.tool.network.moved.v1"
    heard_by: ClassVar[tuple[Service, ...]] = (Service.NOTIFICATION,)

    about: str
    step: NetworkStep
    by_me: bool
    number: int = 0
    """Tells steps of one kind apart."""
    starts_at: datetime | None = None

    @classmethod
    def example(cls) -> Self:
        return cls(about=_SESSION, step="confirmed", by_me=False, starts_at=_MOMENT)
