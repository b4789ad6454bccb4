"""Outlook mail for sync: a stream for each folder, kept by its delta link. Metadata only."""

import json
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any

import httpx

from libs.providers.microsoft.graph import Graph, line, moment
from libs.providers.rest import Access, Pace
from libs.providers.source import Hook, Item, Kind, Page, Stream, Watch

_FIELDS = (
    "id,subject,from,toRecipients,ccRecipients,receivedDateTime,lastModifiedDateTime,isRead,conversationId,webLink"
)


class OutlookMailSource:
    """`libs.providers.source.Source` and `Watchable`."""

    provider = "outlook_mail"

    def __init__(self, http: httpx.AsyncClient, base_url: str, pace: Pace | None = None) -> None:
        self._graph = Graph(self.provider, http, base_url, pace)

    async def streams(self, access: Access) -> tuple[Stream, ...]:
        """The folders at the top, Outlook's own among them."""
        rows = self._graph.listed(access, "/me/mailFolders")
        return tuple([Stream(f"folder:{row['id']}", line(row.get("displayName")), True) async for row in rows])

    async def pages(
        self, access: Access, stream: str, cursor: str | None, since: datetime
    ) -> AsyncGenerator[Page, None]:
        """As the port says. The folder's delta begins with a listing, bounded by the filter that Graph allows here."""
        if cursor:
            pages = self._graph.delta(access, json.loads(cursor)["link"])
        else:
            pages = self._graph.delta(
                access,
                "/me/mailFolders/{folder}/messages/delta",
                {"folder": stream.removeprefix("folder:")},
                {"$select": _FIELDS, "$filter": f"receivedDateTime ge {since:%Y-%m-%dT%H:%M:%SZ}"},
            )
        async for rows, link in pages:
            gone = tuple(str(row["id"]) for row in rows if "@removed" in row)
            items = tuple(_item(row) for row in rows if "@removed" not in row)
            yield Page(items, gone, json.dumps({"link": link}))

    async def watch(self, access: Access, stream: str, hook: Hook) -> Watch:
        """A subscription to the folder's messages."""
        folder = stream.removeprefix("folder:")
        return await self._graph.subscribe(access, f"me/mailFolders('{folder}')/messages", hook)

    async def renew(self, access: Access, watch: Watch, hook: Hook) -> Watch | None:
        """For longer."""
        return await self._graph.renew(access, watch)

    async def unwatch(self, access: Access, watch: Watch) -> None:
        """End it."""
        await self._graph.unsubscribe(access, watch)


def _item(row: dict[str, Any]) -> Item:
    sender = (row.get("from") or {}).get("emailAddress") or {}
    recipients = len(row.get("toRecipients") or ()) + len(row.get("ccRecipients") or ())
    return Item(
        external_id=str(row["id"]),
        kind=Kind.MAIL,
        at=moment(row.get("receivedDateTime")),
        title=line(row.get("subject")),
        version=str(row.get("lastModifiedDateTime", "")),
        url=row.get("webLink"),
        actor=line(sender.get("name") or sender.get("address")),
        people=1,
        metadata={
            "from": line(sender.get("address")),
            "thread": str(row.get("conversationId", "")),
            "unread": not row.get("isRead", True),
            "recipients": recipients,
        },
    )
