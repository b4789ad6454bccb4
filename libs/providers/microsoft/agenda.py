"""An Outlook calendar as its owner reads it: the events of a window, and when they keep the owner busy.

Sources: Microsoft Graph's documentation, "List calendarView" (repeated events once per occurrence), "event resource
type". Busy times come from the events themselves: `getSchedule` does not serve personal accounts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from libs.providers.answers import reading
from libs.providers.errors import ProviderUnavailable
from libs.providers.microsoft.api import found_rows
from libs.providers.microsoft.graph import line, moment
from libs.providers.rest import Access, RestApi
from libs.providers.wire import DEFAULT_TIMEOUT_S

PAGE_SIZE = 100
MAX_PAGES = 5
PREVIEW_CHARACTERS = 255
ZONES_DIFFER = timedelta(hours=14)
"""Which hours a whole day has in Graph's view depends on whom one asks: asked for generously, then looked at."""
FIELDS = (
    "id,subject,start,end,isAllDay,isCancelled,isOrganizer,isOnlineMeeting,location,bodyPreview,attendees,webLink,"
    "showAs,seriesMasterId"
)
_NOT_BUSY = frozenset({"free", "workingElsewhere"})


@dataclass(frozen=True, slots=True)
class Attendee:
    """Somebody invited; `response` is Graph's word: none, accepted, declined, tentativelyAccepted, organizer."""

    address: str
    name: str
    response: str
    kind: str = "required"
    """Graph's word: required, optional, resource."""


@dataclass(frozen=True, slots=True)
class OutlookEvent:
    """An event; `start` and `end` are dates when it lasts whole days, aware moments otherwise."""

    id: str
    title: str
    start: datetime | date
    end: datetime | date
    is_cancelled: bool
    is_mine: bool
    """Whether the owner of the calendar is its organizer."""
    keeps_busy: bool
    location: str
    preview: str
    attendees: tuple[Attendee, ...]
    link: str
    series: str | None
    has_joining_text: bool
    """An online meeting: its text says how to join it."""

    @property
    def is_all_day(self) -> bool:
        """Whether it has dates instead of times."""
        return not isinstance(self.start, datetime)

    def stretch(self, tz: tzinfo) -> tuple[datetime, datetime]:
        """From when to when, whole days as the owner's zone has them."""
        return _at(self.start, tz), _at(self.end, tz)


class OutlookAgenda:
    """For any user whose token is given; always the default calendar."""

    def __init__(self, api: RestApi) -> None:
        self._api = api

    async def events(
        self, token: str, start: datetime, end: datetime, tz: tzinfo, *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> tuple[OutlookEvent, ...]:
        """Events that touch the window, by start, without cancelled ones; whole days are those of the owner's zone.
        Raises ProviderUnavailable when there are more than can be read."""
        found: list[OutlookEvent] = []
        route = "/me/calendarView"
        given: dict[str, str] | None = {
            "startDateTime": utc(start - ZONES_DIFFER),
            "endDateTime": utc(end + ZONES_DIFFER),
            "$select": FIELDS,
            "$orderby": "start/dateTime",
            "$top": str(PAGE_SIZE),
        }
        for _ in range(MAX_PAGES):
            answer = await self._api.send("GET", route, Access(token, ""), params=given, timeout_s=timeout_s)
            found += [read_event(row) for row in found_rows(answer.content)]
            route, given = answer.content.get("@odata.nextLink"), None
            if route is None:
                return tuple(event for event in found if not event.is_cancelled and _touches(event, start, end, tz))
        # Half a calendar would look like free time.
        raise ProviderUnavailable("Outlook has more events in that time than can be read; ask for a shorter time.")

    async def busy(
        self, token: str, start: datetime, end: datetime, tz: tzinfo, *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> tuple[tuple[datetime, datetime], ...]:
        """When the owner is busy within the window: merged, cut to it, in order."""
        events = await self.events(token, start, end, tz, timeout_s=timeout_s)
        joined: list[tuple[datetime, datetime]] = []
        for begins, ends in sorted(event.stretch(tz) for event in events if event.keeps_busy):
            begin, until = max(begins, start), min(ends, end)
            if begin >= until:
                continue
            if joined and begin <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(joined[-1][1], until))
            else:
                joined.append((begin, until))
        return tuple(joined)

    async def read(self, token: str, event_id: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> OutlookEvent:
        """Raises EntityNotFound."""
        answer = await self._api.send(
            "GET",
            "/me/events/{id}",
            Access(token, ""),
            path={"id": event_id},
            params={"$select": FIELDS},
            timeout_s=timeout_s,
        )
        return read_event(answer.content)


@reading("Microsoft")
def read_event(row: Mapping[str, Any]) -> OutlookEvent:
    """As Graph lists, reads and creates it. Raises ProviderGarbled."""
    is_all_day = bool(row.get("isAllDay"))
    return OutlookEvent(
        id=str(row["id"]),
        title=line(row.get("subject")),
        start=_when(row["start"], is_all_day),
        end=_when(row["end"], is_all_day),
        is_cancelled=bool(row.get("isCancelled")),
        is_mine=bool(row.get("isOrganizer", True)),
        keeps_busy=row.get("showAs", "busy") not in _NOT_BUSY,
        location=line((row.get("location") or {}).get("displayName")),
        preview=line(row.get("bodyPreview"))[:PREVIEW_CHARACTERS],
        attendees=tuple(_attendee(each) for each in row.get("attendees") or ()),
        link=str(row.get("webLink") or ""),
        series=row.get("seriesMasterId"),
        has_joining_text=bool(row.get("isOnlineMeeting")),
    )


def utc(at: datetime) -> str:
    """As Graph takes a moment."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _touches(event: OutlookEvent, start: datetime, end: datetime, tz: tzinfo) -> bool:
    """A moment in the window counts too: some events last no time."""
    begins, ends = event.stretch(tz)
    return begins < end and (ends > start or begins == ends == start)


def _attendee(row: Mapping[str, Any]) -> Attendee:
    address = row.get("emailAddress") or {}
    response = (row.get("status") or {}).get("response")
    kind = str(row.get("type") or "required")
    return Attendee(line(address.get("address")), line(address.get("name"))[:120], line(response), kind)


def _when(row: Mapping[str, Any], is_all_day: bool) -> datetime | date:
    """Asked for in UTC; a whole day is that day wherever one is."""
    if row.get("timeZone", "UTC") not in ("UTC", "Etc/UTC", "tzone://Microsoft/Utc"):
        raise ValueError("a time in a zone that was not asked for")
    at = moment(str(row["dateTime"]))
    return at.date() if is_all_day else at


def _at(at: datetime | date, tz: tzinfo) -> datetime:
    return at if isinstance(at, datetime) else datetime.combine(at, time(), tz)
