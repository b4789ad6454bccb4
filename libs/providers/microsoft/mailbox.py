"""An Outlook mailbox as its owner reads it: found by conditions or by words, one message in full.

Sources: Microsoft Graph's documentation, "List messages", "Use the $search query parameter" (which knows no `$filter`
and no `$orderby` beside it), "message resource type".
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from libs.providers.answers import reading
from libs.providers.errors import EntityNotFound
from libs.providers.microsoft.api import found_rows
from libs.providers.microsoft.graph import line, moment
from libs.providers.rest import Access, RestApi
from libs.providers.wire import DEFAULT_TIMEOUT_S

PAGE_SIZE = 50
MAX_PAGES = 3
BODY_CHARACTERS = 20_000
PREVIEW_CHARACTERS = 255
_FIELDS = "id,subject,from,toRecipients,ccRecipients,receivedDateTime,isRead,isDraft,bodyPreview,webLink"
_NOT_SEARCHED = ("sentitems", "deleteditems", "junkemail")
"""Well-known names of folders whose messages nobody means by "my mail"."""
_EARLIEST = "1971-01-01T00:00:00Z"
_SENDER_WORD = re.compile(r"[\w.@+'-]+")


@dataclass(frozen=True, slots=True)
class Correspondent:
    """A name as written in a message, and the address."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class OutlookMessage:
    """A message without its body."""

    id: str
    sender: Correspondent
    to: tuple[Correspondent, ...]
    cc: tuple[Correspondent, ...]
    subject: str
    preview: str
    received_at: datetime
    is_unread: bool
    is_draft: bool
    folder: str
    link: str


@dataclass(frozen=True, slots=True)
class FullMessage:
    """With its text, cut after `BODY_CHARACTERS`, and the names of what is attached."""

    message: OutlookMessage
    body: str
    is_truncated: bool
    attachments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MailWanted:
    """All conditions hold. `words` may use Outlook's search language; the window is half open."""

    words: str | None
    sender: str | None
    window: tuple[datetime, datetime] | None
    unread: bool | None
    limit: int


class OutlookMailbox:
    """For any user whose token is given."""

    def __init__(self, api: RestApi) -> None:
        self._api = api

    async def find(
        self, token: str, wanted: MailWanted, *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> tuple[tuple[OutlookMessage, ...], bool]:
        """Newest first, without drafts and the folders for sent, deleted and junk; and whether there is more."""
        folders, (found, more) = await asyncio.gather(
            self._folders(token, _NOT_SEARCHED, timeout_s), self._pages(token, wanted, timeout_s)
        )
        kept = [message for message in found if not message.is_draft and message.folder not in folders]
        kept = [message for message in kept if _matches(message, wanted)]
        kept.sort(key=lambda message: message.received_at, reverse=True)
        return tuple(kept[: wanted.limit]), more or len(kept) > wanted.limit

    async def read(self, token: str, message_id: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> FullMessage:
        """Raises EntityNotFound."""
        fields = {"$select": f"{_FIELDS},parentFolderId,body,hasAttachments"}
        path = {"id": message_id}
        access = Access(token, "")
        answer = await self._api.send("GET", "/me/messages/{id}", access, path=path, params=fields, timeout_s=timeout_s)
        row = answer.content
        message = read_message(row)
        names: tuple[str, ...] = ()
        if row.get("hasAttachments"):
            names = await self._attachments(access, path, timeout_s)
        with reading("Microsoft"):
            body = str((row.get("body") or {}).get("content", ""))
        return FullMessage(message, body[:BODY_CHARACTERS], len(body) > BODY_CHARACTERS, names)

    async def summary(self, token: str, message_id: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> OutlookMessage:
        """Without its text. Raises EntityNotFound."""
        fields = {"$select": f"{_FIELDS},parentFolderId"}
        path, access = {"id": message_id}, Access(token, "")
        answer = await self._api.send("GET", "/me/messages/{id}", access, path=path, params=fields, timeout_s=timeout_s)
        return read_message(answer.content)

    async def _attachments(self, access: Access, path: dict[str, str], timeout_s: float) -> tuple[str, ...]:
        answer = await self._api.send(
            "GET",
            "/me/messages/{id}/attachments",
            access,
            path=path,
            params={"$select": "name,size"},
            timeout_s=timeout_s,
        )
        return tuple(line(row.get("name")) for row in found_rows(answer.content))[:50]

    async def _pages(self, token: str, wanted: MailWanted, timeout_s: float) -> tuple[list[OutlookMessage], bool]:
        """Until there are enough: conditions that Graph's search cannot check leave some out."""
        found: list[OutlookMessage] = []
        route: str = "/me/messages"
        given: dict[str, str] | None = {**conditions(wanted), "$select": f"{_FIELDS},parentFolderId"}
        for _ in range(MAX_PAGES):
            answer = await self._api.send("GET", route, Access(token, ""), params=given, timeout_s=timeout_s)
            found += [read_message(row) for row in found_rows(answer.content)]
            following = answer.content.get("@odata.nextLink")
            matching = [message for message in found if _matches(message, wanted)]
            if following is None or len(matching) > 2 * wanted.limit:
                return found, following is not None
            route, given = following, None
        return found, True

    async def _folders(self, token: str, names: tuple[str, ...], timeout_s: float) -> frozenset[str]:
        async def folder(name: str) -> str | None:
            try:
                return await folder_id(self._api, token, name, timeout_s)
            except EntityNotFound:
                return None  # a mailbox without it

        return frozenset(filter(None, await asyncio.gather(*map(folder, names))))


async def folder_id(api: RestApi, token: str, name: str, timeout_s: float) -> str:
    """Of a folder by its well-known name such as `drafts`."""
    route, given = "/me/mailFolders/{name}", {"$select": "id"}
    answer = await api.send("GET", route, Access(token, ""), path={"name": name}, params=given, timeout_s=timeout_s)
    with reading("Microsoft"):
        return str(answer.content["id"])


def conditions(wanted: MailWanted) -> dict[str, str]:
    """Query options. Words and senders need the search; everything else is a filter, sorted by what comes first in it.

    The search's dates are days in a timezone of its own, so it is asked for a day more on both sides.
    """
    if not wanted.words and not wanted.sender:
        since, until = wanted.window or (None, None)
        parts = [f"receivedDateTime ge {_utc(since) if since else _EARLIEST}"]
        parts += [f"receivedDateTime lt {_utc(until)}"] if until else []
        parts += [f"isRead eq {'false' if wanted.unread else 'true'}"] if wanted.unread is not None else []
        filter_ = " and ".join(parts)
        return {"$filter": filter_, "$orderby": "receivedDateTime desc", "$top": str(PAGE_SIZE)}
    parts = [f"from:{word}" for word in _SENDER_WORD.findall(wanted.sender or "")]
    parts += [f"({wanted.words})"] if wanted.words else []
    if wanted.window:
        first, last = (edge.astimezone(UTC).date() for edge in wanted.window)
        parts.append(f"received>={first - timedelta(days=1)} AND received<={last + timedelta(days=1)}")
    text = " AND ".join(parts).replace("\\", "\\\\").replace('"', '\\"')
    return {"$search": f'"{text}"', "$top": str(PAGE_SIZE)}


@reading("Microsoft")
def read_message(row: Mapping[str, Any]) -> OutlookMessage:
    """As Graph lists, reads and creates it. Raises ProviderGarbled."""
    return OutlookMessage(
        id=str(row["id"]),
        sender=_correspondent(row.get("from")),
        to=_correspondents(row.get("toRecipients")),
        cc=_correspondents(row.get("ccRecipients")),
        subject=line(row.get("subject")),
        preview=line(row.get("bodyPreview"))[:PREVIEW_CHARACTERS],
        received_at=moment(row.get("receivedDateTime")),
        is_unread=not row.get("isRead", True),
        is_draft=bool(row.get("isDraft")),
        folder=str(row.get("parentFolderId", "")),
        link=str(row.get("webLink") or ""),
    )


def _matches(message: OutlookMessage, wanted: MailWanted) -> bool:
    inside = wanted.window is None or wanted.window[0] <= message.received_at < wanted.window[1]
    return inside and wanted.unread in (None, message.is_unread)


def _correspondents(rows: Any) -> tuple[Correspondent, ...]:
    return tuple(_correspondent(row) for row in rows or ())[:50]


def _correspondent(row: Any) -> Correspondent:
    address = (row or {}).get("emailAddress") or {}
    return Correspondent(line(address.get("name"))[:120], line(address.get("address")))


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
