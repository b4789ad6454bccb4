"""Teams for sync: the messages of each channel of the user's teams, without what was said."""

import json
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any

import httpx

from libs.providers.errors import PermissionMissing
from libs.providers.microsoft.graph import Graph, line, moment
from libs.providers.rest import Access, Pace
from libs.providers.source import Item, Kind, Page, Stream


class TeamsSource:
    """`libs.providers.source.Source`."""

    provider = "teams"

    def __init__(self, http: httpx.AsyncClient, base_url: str, pace: Pace | None = None) -> None:
        self._graph = Graph(self.provider, http, base_url, pace)

    async def streams(self, access: Access) -> tuple[Stream, ...]:
        """Every channel of every team the user belongs to; a team whose channels are closed to us is left out."""
        found: list[Stream] = []
        async for team in self._graph.listed(access, "/me/joinedTeams"):
            try:
                async for channel in self._graph.listed(access, "/teams/{team}/channels", {"team": team["id"]}):
                    name = f"{line(team.get('displayName'))}: {line(channel.get('displayName'))}"
                    found.append(Stream(f"channel:{team['id']}/{channel['id']}"[:200], name[:300], True))
            except PermissionMissing:
                continue
        return tuple(found)

    async def pages(
        self, access: Access, stream: str, cursor: str | None, since: datetime
    ) -> AsyncGenerator[Page, None]:
        """As the port says."""
        team, _, channel = stream.removeprefix("channel:").partition("/")
        if cursor:
            pages = self._graph.delta(access, json.loads(cursor)["link"])
        else:
            begins = {"$filter": f"lastModifiedDateTime gt {since:%Y-%m-%dT%H:%M:%SZ}"}
            place = {"team": team, "channel": channel}
            pages = self._graph.delta(access, "/teams/{team}/channels/{channel}/messages/delta", place, begins)
        async for rows, link in pages:
            gone = tuple(str(row["id"]) for row in rows if "@removed" in row or row.get("deletedDateTime"))
            items = tuple(_item(channel, row) for row in rows if str(row["id"]) not in gone)
            yield Page(items, gone, json.dumps({"link": link}))


def _item(channel: str, row: dict[str, Any]) -> Item:
    sender = (row.get("from") or {}).get("user") or {}
    return Item(
        external_id=str(row["id"]),
        kind=Kind.MESSAGE,
        at=moment(row.get("createdDateTime")),
        title="Message",
        version=str(row.get("lastModifiedDateTime", "")),
        url=row.get("webUrl"),
        actor=line(sender.get("displayName")) or None,
        people=1,
        metadata={"channel": channel, "reactions": len(row.get("reactions") or ())},
    )
