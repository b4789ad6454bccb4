"""Tools for the conversation with an outsider: free times of the link they came by, and booking one of them.

They see no calendar, only the reception. What the outsider says about themselves is data: cleaned, bounded, sealed.
"""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, Field

from contracts.tool import Effect
from services.tool import times
from services.tool.arguments import Arguments, EmailAddress, TimeText
from services.tool.context import Context
from services.tool.delegation.agenda import CALENDARS
from services.tool.delegation.availability import Span
from services.tool.delegation.bookings import Booking
from services.tool.delegation.guests import cleaned
from services.tool.delegation.reception import Reception
from services.tool.registry import Audience, Tool

MOST_SHOWN = 40
_DAYS = timedelta(days=7)
Said = Annotated[str, Field(min_length=1, max_length=2000)]
"""An outsider's words as they come; `cleaned` makes them fit to be seen."""
Minutes = Annotated[int, Field(ge=5, le=480)]


class DelegationCheckAvailability(Arguments):
    """From which day on to look."""

    day: TimeText = Field(
        default="today", description="today, tomorrow, a weekday or a date like 2026-11-24; a week from then is shown"
    )
    duration_minutes: Minutes | None = Field(
        default=None, description="How long; the first length on offer when left out"
    )


class DelegationScheduleMeeting(Arguments):
    """Which slot, and who comes."""

    start: TimeText = Field(
        description="One of the free times, as it was listed: RFC 3339, or a local time like 2026-11-24T14:00"
    )
    duration_minutes: Minutes | None = Field(
        default=None, description="How long; the first length on offer when left out"
    )
    guest_name: Said = Field(description="The visitor's name, as they gave it")
    guest_address: EmailAddress = Field(description="The visitor's e-mail address, as they gave it")
    note: Said | None = Field(default=None, description="What the visitor wants to say about the meeting")


class FreeTimes(BaseModel):
    """Times at which a meeting may begin, RFC 3339 in the visitor's timezone. Nothing about what fills the others."""

    timezone: str
    duration_minutes: int
    durations_offered: list[int]
    free: list[str]
    more: bool


class ScheduledMeeting(BaseModel):
    """What was booked."""

    booking_id: str
    start: str
    end: str


async def delegation_check_availability(arguments: DelegationCheckAvailability, context: Context) -> FreeTimes:
    """A week of free times."""
    reception = _reception(context)
    offered = await reception.durations()
    minutes = arguments.duration_minutes or offered[0]
    start, _ = times.day_bounds(times.day(arguments.day, context.tz, context.now), context.tz)
    found = await reception.slots(Span(start, start + _DAYS), minutes, context.now, context.timeout_s)
    return FreeTimes(
        timezone=context.tz.key,
        duration_minutes=minutes,
        durations_offered=list(offered),
        free=[_rfc3339(slot, context) for slot in found[:MOST_SHOWN]],
        more=len(found) > MOST_SHOWN,
    )


async def delegation_schedule_meeting(arguments: DelegationScheduleMeeting, context: Context) -> ScheduledMeeting:
    """Book it, once per execution."""
    reception = _reception(context)
    minutes = arguments.duration_minutes or (await reception.durations())[0]
    start = times.moment(arguments.start, context.tz, context.now).at
    guest = cleaned(arguments.guest_name, arguments.guest_address, arguments.note or "", context.tz.key)
    return _scheduled(await reception.schedule(context.effect_id, start, minutes, guest, context.now), context)


async def find_scheduled_meeting(_: DelegationScheduleMeeting, context: Context) -> ScheduledMeeting | None:
    """What `delegation_schedule_meeting` achieved earlier under this execution id."""
    found = await _reception(context).scheduled(context.effect_id)
    return _scheduled(found, context) if found else None


def _reception(context: Context) -> Reception:
    if context.reception is None:
        raise RuntimeError("a tool for outsiders needs a reception")
    return context.reception


def _scheduled(booking: Booking, context: Context) -> ScheduledMeeting:
    start, end = booking.time
    return ScheduledMeeting(booking_id=booking.booking_id, start=_rfc3339(start, context), end=_rfc3339(end, context))


def _rfc3339(at: datetime, context: Context) -> str:
    return at.astimezone(context.tz).isoformat(timespec="minutes")


DELEGATION_TOOLS = (
    Tool(
        name="delegation_check_availability",
        description="List the times at which the host can be booked, within a week from a day on.",
        effect=Effect.READ,
        arguments=DelegationCheckAvailability,
        run=delegation_check_availability,
        needs=frozenset(CALENDARS),
        any_will_do=True,
        returns_untrusted_text=False,
        audience=Audience.DELEGATION,
    ),
    Tool(
        name="delegation_schedule_meeting",
        description="Book one of the free times for the visitor; both get an invitation.",
        effect=Effect.WRITE,
        arguments=DelegationScheduleMeeting,
        run=delegation_schedule_meeting,
        look_up=find_scheduled_meeting,
        needs=frozenset(CALENDARS),
        any_will_do=True,
        returns_untrusted_text=False,
        audience=Audience.DELEGATION,
    ),
)
