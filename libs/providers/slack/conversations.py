"""What is in a workspace as one of its members reads it: channels, messages, threads, names.

Sources: Slack's reference of `conversations.list`, `conversations.history`, `conversations.replies`, `users.info`.
An app that is sold without being on Slack's marketplace gets fifteen messages a call at most; one that a company made
for itself is not bound by that.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from libs.providers.answers import reading, records
from libs.providers.errors import EntityNotFound, PermissionMissing
from libs.providers.rest import RestApi
from libs.providers.slack.api import call, following, pages
from libs.providers.wire import DEFAULT_TIMEOUT_S

LISTED_PAGES = 5
PAGE_SIZE = 200
ASKED_ONE_BY_ONE = 10
AT_ONCE = 4
LATEST = 1e11
"""Seconds since 1970 that a calendar still knows; a message is named by its moment."""
_EVERYTHING, _PUBLIC = "public_channel,private_channel,mpim,im", "public_channel"


@dataclass(frozen=True, slots=True)
class Channel:
    """A conversation. `person` is the other one's id in a direct message."""

    id: str
    name: str
    topic: str
    purpose: str
    is_member: bool
    is_private: bool
    people: int
    person: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody wrote, in Slack's own way to write. `ts` is its id within the channel; `author` an id too."""

    ts: str
    author: str
    text: str
    thread: str | None
    replies: int

    @property
    def at(self) -> datetime:
        """When it was written."""
        return datetime.fromtimestamp(float(self.ts), UTC)


class SlackConversations:
    """For any user whose token is given."""

    def __init__(self, api: RestApi) -> None:
        self._api = api

    async def channels(self, token: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> tuple[tuple[Channel, ...], bool]:
        """Those that are not archived, and whether there are more than are read here. Private ones and direct messages
        when the connection may see them."""
        try:
            return await self._channels(token, _EVERYTHING, timeout_s)
        except PermissionMissing:
            return await self._channels(token, _PUBLIC, timeout_s)

    async def channel(self, token: str, channel: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> Channel:
        """One of them. Raises EntityNotFound, PermissionMissing."""
        content = await call(self._api, token, "conversations.info", {"channel": channel}, timeout_s)
        return _channel(content.get("channel") or {})

    async def beginning(
        self, token: str, channel: str, thread: str, *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> Message:
        """The message that a thread hangs on. Raises EntityNotFound, PermissionMissing."""
        given = {"channel": channel, "ts": thread, "limit": "1"}
        found = _messages(await call(self._api, token, "conversations.replies", given, timeout_s))
        if not found:
            raise EntityNotFound("Slack does not know this message, or no longer.")
        return found[0]

    async def history(
        self, token: str, channel: str, since: datetime | None, limit: int, *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> tuple[tuple[Message, ...], bool]:
        """The newest, oldest first, and whether there are older ones. Raises EntityNotFound, PermissionMissing."""
        given = {"channel": channel, "limit": str(limit)}
        given |= {"oldest": f"{since.timestamp():.6f}"} if since else {}
        content = await call(self._api, token, "conversations.history", given, timeout_s)
        messages = sorted(_messages(content), key=lambda message: float(message.ts))
        kept = [message for message in messages if since is None or message.at >= since]
        return tuple(kept[-limit:]), bool(content.get("has_more")) and len(kept) == len(messages)

    async def thread(
        self, token: str, channel: str, thread: str, limit: int, *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> tuple[tuple[Message, ...], bool]:
        """The message that began it and its newest answers, oldest first; whether some in between are left out."""
        found: list[Message] = []
        more = False
        given = {"channel": channel, "ts": thread, "limit": str(PAGE_SIZE)}
        async for content in pages(self._api, token, "conversations.replies", given, LISTED_PAGES, timeout_s):
            found += _messages(content)
            more = bool(following(content))
        if not found:
            raise EntityNotFound("Slack does not know this thread, or no longer.")
        left_out = more or len(found) > limit
        return tuple([found[0], *found[1:][-(limit - 1) :]] if limit > 1 else found[:1]), left_out

    async def names(self, token: str, people: Iterable[str], *, timeout_s: float = DEFAULT_TIMEOUT_S) -> dict[str, str]:
        """What these ids are called. Whoever cannot be told, or is not among the first thousand members, is left
        out."""
        asked = list(dict.fromkeys(people))
        if len(asked) > ASKED_ONE_BY_ONE:
            return await self._listed_names(token, frozenset(asked), timeout_s)
        slots = asyncio.Semaphore(AT_ONCE)

        async def name(person: str) -> str:
            async with slots:
                try:
                    content = await call(self._api, token, "users.info", {"user": person}, timeout_s)
                except (EntityNotFound, PermissionMissing):
                    return ""
            return _called(content.get("user") or {})

        found = await asyncio.gather(*(name(person) for person in asked))
        return {person: called for person, called in zip(asked, found, strict=True) if called}

    async def _listed_names(self, token: str, wanted: frozenset[str], timeout_s: float) -> dict[str, str]:
        found: dict[str, str] = {}
        try:
            given = {"limit": str(PAGE_SIZE)}
            async for content in pages(self._api, token, "users.list", given, LISTED_PAGES, timeout_s):
                found |= {str(row.get("id")): _called(row) for row in records("Slack", content.get("members"))}
                if wanted <= found.keys():
                    break
        except PermissionMissing:
            return {}
        return {person: found[person] for person in wanted if found.get(person)}

    async def _channels(self, token: str, types: str, timeout_s: float) -> tuple[tuple[Channel, ...], bool]:
        found: list[Channel] = []
        more = False
        given = {"types": types, "exclude_archived": "true", "limit": str(PAGE_SIZE)}
        async for content in pages(self._api, token, "conversations.list", given, LISTED_PAGES, timeout_s):
            found += [_channel(row) for row in records("Slack", content.get("channels"))]
            more = bool(following(content))
        return tuple(found), more


@reading("Slack")
def _channel(row: dict[str, Any]) -> Channel:
    return Channel(
        id=str(row.get("id", "")),
        name=str(row.get("name") or "")[:120],
        topic=str((row.get("topic") or {}).get("value", ""))[:250],
        purpose=str((row.get("purpose") or {}).get("value", ""))[:250],
        is_member=bool(row.get("is_member") or row.get("is_im") or row.get("is_mpim")),
        is_private=bool(row.get("is_private") or row.get("is_im") or row.get("is_mpim")),
        people=int(row.get("num_members") or 0),
        person=str(row["user"]) if row.get("is_im") and row.get("user") else None,
    )


@reading("Slack")
def _called(user: dict[str, Any]) -> str:
    profile = user.get("profile") or {}
    called = profile.get("display_name") or profile.get("real_name") or user.get("real_name") or user.get("name")
    return str(called or "")[:80]


@reading("Slack")
def _messages(content: dict[str, Any]) -> list[Message]:
    return [
        Message(
            ts=str(row["ts"]),
            author=str(row.get("user") or row.get("bot_id") or row.get("username") or ""),
            text=str(row.get("text") or ""),
            thread=str(row["thread_ts"]) if row.get("thread_ts") else None,
            replies=int(row.get("reply_count") or 0),
        )
        for row in records("Slack", content.get("messages"))
        if row.get("type", "message") == "message" and 0 <= float(row["ts"]) < LATEST
    ]
