"""Zoom for sync: the user's scheduled meetings, upcoming and past, listed whole each time.

Zoom has no feed of changes; a listing is a handful of requests, and what it lacks is gone. Source: Zoom's Meeting API
documentation as gathered in November 2026.
"""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from libs.providers.rest import Access, Pace, RestApi
from libs.providers.source import Item, Kind, Page, Stream

MEETINGS = Stream("meetings", "Meetings", tells_deletions=True)
PAGE_SIZE = "100"
_LISTS = ("scheduled", "previous_meetings")


class ZoomSource:
    """`libs.providers.source.Source`."""

    provider = "zoom"

    def __init__(self, http: httpx.AsyncClient, base_url: str, pace: Pace | None = None) -> None:
        self._api = RestApi("Zoom", self.provider, base_url, http, pace=pace)

    async def streams(self, access: Access) -> tuple[Stream, ...]:
        """The one there is."""
        return (MEETINGS,)

    async def pages(
        self, access: Access, stream: str, cursor: str | None, since: datetime
    ) -> AsyncGenerator[Page, None]:
        """As the port says; without a cursor, so that every sync is a complete listing."""
        for kind in _LISTS:
            following = ""
            while True:
                parameters = {"type": kind, "page_size": PAGE_SIZE, "from": f"{since:%Y-%m-%d}"}
                parameters |= {"next_page_token": following} if following else {}
                answer = await self._api.send("GET", "/users/me/meetings", access, params=parameters)
                rows = answer.content.get("meetings", ())
                yield Page(tuple(_item(row) for row in rows if row.get("start_time")), (), None)
                following = answer.content.get("next_page_token") or ""
                if not following:
                    break


def _item(row: dict[str, Any]) -> Item:
    at = datetime.fromisoformat(row["start_time"]).astimezone(UTC)
    return Item(
        # The numeric id is reused by recurring meetings; the uuid names one occurrence.
        external_id=str(row.get("uuid") or row["id"]),
        kind=Kind.MEETING,
        at=at,
        ends_at=at + timedelta(minutes=int(row.get("duration") or 0)),
        title="".join(c for c in str(row.get("topic") or "Meeting") if c.isprintable())[:300],
        version=str(row.get("created_at", "")),
        url=row.get("join_url"),
        people=1,
        metadata={"number": str(row.get("id", ""))},
    )
