"""Notion for sync: the pages and data sources that the user has shared with us, by what was edited last.

Notion has no feed of changes: its search is sorted by the last edit, and read down to where the last sync ended, with
an overlap because edits are rounded to the minute. What vanished is found by the daily fresh listing. Content is not
kept. Source: the vendor's API description (version 2025-09-03) and its documentation.
"""

import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from libs.providers.notion.api import notion_api
from libs.providers.notion.titles import title_of
from libs.providers.rest import Access, Pace
from libs.providers.source import Item, Kind, Page, Stream

PAGES = Stream("pages", "Pages", tells_deletions=False)
DATABASES = Stream("databases", "Databases", tells_deletions=False)
PAGE_SIZE = 100
OVERLAP = timedelta(minutes=2)
_OBJECTS = {PAGES.id: "page", DATABASES.id: "data_source"}


class NotionSource:
    """`libs.providers.source.Source`."""

    provider = "notion"

    def __init__(self, http: httpx.AsyncClient, base_url: str, pace: Pace | None = None) -> None:
        self._api = notion_api(http, base_url, pace)

    async def streams(self, access: Access) -> tuple[Stream, ...]:
        """Two."""
        return (PAGES, DATABASES)

    async def pages(
        self, access: Access, stream: str, cursor: str | None, since: datetime
    ) -> AsyncGenerator[Page, None]:
        """As the port says. The newest comes first, so the place to go on from is known only at the end."""
        at: dict[str, str] = json.loads(cursor) if cursor else {"until": since.isoformat()}
        until = datetime.fromisoformat(at["until"])
        newest = datetime.fromisoformat(at["newest"]) if "newest" in at else until
        following: str | None = at.get("next")
        while True:
            found = await self._search(access, _OBJECTS[stream], following)
            rows = [row for row in found.get("results", ()) if _edited(row) >= until - OVERLAP]
            newest = max([newest, *map(_edited, rows)])
            following = found.get("next_cursor") if found.get("has_more") else None
            if len(rows) < len(found.get("results", ())):
                following = None  # everything after this is older still
            after = {"until": newest.isoformat()}
            if following:
                after = {**at, "newest": newest.isoformat(), "next": following}
            gone = tuple(str(row["id"]) for row in rows if _is_in_bin(row))
            yield Page(tuple(_item(row) for row in rows if not _is_in_bin(row)), gone, json.dumps(after))
            if following is None:
                return

    async def _search(self, access: Access, kind: str, following: str | None) -> dict[str, Any]:
        body: dict[str, Any] = {
            "filter": {"property": "object", "value": kind},
            "sort": {"timestamp": "last_edited_time", "direction": "descending"},
            "page_size": PAGE_SIZE,
        }
        if following:
            body["start_cursor"] = following
        content: dict[str, Any] = (await self._api.send("POST", "/v1/search", access, json=body)).content
        return content


def _item(row: dict[str, Any]) -> Item:
    return Item(
        external_id=str(row["id"]),
        kind=Kind.PAGE if row.get("object") == "page" else Kind.DATABASE,
        at=_edited(row),
        title=title_of(row) or "(untitled)",
        version=_edited(row).isoformat(),
        url=row.get("url"),
        actor=(row.get("last_edited_by") or {}).get("id"),
        metadata={"parent": str((row.get("parent") or {}).get("type", ""))},
    )


def _edited(row: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(str(row["last_edited_time"])).astimezone(UTC)


def _is_in_bin(row: dict[str, Any]) -> bool:
    return bool(row.get("in_trash") or row.get("archived"))
