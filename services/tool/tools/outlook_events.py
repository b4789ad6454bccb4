"""Putting events into the Outlook calendar, changing them and cancelling them."""

from datetime import UTC, timedelta
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from contracts.tool import Effect
from libs.providers.microsoft.agenda import Attendee, OutlookEvent
from libs.providers.microsoft.event_actions import EventChange, NewOutlookEvent
from services.tool import windows
from services.tool.arguments import Arguments, Prose
from services.tool.context import Context
from services.tool.errors import InvalidArguments
from services.tool.registry import Tool
from services.tool.tools.calendar import CalendarCreateEvent, CreatedEvent
from services.tool.tools.event_changes import EventChanges
from services.tool.tools.names import Names, named_event
from services.tool.tools.outlook_calendar import PROVIDER

_ID = "The id of an event that outlook_calendar_list found"

EventId = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z0-9_=+/-]{1,400}$")]


class OutlookCalendarUpdateEvent(EventChanges):
    """What to change; everything that is not given stays as it is."""

    event_id: EventId = Field(description=_ID)


class OutlookCalendarCancelEvent(Arguments):
    """Which event."""

    event_id: EventId = Field(description=_ID)
    message: Prose | None = Field(default=None, description="What guests are told, beside that it is cancelled")


class CancelledEvent(BaseModel):
    """What is no longer in the calendar, as far as it is known."""

    event_id: str
    title: str = ""
    guests_told: list[str] = []


async def outlook_calendar_create_event(arguments: CalendarCreateEvent, context: Context) -> CreatedEvent:
    """Put the event into the calendar and invite its guests; once per execution id."""
    event, notes = _new(arguments, context)
    created = await context.access.use(
        PROVIDER, lambda token: context.work.outlook_event_actions.create(token, event, timeout_s=context.timeout_s)
    )
    return _made(created, notes, context)


async def find_outlook_event(arguments: CalendarCreateEvent, context: Context) -> CreatedEvent | None:
    """What `outlook_calendar_create_event` achieved earlier under this execution id."""
    found = await context.access.use(
        PROVIDER,
        lambda token: context.work.outlook_event_actions.find_created(
            token, context.effect_id, timeout_s=context.timeout_s
        ),
    )
    return _made(found, _new(arguments, context)[1], context) if found else None


async def outlook_calendar_update_event(arguments: OutlookCalendarUpdateEvent, context: Context) -> CreatedEvent:
    """Change an event of the user's own; guests are told by Outlook."""

    async def update(token: str) -> CreatedEvent:
        event = await _own(arguments.event_id, token, context)
        change, notes = _change(arguments, event, context)
        changed = await context.work.outlook_event_actions.change(token, event.id, change, timeout_s=context.timeout_s)
        return _made(changed, notes, context)

    return await context.access.use(PROVIDER, update)


async def find_outlook_update(arguments: OutlookCalendarUpdateEvent, context: Context) -> CreatedEvent | None:
    """What `outlook_calendar_update_event` achieved earlier: the event, if this execution changed it last."""
    found = await context.access.use(
        PROVIDER,
        lambda token: context.work.outlook_event_actions.find_changed(
            token, arguments.event_id, context.effect_id, timeout_s=context.timeout_s
        ),
    )
    return _made(found, [], context) if found else None


async def outlook_calendar_cancel_event(arguments: OutlookCalendarCancelEvent, context: Context) -> CancelledEvent:
    """Cancel an event of the user's own; guests are told by Outlook."""

    async def cancel(token: str) -> CancelledEvent:
        event = await _own(arguments.event_id, token, context)
        await context.work.outlook_event_actions.cancel(
            token, event, arguments.message or "", timeout_s=context.timeout_s
        )
        told = [attendee.address for attendee in event.attendees]
        return CancelledEvent(event_id=event.id, title=event.title, guests_told=told)

    return await context.access.use(PROVIDER, cancel)


async def find_outlook_cancellation(arguments: OutlookCalendarCancelEvent, context: Context) -> CancelledEvent | None:
    """What `outlook_calendar_cancel_event` achieved earlier: the event is in the calendar no more."""
    is_gone = await context.access.use(
        PROVIDER,
        lambda token: context.work.outlook_event_actions.is_gone(
            token, arguments.event_id, timeout_s=context.timeout_s
        ),
    )
    return CancelledEvent(event_id=arguments.event_id) if is_gone else None


async def shown_outlook_event(
    arguments: OutlookCalendarUpdateEvent | OutlookCalendarCancelEvent, context: Context
) -> Names:
    """Which event it is, and which guests are told."""
    event = await context.access.use(
        PROVIDER,
        lambda token: context.work.outlook_agenda.read(token, arguments.event_id, timeout_s=context.timeout_s),
    )
    return named_event(event.title, event.start, tuple(guest.address for guest in event.attendees), context)


async def _own(event_id: str, token: str, context: Context) -> OutlookEvent:
    event = await context.work.outlook_agenda.read(token, event_id, timeout_s=context.timeout_s)
    if not event.is_mine:
        raise InvalidArguments("Only its organizer can change or cancel this event; the user is a guest.")
    return event


def _new(arguments: CalendarCreateEvent, context: Context) -> tuple[NewOutlookEvent, list[str]]:
    lasting = timedelta(minutes=arguments.duration_minutes)
    start, end, notes = windows.span(arguments.start, arguments.end, lasting, context.tz, context.now)
    event = NewOutlookEvent(
        title=arguments.title,
        start=start,
        end=end,
        guests=_distinct(arguments.guests),
        description=arguments.description or "",
        execution_id=context.effect_id,
    )
    return event, notes


def _change(
    arguments: OutlookCalendarUpdateEvent, event: OutlookEvent, context: Context
) -> tuple[EventChange, list[str]]:
    if arguments.description is not None and event.has_joining_text:
        raise InvalidArguments("The text of an online meeting says how to join it, and is not replaced here.")
    span, notes = None, list[str]()
    if arguments.start is not None or arguments.end is not None:
        if event.is_all_day:
            raise InvalidArguments("The times of an event that lasts whole days cannot be changed here.")
        begins, ends = event.stretch(context.tz)
        start = arguments.start or begins.astimezone(context.tz).isoformat()
        *between, notes = windows.span(start, arguments.end, ends - begins, context.tz, context.now)
        span = (between[0].astimezone(UTC), between[1].astimezone(UTC))
    guests = None
    if arguments.add_guests or arguments.remove_guests:
        removed = {guest.lower() for guest in arguments.remove_guests}
        invited = [*event.attendees, *(Attendee(guest, "", "") for guest in arguments.add_guests)]
        distinct = {guest.address.lower(): guest for guest in reversed(invited)}
        guests = tuple(guest for address, guest in reversed(distinct.items()) if address not in removed)
    change = EventChange(arguments.title, span, arguments.description, guests, context.effect_id)
    return change, notes


def _distinct(guests: tuple[str, ...]) -> tuple[str, ...]:
    return tuple({guest.lower(): guest for guest in guests}.values())


def _made(event: OutlookEvent, notes: list[str], context: Context) -> CreatedEvent:
    return CreatedEvent(
        event_id=event.id,
        title=event.title,
        start=windows.rfc3339(event.start, context.tz),
        end=windows.rfc3339(event.end, context.tz),
        guests=[attendee.address for attendee in event.attendees],
        link=event.link,
        notes=notes,
    )


OUTLOOK_EVENT_TOOLS = (
    Tool(
        name="outlook_calendar_create_event",
        description="Create an event in the user's Outlook calendar and invite its guests by e-mail address.",
        effect=Effect.WRITE,
        arguments=CalendarCreateEvent,
        run=outlook_calendar_create_event,
        look_up=find_outlook_event,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=False,
    ),
    Tool(
        name="outlook_calendar_update_event",
        description="Move or change an event of the user's own in the Outlook calendar, or whom it invites.",
        effect=Effect.WRITE,
        arguments=OutlookCalendarUpdateEvent,
        run=outlook_calendar_update_event,
        look_up=find_outlook_update,
        shown=shown_outlook_event,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=True,
    ),
    Tool(
        name="outlook_calendar_cancel_event",
        description="Cancel an event of the user's own in the Outlook calendar; its guests are told.",
        effect=Effect.WRITE,
        arguments=OutlookCalendarCancelEvent,
        run=outlook_calendar_cancel_event,
        look_up=find_outlook_cancellation,
        shown=shown_outlook_event,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=True,
    ),
)
