"""What a booking does to its owner's calendar: steps of the service itself, through the ledger, offered to no model."""

from dataclasses import replace
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel

from contracts.tool import Effect
from services.tool.arguments import Arguments
from services.tool.context import Context
from services.tool.delegation.agenda import CALENDARS, Agenda, EventPlan
from services.tool.delegation.agendas import Agendas
from services.tool.delegation.availability import Span
from services.tool.delegation.errors import SlotTaken
from services.tool.registry import Audience, Tool


class BookingEvent(Arguments):
    """The event of a booking, and the stretch that must be free for it (with buffers) in all the owner's calendars.

    It goes into the first of them. What it is found by follows from `mark`, whichever execution means it; `is_again`:
    an earlier one did not learn what came of it.
    """

    mark: str
    title: str
    start: AwareDatetime
    end: AwareDatetime
    timezone: str
    guest: str
    host: str
    description: str
    calendars: tuple[str, ...]
    free_from: AwareDatetime
    free_until: AwareDatetime
    is_again: bool


class MovedEvent(BookingEvent):
    """The same at another time; `own_start` and `own_end` are where it stands now."""

    event_ref: str
    own_start: AwareDatetime
    own_end: AwareDatetime


class ReturnedEvent(MovedEvent):
    """Back to where it stood, whatever fills that time now, from `own_start`; `moved_mark` is of the move that is taken
    back."""

    moved_mark: str


class WithdrawnEvent(Arguments):
    """An event to take out. Without `event_ref` it is looked for by its mark."""

    event_ref: str | None
    mark: str
    start: AwareDatetime
    end: AwareDatetime
    timezone: str
    calendar: str


class WrittenEvent(BaseModel):
    """The event is in the calendar; `event_id` is the provider's."""

    event_id: str


class RemovedEvent(BaseModel):
    """It is not there any more."""

    removed: bool = True


async def put_event(arguments: BookingEvent, context: Context) -> WrittenEvent:
    """Create the event if its time is free. Raises SlotTaken."""
    if arguments.is_again and (found := await find_put_event(arguments, context)):
        return found
    window, zone = Span(arguments.free_from, arguments.free_until), ZoneInfo(arguments.timezone)
    for calendar in arguments.calendars:
        if await _agendas(context).at(calendar, zone).busy(window):
            raise SlotTaken
    return WrittenEvent(event_id=await _own(arguments, context).put(_plan(arguments)))


async def find_put_event(arguments: BookingEvent, context: Context) -> WrittenEvent | None:
    """What an earlier attempt achieved."""
    return _written(await _own(arguments, context).find(_plan(arguments)))


async def move_event(arguments: MovedEvent, context: Context) -> WrittenEvent:
    """Move the event if its new time is free but for itself. Raises SlotTaken."""
    if arguments.is_again and (found := await find_moved_event(arguments, context)):
        return found
    window, zone = Span(arguments.free_from, arguments.free_until), ZoneInfo(arguments.timezone)
    own = Span(arguments.own_start, arguments.own_end)
    if await _own(arguments, context).busy_but_for(window, arguments.event_ref, own):
        raise SlotTaken
    for calendar in arguments.calendars[1:]:
        if await _agendas(context).at(calendar, zone).busy(window):
            raise SlotTaken
    return WrittenEvent(event_id=await _own(arguments, context).move(arguments.event_ref, _plan(arguments)))


async def find_moved_event(arguments: MovedEvent, context: Context) -> WrittenEvent | None:
    """What an earlier attempt achieved."""
    return _written(await _own(arguments, context).find_moved(arguments.event_ref, _plan(arguments)))


async def return_event(arguments: ReturnedEvent, context: Context) -> WrittenEvent:
    """Give the event its old time back; what the move may have made anew is taken out."""
    if arguments.is_again and (found := await find_moved_event(arguments, context)):
        return found
    agenda, own = _own(arguments, context), Span(arguments.own_start, arguments.own_end)
    moved = replace(_plan(arguments), mark=arguments.moved_mark, start=own.start, end=own.end)
    made_anew = await agenda.find(moved)
    if made_anew is not None and made_anew != arguments.event_ref:
        await agenda.remove(made_anew)
    return WrittenEvent(event_id=await agenda.move(arguments.event_ref, _plan(arguments)))


async def withdraw_event(arguments: WithdrawnEvent, context: Context) -> RemovedEvent:
    """Take the event out of the calendar; one that was never made or is gone is fine."""
    agenda = _agendas(context).at(arguments.calendar, ZoneInfo(arguments.timezone))
    reference = arguments.event_ref or await agenda.find(_sought(arguments))
    if reference is not None:
        await agenda.remove(reference)
    return RemovedEvent()


async def find_withdrawn_event(arguments: WithdrawnEvent, context: Context) -> RemovedEvent | None:
    """Whether it is gone."""
    agenda = _agendas(context).at(arguments.calendar, ZoneInfo(arguments.timezone))
    if arguments.event_ref is None:
        is_there = await agenda.find(_sought(arguments)) is not None
    else:
        is_there = await agenda.holds(arguments.event_ref, Span(arguments.start, arguments.end))
    return None if is_there else RemovedEvent()


def _agendas(context: Context) -> Agendas:
    """The owner's calendars, with the time that is left."""
    return Agendas(context.access, context.calendar, context.work, context.timeout_s)


def _own(arguments: BookingEvent, context: Context) -> Agenda:
    """The calendar that the event goes into."""
    return _agendas(context).at(arguments.calendars[0], ZoneInfo(arguments.timezone))


def _plan(arguments: BookingEvent) -> EventPlan:
    return EventPlan(
        mark=arguments.mark,
        title=arguments.title,
        start=arguments.start,
        end=arguments.end,
        timezone=arguments.timezone,
        guest=arguments.guest,
        host=arguments.host,
        description=arguments.description,
    )


def _sought(arguments: WithdrawnEvent) -> EventPlan:
    return EventPlan(arguments.mark, "", arguments.start, arguments.end, arguments.timezone, "", "", "")


def _written(reference: str | None) -> WrittenEvent | None:
    return None if reference is None else WrittenEvent(event_id=reference)


PUT, MOVE, WITHDRAW = "delegation_put_event", "delegation_move_event", "delegation_withdraw_event"
RETURN = "delegation_return_event"

DELEGATION_STEPS = (
    Tool(
        name=PUT,
        description="Put a booking into its owner's calendar.",
        effect=Effect.WRITE,
        arguments=BookingEvent,
        run=put_event,
        look_up=find_put_event,
        needs=frozenset(CALENDARS),
        any_will_do=True,
        returns_untrusted_text=False,
        audience=Audience.SERVICE,
    ),
    Tool(
        name=MOVE,
        description="Move a booking in its owner's calendar.",
        effect=Effect.WRITE,
        arguments=MovedEvent,
        run=move_event,
        look_up=find_moved_event,
        needs=frozenset(CALENDARS),
        any_will_do=True,
        returns_untrusted_text=False,
        audience=Audience.SERVICE,
    ),
    Tool(
        name=RETURN,
        description="Move an agreed meeting back in its owner's calendar.",
        effect=Effect.WRITE,
        arguments=ReturnedEvent,
        run=return_event,
        look_up=find_moved_event,
        needs=frozenset(CALENDARS),
        any_will_do=True,
        returns_untrusted_text=False,
        audience=Audience.SERVICE,
    ),
    Tool(
        name=WITHDRAW,
        description="Take a booking out of its owner's calendar.",
        effect=Effect.WRITE,
        arguments=WithdrawnEvent,
        run=withdraw_event,
        look_up=find_withdrawn_event,
        needs=frozenset(CALENDARS),
        any_will_do=True,
        returns_untrusted_text=False,
        audience=Audience.SERVICE,
    ),
)
