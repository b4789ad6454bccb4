"""Gmail for sync: one stream, the mailbox. Metadata only: neither snippet nor body is asked for.

A first listing notes the history id before it lists, so that what changes meanwhile is found afterwards; from then on
the history tells every change. History older than about a week is forgotten (404): then the mailbox is listed anew.
Source of the rules: Gmail's discovery document, `users.history.list`.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from libs.providers.errors import CursorExpired, EntityNotFound, PermissionMissing
from libs.providers.google.gmail import MailSummary, summary_of
from libs.providers.google.transport import GoogleApi
from libs.providers.rest import Access
from libs.providers.source import Hook, Item, Kind, Page, Stream, Watch

MAILBOX = Stream("mailbox", "Mailbox", tells_deletions=True)
PAGE_SIZE = 100
AT_ONCE = 10
_HEADERS = ("From", "To", "Cc", "Subject", "Date")
_MESSAGES, _HISTORY, _USERS = "users.messages", "users.history", "users"
_CHANGES = ("messageAdded", "messageDeleted", "labelAdded", "labelRemoved")


class GmailSource:
    """`libs.providers.source.Source` and `Watchable`. `topic`: where Gmail publishes changes; None: not watched."""

    provider = "gmail"

    def __init__(self, api: GoogleApi, topic: str | None) -> None:
        self._api = api
        self._topic = topic

    @classmethod
    async def open(cls, http: httpx.AsyncClient, base_url: str, topic: str | None = None) -> "GmailSource":
        """Load the API description; `base_url` is the root, without `/gmail/v1`."""
        api = await GoogleApi.open("Gmail", "gmail", "v1", (_MESSAGES, _HISTORY, _USERS), base_url, http)
        return cls(api, topic)

    async def streams(self, access: Access) -> tuple[Stream, ...]:
        """The one there is."""
        return (MAILBOX,)

    async def pages(
        self, access: Access, stream: str, cursor: str | None, since: datetime
    ) -> AsyncGenerator[Page, None]:
        """As the port says."""
        at = json.loads(cursor) if cursor else {"history": await self._history_id(access), "listing": ""}
        while "listing" in at:
            page, at = await self._listed(access, at, since)
            yield page
        async for page in self._changed(access, at):
            yield page

    async def watch(self, access: Access, stream: str, hook: Hook) -> Watch:
        """Gmail notifies through the operator's Pub/Sub topic, whatever the hook says; every seven days anew."""
        if self._topic is None:
            raise PermissionMissing("No Pub/Sub topic is configured for Gmail.")
        answer = await self._send(access, _USERS, "watch", userId="me", body={"topicName": self._topic})
        return Watch("mailbox", datetime.fromtimestamp(int(answer["expiration"]) / 1000, UTC))

    async def renew(self, access: Access, watch: Watch, hook: Hook) -> Watch | None:
        """The same call again."""
        return await self.watch(access, MAILBOX.id, hook)

    async def unwatch(self, access: Access, watch: Watch) -> None:
        """Stop all notifications of this mailbox."""
        await self._send(access, _USERS, "stop", userId="me")

    async def _listed(self, access: Access, at: dict[str, str], since: datetime) -> tuple[Page, dict[str, str]]:
        # Gmail's `after:` counts whole days of the mailbox's zone; a day more is harmless.
        query = f"after:{int((since - timedelta(days=1)).timestamp())}"
        found = await self._send(
            access, _MESSAGES, "list", userId="me", q=query, maxResults=PAGE_SIZE, pageToken=at["listing"] or None
        )
        items, _ = await self._items(access, [row["id"] for row in found.get("messages", ())])
        token = found.get("nextPageToken")
        after = {"history": at["history"], "listing": token} if token else {"history": at["history"]}
        return Page(items, (), json.dumps(after)), after

    async def _changed(self, access: Access, at: dict[str, str]) -> AsyncGenerator[Page, None]:
        token: str | None = at.get("page")
        while True:
            found = await self._history(access, at["history"], token)
            touched, gone = _touched(found.get("history", ()))
            items, vanished = await self._items(access, touched)
            token = found.get("nextPageToken")
            # Until the last page the start stays: the page token belongs to it.
            after = {"history": at["history"], "page": token} if token else {"history": str(found["historyId"])}
            yield Page(items, tuple(dict.fromkeys((*gone, *vanished))), json.dumps(after))
            if token is None:
                return

    async def _history(self, access: Access, start: str, token: str | None) -> dict[str, Any]:
        try:
            return await self._send(
                access,
                _HISTORY,
                "list",
                userId="me",
                startHistoryId=start,
                historyTypes=list(_CHANGES),
                maxResults=PAGE_SIZE,
                pageToken=token,
            )
        except EntityNotFound as error:
            raise CursorExpired("Gmail no longer knows what happened since the last sync.") from error

    async def _items(self, access: Access, ids: Iterable[str]) -> tuple[tuple[Item, ...], tuple[str, ...]]:
        """The mails of these ids, asked for at the same time; and those that are gone meanwhile."""
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(id: str) -> Item | str:
            async with slots:
                try:
                    return await self._item(access, id)
                except EntityNotFound:
                    return id

        wanted = list(dict.fromkeys(ids))
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(id)) for id in wanted]
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed  # the first cancelled the others; they add nothing
        found = [task.result() for task in tasks]
        return tuple(each for each in found if isinstance(each, Item)), tuple(
            each for each in found if isinstance(each, str)
        )

    async def _item(self, access: Access, id: str) -> Item:
        found = await self._send(
            access, _MESSAGES, "get", userId="me", id=id, format="metadata", metadataHeaders=list(_HEADERS)
        )
        return _item(summary_of(found), str(found.get("historyId", "")))

    async def _history_id(self, access: Access) -> str:
        """Where the history stands now. A server without profiles (the emulator) tells it of its newest mail."""
        try:
            return str((await self._send(access, _USERS, "getProfile", userId="me"))["historyId"])
        except EntityNotFound:
            newest = (await self._send(access, _MESSAGES, "list", userId="me", maxResults=1)).get("messages")
            if not newest:
                return "1"
            found = await self._send(access, _MESSAGES, "get", userId="me", id=newest[0]["id"], format="minimal")
            return str(found["historyId"])

    async def _send(self, access: Access, collection: str, method: str, **parameters: object) -> dict[str, Any]:
        return await self._api.send(self._api.request(collection, method, **parameters), access.token)


def _touched(history: Iterable[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """Ids to look at again, and ids that are gone, in the order of the history: the last word counts."""
    state: dict[str, bool] = {}
    for record in history:
        for kind, exists in (("messagesAdded", True), ("labelsAdded", True), ("labelsRemoved", True)):
            state |= {change["message"]["id"]: exists for change in record.get(kind, ())}
        state |= {change["message"]["id"]: False for change in record.get("messagesDeleted", ())}
    return [id for id, exists in state.items() if exists], [id for id, exists in state.items() if not exists]


def _item(mail: MailSummary, history_id: str) -> Item:
    return Item(
        external_id=mail.id,
        kind=Kind.MAIL,
        at=mail.received_at,
        title=mail.subject,
        version=history_id.zfill(24) if history_id.isdigit() else "",
        url=f"https://mail.google.com/mail/#all/{mail.thread_id}",
        actor=mail.sender.name or mail.sender.address,
        people=1,
        metadata={
            "from": mail.sender.address,
            "thread": mail.thread_id,
            "unread": mail.is_unread,
            "labels": tuple(sorted(mail.labels)),
            "recipients": len(mail.to) + len(mail.cc),
        },
    )
