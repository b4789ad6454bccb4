"""Reading a Gmail mailbox: search, and one mail in full. Addresses, subjects and bodies are outsiders' text."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.utils import getaddresses
from html import unescape
from typing import Any

import httpx

from libs.providers.errors import EntityNotFound
from libs.providers.google.mail_body import attachment_names, body_text
from libs.providers.google.transport import GoogleApi
from libs.providers.wire import DEFAULT_TIMEOUT_S

DEFAULT_BASE_URL = "https://gmail.googleapis.com/"
AT_ONCE = 10
"""Metadata requests in flight per search. Gmail's own batch endpoint counts them one by one just the same."""
_HEADERS = ("From", "To", "Cc", "Subject", "Date")
MESSAGES, DRAFTS, LABELS = "users.messages", "users.drafts", "users.labels"


@dataclass(frozen=True, slots=True)
class Address:
    """A mail address and the name its writer gave for it; the name may be empty, and may lie."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class MailSummary:
    """A mail without its body."""

    id: str
    thread_id: str
    sender: Address
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    subject: str
    snippet: str
    received_at: datetime
    labels: frozenset[str]

    @property
    def is_unread(self) -> bool:
        """Whether nobody has opened it."""
        return "UNREAD" in self.labels


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail with its text, cut at `libs.providers.google.mail_body.MAX_BODY_CHARACTERS`."""

    summary: MailSummary
    body: str
    is_truncated: bool
    attachments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MailPage:
    """Ids of the mails that match, newest first, and the token of the next page if there is one."""

    ids: tuple[str, ...]
    next_page: str | None


class Gmail:
    """Gmail, for any user whose token is given."""

    def __init__(self, api: GoogleApi) -> None:
        self.api = api

    @classmethod
    async def open(cls, http: httpx.AsyncClient, base_url: str = DEFAULT_BASE_URL) -> "Gmail":
        """Load the API description; `base_url` is the root, without `/gmail/v1`."""
        return cls(await GoogleApi.open("Gmail", "gmail", "v1", (MESSAGES, DRAFTS, LABELS), base_url, http))

    async def find(
        self, token: str, query: str, limit: int, *, page: str | None = None, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> MailPage:
        """Ids that match a query in Gmail's search language; spam and bin are left out."""
        request = self.api.request(MESSAGES, "list", userId="me", q=query, maxResults=limit, pageToken=page)
        found = await self.api.send(request, token, timeout_s)
        return MailPage(tuple(str(row["id"]) for row in found.get("messages", ())), found.get("nextPageToken"))

    async def summaries(
        self, token: str, ids: tuple[str, ...], *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> tuple[MailSummary, ...]:
        """The mails of these ids in their order, asked for at the same time; one deleted meanwhile is left out."""
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(id: str) -> MailSummary | None:
            async with slots:
                try:
                    return await self._summary(token, id, timeout_s)
                except EntityNotFound:
                    return None

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(id)) for id in ids]
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed  # the first cancelled the others; they add nothing
        return tuple(mail for task in tasks if (mail := task.result()) is not None)

    async def read(self, token: str, id: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> Mail:
        """One mail with its text. Raises EntityNotFound."""
        request = self.api.request(MESSAGES, "get", userId="me", id=id, format="full")
        found = await self.api.send(request, token, timeout_s)
        payload = found.get("payload") or {}
        text, is_truncated = body_text(payload)
        return Mail(summary_of(found), text, is_truncated, attachment_names(payload))

    async def _summary(self, token: str, id: str, timeout_s: float) -> MailSummary:
        request = self.api.request(
            MESSAGES, "get", userId="me", id=id, format="metadata", metadataHeaders=list(_HEADERS)
        )
        return summary_of(await self.api.send(request, token, timeout_s))


def summary_of(found: Mapping[str, Any]) -> MailSummary:
    """A message resource of Gmail, in any format but `minimal`."""
    headers = headers_of(found)
    senders = addresses(headers.get("from", ""))
    return MailSummary(
        id=str(found["id"]),
        thread_id=str(found.get("threadId", "")),
        sender=senders[0] if senders else Address("", ""),
        to=addresses(headers.get("to", "")),
        cc=addresses(headers.get("cc", "")),
        subject=words(headers.get("subject", ""))[:300],
        snippet=unescape(str(found.get("snippet", "")))[:300],  # Gmail escapes snippets for HTML, and only them
        received_at=datetime.fromtimestamp(int(found.get("internalDate", 0)) / 1000, UTC),
        labels=frozenset(str(label) for label in found.get("labelIds", ())),
    )


def headers_of(found: Mapping[str, Any]) -> dict[str, str]:
    """The headers of a message resource, by name in lower case."""
    rows = (found.get("payload") or {}).get("headers") or ()
    return {str(row.get("name", "")).lower(): str(row.get("value", "")) for row in rows}


def addresses(header: str) -> tuple[Address, ...]:
    """The addresses of a header line, at most 50; what has no `@` is dropped."""
    pairs = getaddresses([header.replace("\r", " ").replace("\n", " ")])[:50]
    return tuple(Address(words(name)[:120], address.strip()) for name, address in pairs if "@" in address)


def words(encoded: str) -> str:
    """Undo RFC 2047 where a sender's encoding came through; drop control characters."""
    try:
        text = str(make_header(decode_header(encoded)))
    except (HeaderParseError, LookupError, ValueError):
        text = encoded
    return "".join(character for character in text if character.isprintable()).strip()
