"""Changing and cancelling events of a Google calendar, and finding out whether that was done.

A changed event carries the execution that changed it last as a private property; a cancelled one is gone, or says that
it is cancelled. A change is made to the event as it was read (`If-Match`), because a list of guests replaces the one
there was, with the answers that guests gave meanwhile.

Sources: Google Calendar's API reference, "Events: patch" (arrays are replaced, objects merged), "Events: delete", "Get
specific versions of resources" (etags); its discovery document for the parameters.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from libs.providers.errors import EntityNotFound, RequestRefused
from libs.providers.google.calendar import EVENTS, PRIMARY, REFERENCE, Calendar, CalendarEvent, read_event
from libs.providers.wire import DEFAULT_TIMEOUT_S

CHANGED_BY = "adjutant_changed_by"
TRIES = 3


@dataclass(frozen=True, slots=True)
class StandingEvent:
    """An event as Google holds it, with what a change of it must build upon."""

    event: CalendarEvent
    row: Mapping[str, Any]

    @property
    def changed_by(self) -> str:
        """The execution that changed it last, if one did."""
        properties = (self.row.get("extendedProperties") or {}).get("private") or {}
        return str(properties.get(CHANGED_BY, ""))


@dataclass(frozen=True, slots=True)
class EventChange:
    """What to change; None stays as it is."""

    execution_id: str
    timezone: str
    title: str | None = None
    times: tuple[datetime, datetime] | None = None
    description: str | None = None
    invite: tuple[str, ...] = ()
    uninvite: frozenset[str] = field(default_factory=frozenset)
    """Addresses in lower case."""


class CalendarChanges:
    """Google Calendar, for any user whose token is given; always the user's primary calendar."""

    def __init__(self, calendar: Calendar) -> None:
        self._api = calendar.api

    async def read(self, token: str, event_id: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> StandingEvent:
        """Raises EntityNotFound, also for one that was cancelled."""
        request = self._api.request(EVENTS, "get", calendarId=PRIMARY, eventId=event_id)
        row = await self._api.send(request, token, timeout_s)
        if row.get("status") == "cancelled":  # of which Google may send little more than the id
            raise EntityNotFound("The event has been cancelled.")
        return StandingEvent(read_event(row), row)

    async def change(
        self, token: str, standing: StandingEvent, change: EventChange, *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> CalendarEvent:
        """Change it and tell its guests. One that somebody changed since is read again. Raises EntityNotFound."""
        for left in reversed(range(TRIES)):
            body = _patch(standing.row, change)
            request = self._api.request(
                EVENTS, "patch", calendarId=PRIMARY, eventId=standing.event.id, body=body, sendUpdates="all"
            )
            if etag := standing.row.get("etag"):
                request = replace(request, headers={**request.headers, "if-match": str(etag)})
            try:
                return read_event(await self._api.send(request, token, timeout_s))
            except RequestRefused:
                fresh = await self.read(token, standing.event.id, timeout_s=timeout_s)
                if not left or fresh.row.get("etag") == etag:
                    raise
                standing = fresh
        raise AssertionError("the last try returns or raises")

    async def cancel(self, token: str, event_id: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        """Take it out of the calendar and tell its guests. Raises EntityNotFound."""
        request = self._api.request(EVENTS, "delete", calendarId=PRIMARY, eventId=event_id, sendUpdates="all")
        await self._api.send(request, token, timeout_s)

    async def is_gone(self, token: str, event_id: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> bool:
        """Whether it is in the calendar no more."""
        try:
            await self.read(token, event_id, timeout_s=timeout_s)
        except EntityNotFound:
            return True
        return False


def _patch(row: Mapping[str, Any], change: EventChange) -> dict[str, Any]:
    body: dict[str, Any] = {"extendedProperties": {"private": {CHANGED_BY: change.execution_id}}}
    if change.title is not None:
        body["summary"] = change.title
    if change.times is not None:
        for name, at in zip(("start", "end"), change.times, strict=True):
            body[name] = {"dateTime": at.isoformat(), "timeZone": change.timezone}
    if change.description is not None:
        _, ours, reference = str(row.get("description", "")).partition(REFERENCE)
        body["description"] = f"{change.description}\n\n{ours}{reference}".strip() if ours else change.description
    if change.invite or change.uninvite:
        kept = [guest for guest in row.get("attendees") or () if _address(guest) not in change.uninvite]
        there = {_address(guest) for guest in kept}
        added = {guest.lower(): guest for guest in change.invite if guest.lower() not in there}
        body["attendees"] = [*kept, *({"email": guest} for guest in added.values())]
    return body


def _address(guest: Mapping[str, Any]) -> str:
    return str(guest.get("email", "")).lower()
