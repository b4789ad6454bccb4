"""Stands in for the notification service on the real bus: an inbox that a test fills."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.ids import NotificationId, new_id
from contracts.notification import (
    Inbox,
    ListNotifications,
    MarkedRead,
    MarkNotificationRead,
    NotificationKind,
    NotificationView,
)
from libs.testing.servers import NatsAccount


@dataclass
class NotificationPeer:
    """`entries` are everybody's, newest first; `failing` requests are refused, done or not."""

    client: Client
    entries: list[NotificationView] = field(default_factory=list)
    marked: list[NotificationId] = field(default_factory=list)
    failing: int = 0

    @classmethod
    async def start(cls, account: NatsAccount) -> "NotificationPeer":
        """Listening with notification's permissions."""
        name = "notification"
        client = await nats.connect(account.url, user=account.user(name), password=account.password(name))
        peer = cls(client)
        await client.subscribe(ListNotifications.subject, queue=name, cb=peer._list)
        await client.subscribe(MarkNotificationRead.subject, queue=name, cb=peer._mark)
        await client.flush()
        return peer

    def reset(self) -> None:
        """An empty inbox."""
        self.entries, self.marked, self.failing = [], [], 0

    def put(self, kind: NotificationKind, title: str, *, read: bool = False) -> NotificationView:
        """One more, the newest."""
        at = datetime.now(UTC)
        view = NotificationView(
            notification_id=NotificationId(new_id("n")), kind=kind, title=title, text="…", created_at=at, read=read
        )
        self.entries.insert(0, view)
        return view

    async def _list(self, message: Msg) -> None:
        unread = sum(1 for entry in self.entries if not entry.read)
        shown = Inbox(notifications=tuple(self.entries), unread=unread)
        await message.respond(shown.model_dump_json().encode())

    async def _mark(self, message: Msg) -> None:
        wanted = MarkNotificationRead.model_validate_json(message.data).notification_id
        self.marked.append(wanted)
        self.entries = [
            entry.model_copy(update={"read": True}) if entry.notification_id == wanted else entry
            for entry in self.entries
        ]
        if self.failing:
            self.failing -= 1
            body = {"slug": "database_unavailable", "status": 503, "detail": "Busy.", "advice": "Wait."}
            sent = json.dumps(body | {"retryable": True}).encode()
            await self.client.publish(message.reply, sent, headers={"adj-error": body["slug"]})
            return
        await message.respond(MarkedRead(changed=True).model_dump_json().encode())
