"""Changing and cancelling events of the user's own in Google Calendar."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import Field, StringConstraints

from contracts.tool import Effect
from libs.providers.errors import EntityNotFound
from libs.providers.google.calendar import CalendarEvent
from libs.providers.google.event_changes import CalendarChanges, EventChange, StandingEvent
from services.tool import windows
from services.tool.arguments import Arguments
from services.tool.context import Context
from services.tool.errors import InvalidArguments
from services.tool.registry import Tool
from services.tool.tools.calendar import PROVIDER, CreatedEvent
from services.tool.tools.event_changes import EventChanges
from services.tool.tools.names import Names, named_event
from services.tool.tools.outlook_events import CancelledEvent

LISTED_BEFORE, LISTED_AFTER = timedelta(days=7), timedelta(days=60)
_ID = "The id of an event that calendar_list found"

EventId = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z0-9_@-]{1,400}$")]


class CalendarUpdateEvent(EventChanges):
    """What to change; everything that is not given stays as it is."""

    event_id: EventId = Field(description=_ID)


class CalendarCancelEvent(Arguments):
    """Which event."""

    event_id: EventId = Field(description=_ID)


async def calendar_update_event(arguments: CalendarUpdateEvent, context: Context) -> CreatedEvent:
    """Change an event of the user's own; guests are told by Google. The same change twice is one change."""

    async def update(token: str) -> CreatedEvent:
        changes = CalendarChanges(context.calendar)
        standing = _own(await changes.read(token, arguments.event_id, timeout_s=context.timeout_s))
        change, notes = _change(arguments, standing.event, context)
        changed = await changes.change(token, standing, change, timeout_s=context.timeout_s)
        return _changed(changed, notes, context)

    return await context.access.use(PROVIDER, update)


async def find_update(arguments: CalendarUpdateEvent, context: Context) -> CreatedEvent | None:
    """What `calendar_update_event` achieved earlier: the event, if it was this execution that changed it last."""
    standing = await context.access.use(
        PROVIDER,
        lambda token: CalendarChanges(context.calendar).read(token, arguments.event_id, timeout_s=context.timeout_s),
    )
    return _changed(standing.event, [], context) if standing.changed_by == context.effect_id else None


async def calendar_cancel_event(arguments: CalendarCancelEvent, context: Context) -> CancelledEvent:
    """Cancel an event of the user's own; guests are told by Google."""

    async def cancel(token: str) -> CancelledEvent:
        changes = CalendarChanges(context.calendar)
        try:
            event = _own(await changes.read(token, arguments.event_id, timeout_s=context.timeout_s)).event
        except EntityNotFound:
            # A server that shows no single events may still delete one; Google then says the same once more.
            event = None
        await changes.cancel(token, arguments.event_id, timeout_s=context.timeout_s)
        if event is None:
            return CancelledEvent(event_id=arguments.event_id)
        told = [guest.address for guest in event.guests if not guest.is_owner]
        return CancelledEvent(event_id=event.id, title=event.title, guests_told=told)

    return await context.access.use(PROVIDER, cancel)


async def find_cancellation(arguments: CalendarCancelEvent, context: Context) -> CancelledEvent | None:
    """What `calendar_cancel_event` achieved earlier: the event is in the calendar no more."""
    is_gone = await context.access.use(
        PROVIDER,
        lambda token: CalendarChanges(context.calendar).is_gone(token, arguments.event_id, timeout_s=context.timeout_s),
    )
    return CancelledEvent(event_id=arguments.event_id) if is_gone else None


async def shown_event(arguments: CalendarUpdateEvent | CalendarCancelEvent, context: Context) -> Names:
    """Which event it is, and which guests are told."""

    async def look(token: str) -> CalendarEvent:
        try:
            changes = CalendarChanges(context.calendar)
            return (await changes.read(token, arguments.event_id, timeout_s=context.timeout_s)).event
        except EntityNotFound:
            # A server that shows no single events may still list them.
            start, end = context.begun_at - LISTED_BEFORE, context.begun_at + LISTED_AFTER
            for event in await context.calendar.events(token, start, end, timeout_s=context.timeout_s):
                if event.id == arguments.event_id:
                    return event
            raise

    event = await context.access.use(PROVIDER, look)
    told = tuple(guest.address for guest in event.guests if not guest.is_owner)
    return named_event(event.title, event.start, told, context)


def _own(standing: StandingEvent) -> StandingEvent:
    if not standing.event.is_mine:
        raise InvalidArguments("Only its organizer can change or cancel this event; the user is a guest.")
    return standing


def _change(arguments: CalendarUpdateEvent, event: CalendarEvent, context: Context) -> tuple[EventChange, list[str]]:
    times, notes = None, list[str]()
    if arguments.start is not None or arguments.end is not None:
        if not (isinstance(event.start, datetime) and isinstance(event.end, datetime)):
            raise InvalidArguments("The times of an event that lasts whole days cannot be changed here.")
        start = arguments.start or event.start.astimezone(context.tz).isoformat()
        lasting = event.end.astimezone(UTC) - event.start.astimezone(UTC)
        begins, ends, notes = windows.span(start, arguments.end, lasting, context.tz, context.now)
        times = (begins, ends)
    change = EventChange(
        execution_id=context.effect_id,
        timezone=context.tz.key,
        title=arguments.title,
        times=times,
        description=arguments.description,
        invite=arguments.add_guests,
        uninvite=frozenset(guest.lower() for guest in arguments.remove_guests),
    )
    return change, notes


def _changed(event: CalendarEvent, notes: list[str], context: Context) -> CreatedEvent:
    return CreatedEvent(
        event_id=event.id,
        title=event.title,
        start=windows.rfc3339(event.start, context.tz),
        end=windows.rfc3339(event.end, context.tz),
        guests=[guest.address for guest in event.guests],
        link=event.link,
        notes=notes,
    )


CALENDAR_CHANGE_TOOLS = (
    Tool(
        name="calendar_update_event",
        description="Move or change an event of the user's own in Google Calendar, or whom it invites.",
        effect=Effect.WRITE,
        arguments=CalendarUpdateEvent,
        run=calendar_update_event,
        look_up=find_update,
        shown=shown_event,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=True,
    ),
    Tool(
        name="calendar_cancel_event",
        description="Cancel an event of the user's own in Google Calendar; its guests are told.",
        effect=Effect.WRITE,
        arguments=CalendarCancelEvent,
        run=calendar_cancel_event,
        look_up=find_cancellation,
        shown=shown_event,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=True,
    ),
)
