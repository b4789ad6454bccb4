"""Telling a user something: the entry, the event, and a nudge to the clients that are open right now."""

from datetime import UTC, datetime

import structlog

from contracts.ids import NotificationId
from contracts.notification import InboxUpdate, NotificationCreated, NotificationRead
from libs.bus import Bus, publish
from libs.db import Transaction
from libs.resilience.errors import Unavailable
from services.notification import inbox
from services.notification.deps import Notification
from services.notification.wording import Notice

log = structlog.get_logger("services.notification")


async def tell(tx: Transaction, deps: Notification, notice: Notice) -> None:
    """Put the notice into the inbox of the transaction's user, once."""
    now = datetime.now(UTC)
    notification_id = await inbox.add(tx, deps.vault, notice, now)
    if notification_id is None:
        return
    await publish(tx, NotificationCreated(notification_id=notification_id, kind=notice.kind, created_at=now))
    _nudge_after_commit(tx, deps, InboxUpdate(notification_id=notification_id, kind=notice.kind))


async def announce_read(tx: Transaction, notification_ids: tuple[NotificationId, ...]) -> None:
    """Say that the user need not look at these any more."""
    for notification_id in notification_ids:
        await publish(tx, NotificationRead(notification_id=notification_id))


def _nudge_after_commit(tx: Transaction, deps: Notification, update: InboxUpdate) -> None:
    """Before the commit a client would look and find nothing."""
    user_id = tx.require_scope().user_id
    tx.after_commit(lambda: deps.background.create_task(_nudge(deps.bus, user_id, update)))


async def _nudge(bus: Bus, user_id: str, update: InboxUpdate) -> None:
    """A hint that may be lost: every client lists the inbox when it connects."""
    try:
        await bus.live("inbox", user_id).publish(update.model_dump_json().encode())
    except Unavailable as error:
        log.info("nudge_lost", error=error.slug)
