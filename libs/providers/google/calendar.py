"""A Google calendar: what is in it, when its owner is busy, and one new event under an id of ours.

Google takes a client-made event id and answers 409 to the second insert. Not every server that speaks its
protocol does, so an event also carries the id as a private property and as a line in its description, and
`find_event` recognises any of the three.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import httpx

from libs.providers.errors import EntityNotFound, PermissionMissing, ProviderUnavailable
from libs.providers.google.transport import GoogleApi
from libs.providers.wire import DEFAULT_TIMEOUT_S

DEFAULT_BASE_URL = "https://www.googleapis.com/calendar/v3/"
PRIMARY = "primary"
MAXEVENTS = 100
REFERENCE = "Scheduled by Adjutant, ref "
_PROPERTY = "adjutant_execution"
EVENTS, _FREEBUSY = "events", "freebusy"


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody invited; `response` is Google's word: needsAction, declined, tentative, accepted."""

    address: str
    name: str = ""
    response: str = ""
    is_owner: bool = False


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """An event; `start` and `end` are dates when it lasts whole days, aware moments otherwise."""

    id: str
    title: str
    start: datetime | date
    end: datetime | date
    status: str
    location: str
    description: str
    guests: tuple[Guest, ...]
    link: str
    is_mine: bool = True
    """Whether the owner of the calendar is its organizer, who alone can change it for everybody."""

    @property
    def is_all_day(self) -> bool:
        """Whether it has dates instead of times."""
        return not isinstance(self.start, datetime)


@dataclass(frozen=True, slots=True)
class Busy:
    """A stretch of time that is taken."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class NewEvent:
    """What to put into the calendar. `id` is 5 to 1024 characters out of a to v and 0 to 9."""

    id: str
    title: str
    start: datetime
    end: datetime
    timezone: str
    guests: tuple[str, ...] = ()
    description: str = ""
    accepted_by: tuple[str, ...] = ()
    """Guests who need not be asked."""


class Calendar:
    """Google Calendar, for any user whose token is given; always the user's primary calendar."""

    def __init__(self, api: GoogleApi) -> None:
        self.api = api

    @classmethod
    async def open(cls, http: httpx.AsyncClient, base_url: str = DEFAULT_BASE_URL) -> "Calendar":
        """Load the API description; `base_url` ends with `/calendar/v3/`."""
        collections = (EVENTS, _FREEBUSY)
        return cls(await GoogleApi.open("Google Calendar", "calendar", "v3", collections, base_url, http))

    async def events(
        self,
        token: str,
        start: datetime,
        end: datetime,
        *,
        words: str | None = None,
        limit: int = MAXEVENTS,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> tuple[CalendarEvent, ...]:
        """Events that touch the window, by start; repeated ones appear once per occurrence."""
        request = self.api.request(
            EVENTS,
            "list",
            calendarId=PRIMARY,
            timeMin=start.isoformat(),
            timeMax=end.isoformat(),
            singleEvents=True,
            orderBy="startTime",
            maxResults=limit,
            q=words,
        )
        found = await self.api.send(request, token, timeout_s)
        events = (read_event(row) for row in found.get("items", ()) if row.get("status") != "cancelled")
        return tuple(events)[:limit]

    async def busy(
        self, token: str, start: datetime, end: datetime, *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> tuple[Busy, ...]:
        """When the owner is busy within the window: merged, clipped to it, in order."""
        body = {"timeMin": start.isoformat(), "timeMax": end.isoformat(), "items": [{"id": PRIMARY}]}
        found = await self.api.send(self.api.request(_FREEBUSY, "query", body=body), token, timeout_s)
        calendar = (found.get("calendars") or {}).get(PRIMARY)
        if calendar is None or calendar.get("errors"):
            # Silence is not freedom: without this a refused calendar would look like an empty one.
            raise PermissionMissing("Google Calendar does not tell when the account is busy.")
        stretches = [Busy(_moment(row["start"]), _moment(row["end"])) for row in calendar.get("busy", ())]
        return merged(stretches, start, end)

    async def insert(self, token: str, event: NewEvent, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> CalendarEvent:
        """Create the event and invite its guests. Raises EntityExists when an event with this id is there."""
        reference = f"{REFERENCE}{event.id}"
        body = {
            "id": event.id,
            "summary": event.title,
            "description": f"{event.description}\n\n{reference}" if event.description else reference,
            "start": {"dateTime": event.start.isoformat(), "timeZone": event.timezone},
            "end": {"dateTime": event.end.isoformat(), "timeZone": event.timezone},
            "attendees": [_attendee(guest, event) for guest in event.guests],
            "extendedProperties": {"private": {_PROPERTY: event.id}},
        }
        request = self.api.request(EVENTS, "insert", calendarId=PRIMARY, body=body, sendUpdates="all")
        return read_event(await self.api.send(request, token, timeout_s))

    async def find_event(
        self, token: str, event: NewEvent, *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> CalendarEvent | None:
        """The event that `insert` made for this id, if it did; a cancelled one counts, for it has been made."""
        request = self.api.request(EVENTS, "get", calendarId=PRIMARY, eventId=event.id)
        try:
            found = await self.api.send(request, token, timeout_s)
        except EntityNotFound:
            return await self._find_by_mark(token, event, timeout_s)
        times = {"start": {"dateTime": event.start.isoformat()}, "end": {"dateTime": event.end.isoformat()}}
        return read_event(times | found)  # of a cancelled event Google may send little more than the id

    async def move(
        self, token: str, event_id: str, event: NewEvent, *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> CalendarEvent:
        """Give an existing event the times of `event` and tell its guests. Raises EntityNotFound."""
        body = {
            "start": {"dateTime": event.start.isoformat(), "timeZone": event.timezone},
            "end": {"dateTime": event.end.isoformat(), "timeZone": event.timezone},
        }
        request = self.api.request(EVENTS, "patch", calendarId=PRIMARY, eventId=event_id, body=body, sendUpdates="all")
        return read_event(await self.api.send(request, token, timeout_s))

    async def delete(self, token: str, event_id: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        """Take an event out of the calendar and tell its guests. One that is gone already is fine."""
        request = self.api.request(EVENTS, "delete", calendarId=PRIMARY, eventId=event_id, sendUpdates="all")
        try:
            await self.api.send(request, token, timeout_s)
        except EntityNotFound:
            return

    async def _find_by_mark(self, token: str, event: NewEvent, timeout_s: float) -> CalendarEvent | None:
        """For a server that gives its own ids."""
        around = timedelta(minutes=1)
        start, end = event.start - around, event.end + around
        near = await self.events(token, start, end, words=event.id, timeout_s=timeout_s)
        return next((found for found in near if f"{REFERENCE}{event.id}" in found.description), None)


def merged(stretches: Iterable[Busy], start: datetime, end: datetime) -> tuple[Busy, ...]:
    """Overlapping and touching stretches joined, cut to the window, in order."""
    joined: list[Busy] = []
    for busy in sorted(stretches, key=lambda busy: busy.start):
        begin, until = max(busy.start, start), min(busy.end, end)
        if begin >= until:
            continue
        if joined and begin <= joined[-1].end:
            joined[-1] = Busy(joined[-1].start, max(joined[-1].end, until))
        else:
            joined.append(Busy(begin, until))
    return tuple(joined)


def without_reference(description: str) -> str:
    """A description as its writer meant it."""
    return description.partition(REFERENCE)[0].rstrip()


def read_event(row: Mapping[str, Any]) -> CalendarEvent:
    """An event resource of Google."""
    try:
        return CalendarEvent(
            id=str(row["id"]),
            title=str(row.get("summary", ""))[:300],
            start=_when(row.get("start") or {}),
            end=_when(row.get("end") or {}),
            status=str(row.get("status", "")),
            location=str(row.get("location", ""))[:300],
            description=str(row.get("description", "")),
            guests=tuple(_guest(guest) for guest in row.get("attendees") or ()),
            link=str(row.get("htmlLink", "")),
            is_mine=bool((row.get("organizer") or {"self": True}).get("self", False)),
        )
    except (KeyError, ValueError) as error:
        raise ProviderUnavailable("Google Calendar sent an event that cannot be read.") from error


def _attendee(guest: str, event: NewEvent) -> dict[str, str]:
    return {"email": guest, "responseStatus": "accepted"} if guest in event.accepted_by else {"email": guest}


def _guest(row: Mapping[str, Any]) -> Guest:
    return Guest(
        address=str(row.get("email", "")),
        name=str(row.get("displayName", ""))[:120],
        response=str(row.get("responseStatus", "")),
        is_owner=bool(row.get("self", False)),
    )


def _when(row: Mapping[str, Any]) -> datetime | date:
    if "dateTime" in row:
        return _moment(row["dateTime"])
    return date.fromisoformat(row["date"])


def _moment(text: str) -> datetime:
    """An RFC 3339 moment; Google always sends an offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment without an offset")
    return moment
