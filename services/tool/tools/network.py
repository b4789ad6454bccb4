"""Agreeing on a time with another user of this platform: what is under way, a proposal or an answer, the last word.

A proposal goes to the other one, so its receiver is named; an answer goes to whom the negotiation is with. Whatever is
read of it may hold the other one's words.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints, model_validator

from contracts.network import DailyHours, NegotiationView, Offer, Rules, Topic
from contracts.tool import Effect
from services.tool import times
from services.tool.arguments import Arguments, Empty, Prose, TimeText, Title, Words, bounded
from services.tool.context import Context
from services.tool.delegation.agenda import CALENDARS
from services.tool.errors import InvalidArguments
from services.tool.network.circle import Acquaintance
from services.tool.network.errors import NegotiationNotFound
from services.tool.registry import Tool
from services.tool.tools.names import Names, named
from services.tool.windows import rfc3339

SHOWN = 20
_WINDOW, _AROUND = timedelta(days=7), timedelta(days=3)
_OFFICE_HOURS = tuple(DailyHours(weekday=day, start=9 * 60, end=17 * 60) for day in range(5))
SessionId = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^ng_[0-9a-f]{32}$")]
_ID = "The id of a negotiation that network_sessions found"


class NetworkScheduleMeeting(Arguments):
    """A new negotiation with a person, or the answer in one that is under way."""

    person: Words | None = Field(
        default=None, description="For a new one: e-mail address or name of somebody the user is connected with here"
    )
    title: Title | None = Field(default=None, description="For a new one: what the meeting is about")
    duration_minutes: int = bounded(30, 5, 480, "For a new one: how long it lasts")
    start: TimeText | None = Field(default=None, description="For a new one: it begins no earlier than this")
    end: TimeText | None = Field(default=None, description="For a new one: it begins before this")
    session_id: SessionId | None = Field(default=None, description=f"For an answer: {_ID[0].lower()}{_ID[1:]}")
    answer: Literal["propose", "decline", "cancel"] = Field(
        default="propose",
        description="For an answer: propose other times, decline them, or cancel; of a confirmed meeting too, which is "
        "moved when the other one accepts, stays when that is declined, and leaves both calendars when cancelled",
    )
    slots: tuple[TimeText, ...] = Field(
        default=(), max_length=10, description="Times to propose; leave out to have free ones chosen in office hours"
    )
    note: Prose | None = Field(default=None, description="A sentence for the other one")
    buffer_minutes: int = bounded(0, 0, 240, "Kept free before and after the meeting")

    @model_validator(mode="after")
    def _is_new_or_an_answer(self) -> "NetworkScheduleMeeting":
        if self.session_id is None and (self.person is None or self.title is None):
            raise ValueError("person and title are needed, or session_id for an answer")
        if self.session_id is not None and self.person is not None:
            raise ValueError("give person for a new negotiation or session_id for an answer, not both")
        return self


class NetworkConfirmMeeting(Arguments):
    """One of the proposed times."""

    session_id: SessionId = Field(description=_ID)
    start: TimeText = Field(description="One of the times on the table, as network_sessions shows it")
    buffer_minutes: int = bounded(0, 0, 240, "Kept free before and after the meeting")


class ShownPerson(BaseModel):
    """Somebody the user is connected with."""

    name: str
    address: str


class ShownSession(BaseModel):
    """A negotiation; times are RFC 3339 in the user's timezone."""

    session_id: str
    status: str
    your_turn: bool
    person: ShownPerson
    title: str
    note: str
    duration_minutes: int
    proposed: list[str]
    agreed: str | None
    stands: str | None
    """When a confirmed meeting is, also while another time is looked for."""
    answer_by: str
    rounds_left: int
    problem: str | None


class ShownNetwork(BaseModel):
    """Whom one can negotiate with, and what is being negotiated, the last changed first."""

    people: list[ShownPerson]
    sessions: list[ShownSession]


async def network_sessions(arguments: Empty, context: Context) -> ShownNetwork:
    """All of it."""
    people = await context.network.circle.connected()
    found = await context.network.listed(SHOWN)
    return ShownNetwork(
        people=[ShownPerson(name=each.other.name, address=each.other.address) for each in people],
        sessions=[_shown(each, context) for each in found],
    )


async def network_schedule_meeting(arguments: NetworkScheduleMeeting, context: Context) -> ShownSession:
    """The first word or the next one; once per execution id."""
    desk, by = context.network, context.effect_id
    if arguments.session_id is not None and arguments.answer != "propose":
        return _shown(await desk.end(arguments.session_id, arguments.answer, by), context)
    offer = _offer(arguments, context)
    if arguments.session_id is not None:
        return _shown(await desk.counter(arguments.session_id, offer, by), context)
    known = await _meant(arguments.person or "", context)
    topic = _topic(arguments, offer, context)
    started = await desk.start(_session_id(context), known.connection.connection_id, topic, offer, by)
    return _shown(started, context)


async def find_scheduled(arguments: NetworkScheduleMeeting, context: Context) -> ShownSession | None:
    """What `network_schedule_meeting` achieved earlier under this execution id."""
    return await _moved(arguments.session_id or _session_id(context), context)


async def network_confirm_meeting(arguments: NetworkConfirmMeeting, context: Context) -> ShownSession:
    """Yes to one of the times; both calendars follow."""
    start = times.moment(arguments.start, context.tz, context.now).at
    offer = Offer(rules=_rules(arguments.buffer_minutes, (), context))
    return _shown(await context.network.accept(arguments.session_id, start, offer, context.effect_id), context)


async def find_confirmed(arguments: NetworkConfirmMeeting, context: Context) -> ShownSession | None:
    """What `network_confirm_meeting` achieved earlier under this execution id."""
    return await _moved(arguments.session_id, context)


async def shown_session(arguments: NetworkScheduleMeeting | NetworkConfirmMeeting, context: Context) -> Names:
    """Which meeting it is, and with whom. Raises NegotiationNotFound."""
    if arguments.session_id is None:
        return ()
    found = await context.network.found(arguments.session_id)
    if found is None:
        raise NegotiationNotFound
    other = f"{found.other_name} <{found.other_address}>" if found.other_name else found.other_address
    return (named("Meeting", found.title), named("With", other, 254))


async def _moved(session_id: str, context: Context) -> ShownSession | None:
    found = await context.network.moved(session_id, context.effect_id)
    return _shown(found, context) if found else None


async def _meant(person: str, context: Context) -> Acquaintance:
    """Who is meant by an address or a name. Raises InvalidArguments for nobody, or several."""
    wanted = person.casefold()
    people = await context.network.circle.connected()
    found = [each for each in people if each.other.address.casefold() == wanted]
    found = found or [each for each in people if each.other.name.casefold() == wanted]
    if len({each.other.address for each in found}) != 1:
        raise InvalidArguments(
            "person: the user is connected with nobody, or with several, of that name or address; "
            "network_sessions lists whom they are connected with."
        )
    return found[0]


def _topic(arguments: NetworkScheduleMeeting, offer: Offer, context: Context) -> Topic:
    """Around the named times, or a week from now: the other one may answer with other times within."""
    slots = offer.slots or (context.begun_at,)
    start = _moment(arguments.start, "start", context) or min(slots) - _AROUND
    end = _moment(arguments.end, "end", context) or max((*slots, start)) + _WINDOW
    return Topic(title=arguments.title or "", minutes=arguments.duration_minutes, start=start, end=end)


def _offer(arguments: NetworkScheduleMeeting, context: Context) -> Offer:
    slots = tuple(times.moment(slot, context.tz, context.now, what="slots").at for slot in arguments.slots)
    rules = _rules(arguments.buffer_minutes, () if slots else _OFFICE_HOURS, context)
    return Offer(rules=rules, slots=slots, note=arguments.note or "")


def _rules(buffer_minutes: int, hours: tuple[DailyHours, ...], context: Context) -> Rules:
    return Rules(
        timezone=context.tz.key,
        hours=hours,
        buffer_before_minutes=buffer_minutes,
        buffer_after_minutes=buffer_minutes,
    )


def _moment(text: str | None, what: str, context: Context) -> datetime | None:
    return times.moment(text, context.tz, context.now, what=what).at if text is not None else None


def _session_id(context: Context) -> str:
    """Of the negotiation that this execution begins."""
    return f"ng_{hashlib.sha256(f'adjutant negotiation of {context.effect_id}'.encode()).hexdigest()[:32]}"


def _shown(found: NegotiationView, context: Context) -> ShownSession:
    return ShownSession(
        session_id=found.session_id,
        status=found.status,
        your_turn=found.my_turn,
        person=ShownPerson(name=found.other_name, address=found.other_address),
        title=found.title,
        note=found.note,
        duration_minutes=found.minutes,
        proposed=[rfc3339(slot, context.tz) for slot in found.slots],
        agreed=rfc3339(found.agreed, context.tz) if found.agreed else None,
        stands=rfc3339(found.stands, context.tz) if found.stands else None,
        answer_by=rfc3339(found.expires_at, context.tz),
        rounds_left=found.rounds_left,
        problem=found.detail,
    )


NETWORK_TOOLS = (
    Tool(
        name="network_sessions",
        description="List the people whom the user is connected with on this platform, and the negotiations about "
        "meeting times with them.",
        effect=Effect.READ,
        arguments=Empty,
        run=network_sessions,
        needs=frozenset(CALENDARS),
        any_will_do=True,
        returns_untrusted_text=True,
    ),
    Tool(
        name="network_schedule_meeting",
        description="Propose times for a meeting to a person whom the user is connected with on this platform, or "
        "answer a proposal with other times, decline it or cancel; also to move or cancel a meeting that is confirmed.",
        effect=Effect.WRITE,
        arguments=NetworkScheduleMeeting,
        run=network_schedule_meeting,
        look_up=find_scheduled,
        shown=shown_session,
        needs=frozenset(CALENDARS),
        any_will_do=True,
        returns_untrusted_text=True,
    ),
    Tool(
        name="network_confirm_meeting",
        description="Accept one of the times that another user proposed; the meeting is put into both calendars.",
        effect=Effect.WRITE,
        arguments=NetworkConfirmMeeting,
        run=network_confirm_meeting,
        look_up=find_confirmed,
        shown=shown_session,
        needs=frozenset(CALENDARS),
        any_will_do=True,
        returns_untrusted_text=True,
    ),
)
