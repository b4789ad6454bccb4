"""Telling a user something: the entry, the event, and a nudge to the clients that are open right now."""

from datetime import UTC, datetime

from contracts.ids import NotificationId
from contracts.notification import InboxUpdate, NotificationCreated, NotificationRead
from libs.bus import publish
from libs.db import Transaction
from services.notification import inbox
from services.notification.deps import Notification
from services.notification.wording import Notice


async def tell(tx: Transaction, deps: Notification, notice: Notice) -> None:
    """Put the notice into the inbox of the transaction's user, once."""
    now = datetime.now(UTC)
    notification_id = await inbox.add(tx, deps.vault, notice, now)
    if notification_id is None:
        return
    await publish(tx, NotificationCreated(notification_id=notification_id, kind=notice.kind, created_at=now))
    nudge(tx, deps, InboxUpdate(notification_id=notification_id, kind=notice.kind))


async def announce_read(tx: Transaction, notification_ids: tuple[NotificationId, ...]) -> None:
    """Say that the user need not look at these any more."""
    for notification_id in notification_ids:
        await publish(tx, NotificationRead(notification_id=notification_id))
