"""Looking into the calendar and putting events into it."""

import base64
import hashlib
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, Field

from contracts.tool import Effect
from libs.providers.errors import EntityExists
from libs.providers.google.calendar import CalendarEvent, NewEvent, without_reference
from services.tool import windows
from services.tool.arguments import Arguments, EmailAddress, Prose, TimeText, Title, bounded
from services.tool.context import Context
from services.tool.registry import Tool
from services.tool.windows import rfc3339

PROVIDER = "calendar"
DESCRIPTION_CHARACTERS = 500
_TIME = "RFC 3339, or a local time like 2026-11-24T14:00, or words like 'tomorrow at 2pm'"


class CalendarList(Arguments):
    """Which part of the calendar; today when nothing is given."""

    day: TimeText | None = Field(default=None, description="today, tomorrow, yesterday or a date like 2026-11-24")
    start: TimeText | None = Field(default=None, description=f"Instead of day: from when. A date, or {_TIME}")
    end: TimeText | None = Field(default=None, description=f"Until when; a date counts to its end. A date, or {_TIME}")


class CalendarAvailability(Arguments):
    """The window to look at."""

    start: TimeText = Field(description=f"From when. A date, or {_TIME}")
    end: TimeText = Field(description=f"Until when; a date counts to its end. A date, or {_TIME}")


class CalendarCreateEvent(Arguments):
    """The event to create."""

    title: Title = Field(description="What guests will read as the subject")
    start: TimeText = Field(description=f"{_TIME}. Times without an offset are in the user's timezone")
    end: TimeText | None = Field(default=None, description="Instead of duration_minutes; written like start")
    duration_minutes: int = bounded(30, 5, 1440, "How long it lasts, unless end is given")
    guests: Annotated[tuple[EmailAddress, ...], Field(max_length=50)] = Field(
        default=(), description="E-mail addresses of the people to invite"
    )
    description: Prose | None = Field(default=None, description="Text that guests can read")


class EventGuest(BaseModel):
    """Somebody invited, and what they answered."""

    name: str
    address: str
    response: str


class ListedEvent(BaseModel):
    """An event; whole-day events have dates, others RFC 3339 times in the user's timezone."""

    id: str
    title: str
    start: str
    end: str
    all_day: bool
    location: str
    description: str
    guests: list[EventGuest]
    link: str


class ListedEvents(BaseModel):
    """Events by start."""

    start: str
    end: str
    events: list[ListedEvent]


class Stretch(BaseModel):
    """A stretch of time, RFC 3339."""

    start: str
    end: str


class Availability(BaseModel):
    """When the user is busy and free; holds times and no text of anybody."""

    start: str
    end: str
    is_free: bool
    busy: list[Stretch]
    free: list[Stretch]


class CreatedEvent(BaseModel):
    """The event as it stands in the calendar. `notes` tell what had to be decided about its time."""

    event_id: str
    title: str
    start: str
    end: str
    guests: list[str]
    link: str
    notes: list[str] = []


async def calendar_list(arguments: CalendarList, context: Context) -> ListedEvents:
    """Events that touch the window."""
    asked = (arguments.day, arguments.start, arguments.end)
    start, end = windows.day_or_window("calendar_list", *asked, context.tz, context.now)
    events = await context.access.use(
        PROVIDER, lambda token: context.calendar.events(token, start, end, timeout_s=context.timeout_s)
    )
    listed = [_listed(event, context) for event in events]
    return ListedEvents(start=rfc3339(start, context.tz), end=rfc3339(end, context.tz), events=listed)


async def calendar_availability(arguments: CalendarAvailability, context: Context) -> Availability:
    """Busy and free stretches of the window."""
    start, end = windows.window(arguments.start, arguments.end, context.tz, context.now)
    busy = await context.access.use(
        PROVIDER, lambda token: context.calendar.busy(token, start, end, timeout_s=context.timeout_s)
    )
    edges = [start, *(edge for taken in busy for edge in (taken.start, taken.end)), end]
    free = [(edges[i], edges[i + 1]) for i in range(0, len(edges), 2) if edges[i] < edges[i + 1]]
    return Availability(
        start=rfc3339(start, context.tz),
        end=rfc3339(end, context.tz),
        is_free=not busy,
        busy=[_stretch(taken.start, taken.end, context) for taken in busy],
        free=[_stretch(*gap, context) for gap in free],
    )


async def calendar_create_event(arguments: CalendarCreateEvent, context: Context) -> CreatedEvent:
    """Put the event into the calendar and invite its guests; once per execution id."""
    event, notes = new_event(arguments, context)

    async def insert(token: str) -> CalendarEvent:
        try:
            return await context.calendar.insert(token, event, timeout_s=context.timeout_s)
        except EntityExists:
            # An earlier attempt got through although nobody heard of it.
            found = await context.calendar.find_event(token, event, timeout_s=context.timeout_s)
            if found is None:
                raise
            return found

    return _created(await context.access.use(PROVIDER, insert), notes, context)


async def find_created_event(arguments: CalendarCreateEvent, context: Context) -> CreatedEvent | None:
    """What `calendar_create_event` achieved earlier under this execution id."""
    event, notes = new_event(arguments, context)
    found = await context.access.use(
        PROVIDER, lambda token: context.calendar.find_event(token, event, timeout_s=context.timeout_s)
    )
    return _created(found, notes, context) if found else None


def new_event(arguments: CalendarCreateEvent, context: Context) -> tuple[NewEvent, list[str]]:
    """The same arguments, moment of asking and execution id give the same event, however often they are asked."""
    if context.execution_id is None:
        raise RuntimeError("an effect needs an execution id")
    lasting = timedelta(minutes=arguments.duration_minutes)
    start, end, notes = windows.span(arguments.start, arguments.end, lasting, context.tz, context.now)
    event = NewEvent(
        id=event_id(context.execution_id),
        title=arguments.title,
        start=start,
        end=end,
        timezone=context.tz.key,
        guests=tuple({guest.lower(): guest for guest in arguments.guests}.values()),
        description=arguments.description or "",
    )
    return event, notes


def event_id(execution_id: str) -> str:
    """A legal Google event id (a to v and 0 to 9) that follows from the execution id; 160 bits."""
    digest = hashlib.sha256(f"adjutant calendar event {execution_id}".encode()).digest()[:20]
    return base64.b32hexencode(digest).decode().lower()


def _listed(event: CalendarEvent, context: Context) -> ListedEvent:
    return ListedEvent(
        id=event.id,
        title=event.title,
        start=rfc3339(event.start, context.tz),
        end=rfc3339(event.end, context.tz),
        all_day=event.is_all_day,
        location=event.location,
        description=without_reference(event.description)[:DESCRIPTION_CHARACTERS],
        guests=[EventGuest(name=g.name, address=g.address, response=g.response) for g in event.guests[:50]],
        link=event.link,
    )


def _created(event: CalendarEvent, notes: list[str], context: Context) -> CreatedEvent:
    return CreatedEvent(
        event_id=event.id,
        title=event.title,
        start=rfc3339(event.start, context.tz),
        end=rfc3339(event.end, context.tz),
        guests=[guest.address for guest in event.guests],
        link=event.link,
        notes=notes,
    )


def _stretch(start: datetime, end: datetime, context: Context) -> Stretch:
    return Stretch(start=rfc3339(start, context.tz), end=rfc3339(end, context.tz))


CALENDAR_TOOLS = (
    Tool(
        name="calendar_list",
        description="List the events of the user's calendar on a day or between two times.",
        effect=Effect.READ,
        arguments=CalendarList,
        run=calendar_list,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=True,
    ),
    Tool(
        name="calendar_availability",
        description="Tell when the user is busy and when free between two times; no event details.",
        effect=Effect.READ,
        arguments=CalendarAvailability,
        run=calendar_availability,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=False,
    ),
    Tool(
        name="calendar_create_event",
        description="Create an event in the user's calendar and invite its guests by e-mail address.",
        effect=Effect.WRITE,
        arguments=CalendarCreateEvent,
        run=calendar_create_event,
        look_up=find_created_event,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=False,
    ),
)
