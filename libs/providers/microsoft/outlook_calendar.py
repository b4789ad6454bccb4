"""Outlook calendar for sync: the calendar view, kept by its delta link.

A calendar view has a window that is fixed when the delta begins; events that come into sight later would never be seen.
So the window moves: when less than half a year of it lies ahead, the cursor counts as expired and the stream is listed
anew with a fresh window. What the new listing does not show is gone, or lies before it and stays.
"""

import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from libs.providers.errors import CursorExpired
from libs.providers.microsoft.graph import Graph, line, moment
from libs.providers.rest import Access, Pace
from libs.providers.source import Hook, Item, Kind, Page, Stream, Watch

CALENDAR = Stream("calendar:primary", "Calendar", tells_deletions=True)
AHEAD = timedelta(days=365)
MOVE_WHEN_LEFT = timedelta(days=182)


class OutlookCalendarSource:
    """`libs.providers.source.Source` and `Watchable`."""

    provider = "outlook_calendar"

    def __init__(self, http: httpx.AsyncClient, base_url: str, pace: Pace | None = None) -> None:
        self._graph = Graph(self.provider, http, base_url, pace)

    async def streams(self, access: Access) -> tuple[Stream, ...]:
        """The default calendar: the view shows no other."""
        return (CALENDAR,)

    async def pages(
        self, access: Access, stream: str, cursor: str | None, since: datetime
    ) -> AsyncGenerator[Page, None]:
        """As the port says. Raises CursorExpired also when the window has to move."""
        if cursor:
            at = json.loads(cursor)
            until = datetime.fromisoformat(at["until"])
            if until - datetime.now(UTC) < MOVE_WHEN_LEFT:
                raise CursorExpired("The calendar's window has to move on.")
            pages = self._graph.delta(access, at["link"])
        else:
            until = datetime.now(UTC) + AHEAD
            window = {"startDateTime": since.isoformat(), "endDateTime": until.isoformat()}
            pages = self._graph.delta(access, "/me/calendarView/delta", None, window)
        async for rows, link in pages:
            gone = tuple(str(row["id"]) for row in rows if "@removed" in row or row.get("isCancelled"))
            items = tuple(_item(row) for row in rows if str(row["id"]) not in gone and "start" in row)
            yield Page(items, gone, json.dumps({"link": link, "until": until.isoformat()}))

    async def watch(self, access: Access, stream: str, hook: Hook) -> Watch:
        """A subscription to the user's events."""
        return await self._graph.subscribe(access, "me/events", hook)

    async def renew(self, access: Access, watch: Watch, hook: Hook) -> Watch | None:
        """For longer."""
        return await self._graph.renew(access, watch)

    async def unwatch(self, access: Access, watch: Watch) -> None:
        """End it."""
        await self._graph.unsubscribe(access, watch)


def _item(row: dict[str, Any]) -> Item:
    organizer = (row.get("organizer") or {}).get("emailAddress") or {}
    attendees = [guest.get("emailAddress") or {} for guest in row.get("attendees") or ()]
    others = [guest for guest in attendees if guest.get("address") != organizer.get("address")]
    is_mine = bool(row.get("isOrganizer", True))
    return Item(
        external_id=str(row["id"]),
        kind=Kind.EVENT,
        at=moment(row["start"].get("dateTime")),
        ends_at=moment((row.get("end") or {}).get("dateTime")) if row.get("end") else None,
        title=line(row.get("subject")) or "(no title)",
        version=str(row.get("lastModifiedDateTime", "")),
        url=row.get("webLink"),
        actor=line(organizer.get("name") or organizer.get("address")),
        people=len(others) if is_mine else max(1, len(others)),
        metadata={"all_day": bool(row.get("isAllDay")), "guests": tuple(line(g.get("address")) for g in others[:50])},
    )
