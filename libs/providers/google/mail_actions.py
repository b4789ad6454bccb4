"""Writing a draft, sending a mail and sorting mails, and finding out whether that was done.

Gmail takes no key for a mail, so it is looked for by what it carries: by its Message-ID through the search, and by our
header among the newest mails of the folder, because the search may lag and Gmail may have replaced the Message-ID; that
is a listing and no search. What was put into the bin since still counts: it has been written.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from libs.providers.errors import EntityNotFound, ProviderGarbled
from libs.providers.google.gmail import (
    AT_ONCE,
    DRAFTS,
    LABELS,
    MESSAGES,
    Gmail,
    MailSummary,
    headers_of,
    summary_of,
    words,
)
from libs.providers.google.mail_letter import MARK, Answered, Letter, message_id, message_ids, raw
from libs.providers.wire import DEFAULT_TIMEOUT_S

NEWEST = 20
LAG_S = 1.0
"""After this long the folder is looked through again before a mail counts as not written."""
SENT, DRAFT = "SENT", "DRAFT"
_HEADERS = ("From", "To", "Cc", "Subject", "Date", "Message-ID", "Message-Id", MARK)
_OF_AN_ANSWER = ("Subject", "Message-ID", "Message-Id", "References")


@dataclass(frozen=True, slots=True)
class Written:
    """A draft or a sent mail."""

    id: str
    thread_id: str


@dataclass(frozen=True, slots=True)
class Label:
    """A label; of Gmail's own ones the id and the name are the same word, such as STARRED."""

    id: str
    name: str
    is_users: bool


class GmailActions:
    """Gmail, for any user whose token is given."""

    def __init__(self, gmail: Gmail) -> None:
        self._api = gmail.api

    async def answered(self, token: str, id: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> Answered:
        """What an answer to this mail must say of it. Raises EntityNotFound."""
        found = await self._get(token, id, timeout_s, format="metadata", metadataHeaders=list(_OF_AN_ANSWER))
        headers = headers_of(found)
        return Answered(
            thread_id=str(found.get("threadId", "")),
            message_id=next(iter(message_ids(headers.get("message-id", ""))), ""),
            references=message_ids(headers.get("references", "")),
            subject=words(headers.get("subject", ""))[:300],
        )

    async def send(self, token: str, letter: Letter, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> Written:
        """Send it now. Raises EntityNotFound when the thread it answers in is gone."""
        request = self._api.request(MESSAGES, "send", userId="me", body=_message(letter))
        return _written(await self._api.send(request, token, timeout_s))

    async def draft(self, token: str, letter: Letter, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> Written:
        """Put it among the drafts."""
        request = self._api.request(DRAFTS, "create", userId="me", body={"message": _message(letter)})
        made = await self._api.send(request, token, timeout_s)
        return _written(made.get("message") or {})

    async def find_written(
        self, token: str, execution_id: str, folders: tuple[str, ...], *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> MailSummary | None:
        """The mail of this execution that has one of these labels (SENT, DRAFT)."""
        searched: dict[str, object] = {"q": f"rfc822msgid:{message_id(execution_id)[1:-1]}"}
        listed: list[dict[str, object]] = [{"labelIds": [folder]} for folder in folders]
        looked_at: set[str] = set()
        for pause_s in (0.0, LAG_S):
            await asyncio.sleep(pause_s)
            for which in (searched, *listed):
                fresh = tuple(id for id in await self._ids(token, timeout_s, **which) if id not in looked_at)
                if found := await self._marked(token, fresh, execution_id, folders, timeout_s):
                    return found
                looked_at.update(fresh)
        return None

    async def labels(self, token: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> tuple[Label, ...]:
        """Every label of the mailbox."""
        found = await self._api.send(self._api.request(LABELS, "list", userId="me"), token, timeout_s)
        rows = found.get("labels", ())
        return tuple(Label(str(row["id"]), str(row.get("name", "")), row.get("type") == "user") for row in rows)

    async def labels_of(self, token: str, id: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> frozenset[str]:
        """The ids of a mail's labels. Raises EntityNotFound."""
        return _label_ids(await self._get(token, id, timeout_s, format="minimal"))

    async def relabel(
        self,
        token: str,
        id: str,
        add: frozenset[str],
        remove: frozenset[str],
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> frozenset[str]:
        """Give and take labels by their ids; the labels it then has. Doing it twice changes nothing."""
        body = {"addLabelIds": sorted(add), "removeLabelIds": sorted(remove)}
        request = self._api.request(MESSAGES, "modify", userId="me", id=id, body=body)
        return _label_ids(await self._api.send(request, token, timeout_s))

    async def _ids(self, token: str, timeout_s: float, **which: object) -> tuple[str, ...]:
        request = self._api.request(MESSAGES, "list", userId="me", maxResults=NEWEST, includeSpamTrash=True, **which)
        found = await self._api.send(request, token, timeout_s)
        return tuple(str(row["id"]) for row in found.get("messages", ()))

    async def _marked(
        self, token: str, ids: tuple[str, ...], execution_id: str, folders: tuple[str, ...], timeout_s: float
    ) -> MailSummary | None:
        """The first of these that is the execution's. An outsider may copy the marks, but not into our folders."""

        slots = asyncio.Semaphore(AT_ONCE)

        async def one(id: str) -> MailSummary | None:
            try:
                async with slots:
                    found = await self._get(token, id, timeout_s, format="metadata", metadataHeaders=list(_HEADERS))
            except EntityNotFound:
                return None
            headers, summary = headers_of(found), summary_of(found)
            is_ours = headers.get("message-id") == message_id(execution_id) or headers.get(MARK.lower()) == execution_id
            return summary if is_ours and not summary.labels.isdisjoint(folders) else None

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(id)) for id in ids]
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed  # the first cancelled the others; they add nothing
        return next((mail for task in tasks if (mail := task.result()) is not None), None)

    async def _get(self, token: str, id: str, timeout_s: float, **how: object) -> dict[str, Any]:
        return await self._api.send(self._api.request(MESSAGES, "get", userId="me", id=id, **how), token, timeout_s)


def _message(letter: Letter) -> dict[str, str]:
    thread = {"threadId": letter.answers.thread_id} if letter.answers and letter.answers.thread_id else {}
    return {"raw": raw(letter), **thread}


def _written(row: Mapping[str, Any]) -> Written:
    if "id" not in row:
        raise ProviderGarbled("Gmail answered without the id of the mail.")
    return Written(str(row["id"]), str(row.get("threadId", "")))


def _label_ids(row: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(str(label) for label in row.get("labelIds", ()))
