"""Creating, changing and cancelling events, and finding out whether that was done.

A new event carries the execution id as `transactionId`, by which Graph makes no second one, and in a property of ours,
by which it is found. A changed event carries the execution that changed it last. A cancelled one is gone.

Sources: Microsoft Graph's documentation, "event resource type" (`transactionId`), "Create event", "Update event",
"event: cancel" (organizers only; the event goes to the deleted items), "Get singleValueLegacyExtendedProperty".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from libs.providers.answers import reading
from libs.providers.errors import EntityExists, EntityNotFound
from libs.providers.microsoft.agenda import FIELDS, Attendee, OutlookAgenda, OutlookEvent, read_event, utc
from libs.providers.microsoft.api import EXECUTION_PROPERTY, execution_property, found_rows, made_by
from libs.providers.rest import Access, RestApi
from libs.providers.wire import DEFAULT_TIMEOUT_S

AROUND = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class NewOutlookEvent:
    """What to put into the calendar, and whom to invite."""

    title: str
    start: datetime
    end: datetime
    guests: tuple[str, ...]
    description: str
    execution_id: str


@dataclass(frozen=True, slots=True)
class EventChange:
    """What to change; None stays as it is. Guests are all there shall be, with those there are."""

    title: str | None
    times: tuple[datetime, datetime] | None
    description: str | None
    guests: tuple[Attendee, ...] | None
    execution_id: str


class OutlookEventActions:
    """For any user whose token is given."""

    def __init__(self, api: RestApi) -> None:
        self._api = api
        self._agenda = OutlookAgenda(api)

    async def create(self, token: str, event: NewOutlookEvent, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> OutlookEvent:
        """The event that Graph made, now or by an earlier request with the same execution id."""
        body = {
            "subject": event.title,
            "body": {"contentType": "text", "content": event.description},
            **_times(event.start, event.end),
            "attendees": _attendees(Attendee(guest, "", "") for guest in event.guests),
            "transactionId": event.execution_id,
            "singleValueExtendedProperties": execution_property(event.execution_id),
        }
        try:
            answer = await self._api.send("POST", "/me/events", Access(token, ""), json=body, timeout_s=timeout_s)
        except EntityExists:
            # Graph answers a second request like the first one; should it ever say so, this is what it means.
            found = await self.find_created(token, event.execution_id, timeout_s=timeout_s)
            if found is None:
                raise
            return found
        return read_event(answer.content)

    async def find_created(
        self, token: str, execution_id: str, *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> OutlookEvent | None:
        """The event that `create` made for this execution."""
        given = {"$filter": made_by(execution_id), "$select": FIELDS, "$top": "2"}
        answer = await self._api.send("GET", "/me/events", Access(token, ""), params=given, timeout_s=timeout_s)
        return next((read_event(row) for row in found_rows(answer.content)), None)

    async def change(
        self, token: str, event_id: str, change: EventChange, *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> OutlookEvent:
        """Graph tells the guests. Raises EntityNotFound."""
        body: dict[str, Any] = {"singleValueExtendedProperties": execution_property(change.execution_id)}
        body |= {"subject": change.title} if change.title is not None else {}
        body |= _times(*change.times) if change.times is not None else {}
        if change.description is not None:
            body["body"] = {"contentType": "text", "content": change.description}
        if change.guests is not None:
            body["attendees"] = _attendees(change.guests)
        route, path = "/me/events/{id}", {"id": event_id}
        answer = await self._api.send("PATCH", route, Access(token, ""), path=path, json=body, timeout_s=timeout_s)
        return read_event(answer.content)

    async def find_changed(
        self, token: str, event_id: str, execution_id: str, *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> OutlookEvent | None:
        """The event, if it was this execution that `change`d it last. Raises EntityNotFound."""
        given = {"$select": FIELDS, "$expand": f"singleValueExtendedProperties($filter=id eq '{EXECUTION_PROPERTY}')"}
        route, path = "/me/events/{id}", {"id": event_id}
        answer = await self._api.send("GET", route, Access(token, ""), path=path, params=given, timeout_s=timeout_s)
        event = read_event(answer.content)
        with reading("Microsoft"):
            values = [each.get("value") for each in answer.content.get("singleValueExtendedProperties") or ()]
        return event if execution_id in values else None

    async def cancel(
        self, token: str, event: OutlookEvent, comment: str, *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> None:
        """Of the user's own events only; guests are told, with the comment. One without guests is deleted."""
        access, path = Access(token, ""), {"id": event.id}
        if not event.attendees:
            await self._api.send("DELETE", "/me/events/{id}", access, path=path, timeout_s=timeout_s)
            return
        body = {"comment": comment} if comment else {}
        await self._api.send("POST", "/me/events/{id}/cancel", access, path=path, json=body, timeout_s=timeout_s)

    async def is_gone(self, token: str, event_id: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> bool:
        """Whether it is in the calendar no more; an immutable id may still find it among the deleted items."""
        try:
            event = await self._agenda.read(token, event_id, timeout_s=timeout_s)
        except EntityNotFound:
            return True
        if event.is_cancelled:
            return True
        start, end = event.stretch(UTC)
        near = await self._agenda.events(token, start - AROUND, end + AROUND, UTC, timeout_s=timeout_s)
        return not any(event_id in (each.id, each.series) for each in near)


def _times(start: datetime, end: datetime) -> dict[str, Any]:
    """In UTC, which every mailbox knows; the zone matters to repeated events only."""
    written = {name: utc(at).removesuffix("Z") for name, at in (("start", start), ("end", end))}
    return {name: {"dateTime": text, "timeZone": "UTC"} for name, text in written.items()}


def _attendees(guests: Iterable[Attendee]) -> list[dict[str, Any]]:
    """The list that an event shall have: Graph replaces the one it had."""
    return [
        {"emailAddress": {"address": guest.address, **({"name": guest.name} if guest.name else {})}, "type": guest.kind}
        for guest in guests
    ]
