"""Slack for sync: channels, members, and the messages of each channel the user is in. What was said is not kept.

Slack tells of changes by its Events API, which belongs to the operator's app; a channel is read from the newest message
seen, and listed anew once a day for what was deleted.
"""

import json
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from typing import Any

import httpx

from libs.providers.rest import Access, Pace
from libs.providers.slack.api import slack_api
from libs.providers.source import Item, Kind, Page, Stream

CHANNELS = Stream("channels", "Channels", tells_deletions=False, lists_everything=True)
MEMBERS = Stream("members", "Members", tells_deletions=False, lists_everything=True)
PAGE_SIZE = 100


class SlackSource:
    """`libs.providers.source.Source`."""

    provider = "slack"

    def __init__(self, http: httpx.AsyncClient, base_url: str, pace: Pace | None = None) -> None:
        self._api = slack_api(http, base_url, pace)

    async def streams(self, access: Access) -> tuple[Stream, ...]:
        """Two lists, and every channel the user is in."""
        found = [CHANNELS, MEMBERS]
        async for channels, _ in self._listed(access, "conversations.list", "channels", ""):
            found += [
                Stream(f"channel:{row['id']}", f"#{row.get('name', '')}"[:300], tells_deletions=False)
                for row in channels
                if row.get("is_member", True)
            ]
        return tuple(found)

    async def pages(
        self, access: Access, stream: str, cursor: str | None, since: datetime
    ) -> AsyncGenerator[Page, None]:
        """As the port says."""
        lists: dict[str, tuple[str, str, Callable[[dict[str, Any]], Item]]] = {
            CHANNELS.id: ("conversations.list", "channels", _channel),
            MEMBERS.id: ("users.list", "members", _member),
        }
        if stream in lists:
            method, field, read = lists[stream]
            async for rows, _ in self._listed(access, method, field, ""):
                yield Page(tuple(read(row) for row in rows), (), None)
            return
        channel = stream.removeprefix("channel:")
        at: dict[str, str] = json.loads(cursor) if cursor else {"oldest": f"{since.timestamp():.6f}"}
        newest = at.get("newest", at["oldest"])
        # Slack lists the newest first: until the last page the start stays, and where it ended is kept beside it.
        async for rows, following in self._listed(
            access, "conversations.history", "messages", at.get("page", ""), channel=channel, oldest=at["oldest"]
        ):
            newest = max([newest, *(row["ts"] for row in rows)], key=float)
            after = {**at, "newest": newest, "page": following} if following else {"oldest": newest}
            items = tuple(_message(channel, row) for row in rows if row.get("type") == "message")
            yield Page(items, (), json.dumps(after))

    async def _listed(
        self, access: Access, method: str, field: str, page: str, **parameters: str
    ) -> AsyncGenerator[tuple[list[dict[str, Any]], str], None]:
        """Each page's rows, and the cursor of the next one."""
        while True:
            given = {"limit": str(PAGE_SIZE), **parameters, **({"cursor": page} if page else {})}
            content = (await self._api.send("POST", f"/{method}", access, data=given)).content
            page = (content.get("response_metadata") or {}).get("next_cursor") or ""
            yield content.get(field) or [], page
            if not page:
                return


def _channel(row: dict[str, Any]) -> Item:
    return Item(
        external_id=f"channel:{row['id']}",
        kind=Kind.CHANNEL,
        at=datetime.fromtimestamp(row.get("created", 0), UTC),
        title=_line(f"#{row.get('name', '')}"),
        people=int(row.get("num_members") or 0),
        metadata={"private": bool(row.get("is_private")), "archived": bool(row.get("is_archived"))},
    )


def _member(row: dict[str, Any]) -> Item:
    profile = row.get("profile") or {}
    return Item(
        external_id=f"member:{row['id']}",
        kind=Kind.MEMBER,
        at=datetime.fromtimestamp(row.get("updated", 0), UTC),
        title=_line(profile.get("real_name") or row.get("name", "")),
        version=str(row.get("updated", "")).zfill(12),
        metadata={"bot": bool(row.get("is_bot")), "deleted": bool(row.get("deleted"))},
    )


def _message(channel: str, row: dict[str, Any]) -> Item:
    reactions = row.get("reactions") or ()
    return Item(
        external_id=f"message:{channel}:{row['ts']}",
        kind=Kind.MESSAGE,
        at=datetime.fromtimestamp(float(row["ts"]), UTC),
        title="Message",
        version=str((row.get("edited") or {}).get("ts", "")),
        actor=row.get("user") or row.get("bot_id"),
        people=1,
        metadata={
            "channel": channel,
            "thread": str(row.get("thread_ts", "")),
            "replies": int(row.get("reply_count") or 0),
            "reactions": sum(int(reaction.get("count", 0)) for reaction in reactions),
        },
    )


def _line(text: object) -> str:
    return "".join(character for character in str(text) if character.isprintable())[:300]
