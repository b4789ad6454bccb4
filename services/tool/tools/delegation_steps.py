"""What a booking does to its owner's calendar: steps of the service itself, through the ledger, offered to no model."""

from datetime import datetime
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel

from contracts.tool import Effect
from libs.providers.google.calendar import CalendarEvent, NewEvent
from services.tool.arguments import Arguments
from services.tool.context import Context
from services.tool.delegation.agenda import PROVIDER, Agenda
from services.tool.delegation.availability import Span
from services.tool.delegation.errors import SlotTaken
from services.tool.registry import Audience, Tool
from services.tool.tools.calendar import event_id


class BookingEvent(Arguments):
    """The event of a booking, and the stretch that must be free for it (with buffers).

    The event's id follows from `mark`, so that every execution that means the same event finds it.
    """

    mark: str
    title: str
    start: AwareDatetime
    end: AwareDatetime
    timezone: str
    guests: tuple[str, ...]
    host: str
    description: str
    free_from: AwareDatetime
    free_until: AwareDatetime


class MovedEvent(BookingEvent):
    """The same at another time; `own_start` and `own_end` are where it stands now."""

    event_ref: str
    own_start: AwareDatetime
    own_end: AwareDatetime


class WithdrawnEvent(Arguments):
    """An event to take out. Without `event_ref` it is looked for by its mark."""

    event_ref: str | None
    mark: str
    start: AwareDatetime
    end: AwareDatetime


class WrittenEvent(BaseModel):
    """The event as it stands in the calendar; `event_id` is the provider's."""

    event_id: str
    start: datetime
    end: datetime


class RemovedEvent(BaseModel):
    """It is not there any more."""

    removed: bool = True


async def put_event(arguments: BookingEvent, context: Context) -> WrittenEvent:
    """Create the event if its time is free. Raises SlotTaken."""
    agenda = agenda_of(context)
    if found := await find_put_event(arguments, context):
        return found
    if await agenda.busy(Span(arguments.free_from, arguments.free_until)):
        raise SlotTaken
    return _written(await agenda.put(new_event(arguments)), arguments)


async def find_put_event(arguments: BookingEvent, context: Context) -> WrittenEvent | None:
    """What an earlier attempt achieved."""
    found = await agenda_of(context).find(new_event(arguments))
    return _written(found, arguments) if found else None


async def move_event(arguments: MovedEvent, context: Context) -> WrittenEvent:
    """Move the event if its new time is free but for itself. Raises SlotTaken."""
    agenda = agenda_of(context)
    if found := await find_moved_event(arguments, context):
        return found
    free, own = Span(arguments.free_from, arguments.free_until), Span(arguments.own_start, arguments.own_end)
    if await agenda.busy_but_for(free, arguments.event_ref, own):
        raise SlotTaken
    return _written(await agenda.move(arguments.event_ref, new_event(arguments)), arguments)


async def find_moved_event(arguments: MovedEvent, context: Context) -> WrittenEvent | None:
    """What an earlier attempt achieved."""
    found = await agenda_of(context).find_moved(arguments.event_ref, new_event(arguments))
    return _written(found, arguments) if found else None


async def withdraw_event(arguments: WithdrawnEvent, context: Context) -> RemovedEvent:
    """Take the event out of the calendar; one that was never made or is gone is fine."""
    agenda = agenda_of(context)
    reference = arguments.event_ref
    if reference is None:
        found = await agenda.find(_sought(arguments))
        reference = found.id if found else None
    if reference is not None:
        await agenda.remove(reference)
    return RemovedEvent()


async def find_withdrawn_event(arguments: WithdrawnEvent, context: Context) -> RemovedEvent | None:
    """Whether it is gone."""
    agenda = agenda_of(context)
    if arguments.event_ref is None:
        is_there = await agenda.find(_sought(arguments)) is not None
    else:
        is_there = await agenda.holds(arguments.event_ref, Span(arguments.start, arguments.end))
    return None if is_there else RemovedEvent()


def agenda_of(context: Context) -> Agenda:
    """The calendar, with the time that is left."""
    return Agenda(context.access, context.calendar, context.timeout_s)


def new_event(arguments: BookingEvent) -> NewEvent:
    """The same for the same mark."""
    zone = ZoneInfo(arguments.timezone)
    return NewEvent(
        id=event_id(arguments.mark),
        title=arguments.title,
        start=arguments.start.astimezone(zone),
        end=arguments.end.astimezone(zone),
        timezone=arguments.timezone,
        guests=arguments.guests,
        description=arguments.description,
        accepted_by=(arguments.host,),
    )


def _sought(arguments: WithdrawnEvent) -> NewEvent:
    return NewEvent(event_id(arguments.mark), "", arguments.start, arguments.end, "UTC")


def _written(event: CalendarEvent, arguments: BookingEvent) -> WrittenEvent:
    return WrittenEvent(event_id=event.id, start=arguments.start, end=arguments.end)


PUT, MOVE, WITHDRAW = "delegation_put_event", "delegation_move_event", "delegation_withdraw_event"

DELEGATION_STEPS = (
    Tool(
        name=PUT,
        description="Put a booking into its owner's calendar.",
        effect=Effect.WRITE,
        arguments=BookingEvent,
        run=put_event,
        look_up=find_put_event,
        needs=frozenset({PROVIDER}),
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
        needs=frozenset({PROVIDER}),
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
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=False,
        audience=Audience.SERVICE,
    ),
)
