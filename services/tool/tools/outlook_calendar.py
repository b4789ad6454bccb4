"""Looking into the Outlook calendar. What events say was written by others."""

from datetime import datetime

from contracts.tool import Effect
from libs.providers.microsoft.agenda import OutlookEvent
from services.tool import windows
from services.tool.context import Context
from services.tool.registry import Tool
from services.tool.tools.calendar import (
    Availability,
    CalendarAvailability,
    CalendarList,
    EventGuest,
    ListedEvent,
    ListedEvents,
    Stretch,
)

PROVIDER = "outlook_calendar"
MAX_LISTED = 100


async def outlook_calendar_list(arguments: CalendarList, context: Context) -> ListedEvents:
    """Events that touch the window."""
    asked = (arguments.day, arguments.start, arguments.end)
    start, end = windows.day_or_window("outlook_calendar_list", *asked, context.tz, context.now)
    events = await context.access.use(
        PROVIDER,
        lambda token: context.work.outlook_agenda.events(token, start, end, context.tz, timeout_s=context.timeout_s),
    )
    listed = [_listed(event, context) for event in events[:MAX_LISTED]]
    return ListedEvents(start=_shown(start, context), end=_shown(end, context), events=listed)


async def outlook_calendar_availability(arguments: CalendarAvailability, context: Context) -> Availability:
    """Busy and free stretches of the window."""
    start, end = windows.window(arguments.start, arguments.end, context.tz, context.now)
    busy = await context.access.use(
        PROVIDER,
        lambda token: context.work.outlook_agenda.busy(token, start, end, context.tz, timeout_s=context.timeout_s),
    )
    edges = [start, *(edge for taken in busy for edge in taken), end]
    free = [(edges[i], edges[i + 1]) for i in range(0, len(edges), 2) if edges[i] < edges[i + 1]]
    return Availability(
        start=_shown(start, context),
        end=_shown(end, context),
        is_free=not busy,
        busy=[_stretch(*taken, context) for taken in busy],
        free=[_stretch(*gap, context) for gap in free],
    )


def _listed(event: OutlookEvent, context: Context) -> ListedEvent:
    return ListedEvent(
        id=event.id,
        title=event.title,
        start=windows.rfc3339(event.start, context.tz),
        end=windows.rfc3339(event.end, context.tz),
        all_day=event.is_all_day,
        location=event.location,
        description=event.preview,
        guests=[EventGuest(name=g.name, address=g.address, response=g.response) for g in event.attendees[:50]],
        link=event.link,
    )


def _stretch(start: datetime, end: datetime, context: Context) -> Stretch:
    return Stretch(start=_shown(start, context), end=_shown(end, context))


def _shown(at: datetime, context: Context) -> str:
    return windows.rfc3339(at, context.tz)


OUTLOOK_CALENDAR_TOOLS = (
    Tool(
        name="outlook_calendar_list",
        description="List the events of the user's Outlook calendar on a day or between two times.",
        effect=Effect.READ,
        arguments=CalendarList,
        run=outlook_calendar_list,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=True,
    ),
    Tool(
        name="outlook_calendar_availability",
        description="Tell when the user is busy and when free by the Outlook calendar; no event details.",
        effect=Effect.READ,
        arguments=CalendarAvailability,
        run=outlook_calendar_availability,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=False,
    ),
)
