"""Discord for sync: the servers the user belongs to.

That is all that a user's permission (`identify`, `guilds`) can read: messages are open to bots only, which belong to
the operator and see no user's private view. Source: Discord's API description.
"""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any

import httpx

from libs.providers.rest import Access, Pace, RestApi
from libs.providers.source import Item, Kind, Page, Stream

GUILDS = Stream("guilds", "Servers", tells_deletions=True, lists_everything=True)
PAGE_SIZE = 200
_EPOCH_MS = 1_420_070_400_000
"""Discord's ids count milliseconds from the first of January 2015, shifted by 22 bits."""


class DiscordSource:
    """`libs.providers.source.Source`."""

    provider = "discord"

    def __init__(self, http: httpx.AsyncClient, base_url: str, pace: Pace | None = None) -> None:
        self._api = RestApi("Discord", self.provider, base_url, http, spare=_spare, pace=pace)

    async def streams(self, access: Access) -> tuple[Stream, ...]:
        """The one there is."""
        return (GUILDS,)

    async def pages(
        self, access: Access, stream: str, cursor: str | None, since: datetime
    ) -> AsyncGenerator[Page, None]:
        """As the port says; a complete listing each time, so what it lacks is gone."""
        after = ""
        while True:
            parameters = {"limit": str(PAGE_SIZE)} | ({"after": after} if after else {})
            rows = (await self._api.send("GET", "/users/@me/guilds", access, params=parameters)).content
            yield Page(tuple(_item(row) for row in rows), (), None)
            if len(rows) < PAGE_SIZE:
                return
            after = str(rows[-1]["id"])


def _item(row: dict[str, Any]) -> Item:
    return Item(
        external_id=f"guild:{row['id']}",
        kind=Kind.CHANNEL,
        at=datetime.fromtimestamp(((int(row["id"]) >> 22) + _EPOCH_MS) / 1000, UTC),
        title="".join(c for c in str(row.get("name", "")) if c.isprintable())[:300],
        metadata={"owner": bool(row.get("owner"))},
    )


def _spare(headers: httpx.Headers) -> float | None:
    """Seconds until this route may be asked again, once nothing is left of its share."""
    if headers.get("x-ratelimit-remaining") != "0":
        return None
    try:
        return float(headers.get("x-ratelimit-reset-after", ""))
    except ValueError:
        return None
