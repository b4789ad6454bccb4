"""The entries of a user's inbox: added once, listed newest first, read."""

import json
from datetime import datetime

from contracts.ids import NotificationId, new_id
from contracts.notification import Inbox, NotificationKind, NotificationView
from libs.db import Transaction
from libs.vault import Vault
from services.notification.errors import NotificationNotFound
from services.notification.wording import Notice

_PURPOSE = "notification"


async def add(tx: Transaction, vault: Vault, notice: Notice, now: datetime) -> NotificationId | None:
    """Put a notice into the inbox; None when the user was told already."""
    notification_id = NotificationId(new_id("n"))
    key = await vault.user_key(tx)
    wording = json.dumps({"title": notice.title, "text": notice.text}).encode()
    added: str | None = await tx.fetchval(
        """
        insert into notifications (notification_id, kind, about, wording_sealed, action, provider, created_at)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (organization_id, user_id, kind, about) do nothing
        returning notification_id
        """,
        notification_id,
        notice.kind,
        notice.about,
        key.seal(_PURPOSE, notification_id, wording),
        notice.action,
        notice.provider,
        now,
    )
    return notification_id if added else None


async def newest(tx: Transaction, vault: Vault, limit: int) -> Inbox:
    """The newest entries, and how many of all are unread."""
    rows = await tx.fetch(
        """
        select notification_id, kind, wording_sealed, action, provider, created_at, read_at is not null as read
        from notifications order by created_at desc, notification_id desc limit $1
        """,
        limit,
    )
    unread = await tx.fetchval("select count(*) from notifications where read_at is null")
    if not rows:
        return Inbox(notifications=(), unread=unread)
    key = await vault.user_key(tx)
    views = []
    for row in rows:
        fields = dict(row)
        wording = json.loads(key.open(_PURPOSE, fields["notification_id"], fields.pop("wording_sealed")))
        views.append(NotificationView(**fields, **wording))
    return Inbox(notifications=tuple(views), unread=unread)


async def mark_read(tx: Transaction, notification_id: NotificationId, now: datetime) -> bool:
    """Whether this call is the one that marked it. Raises NotificationNotFound."""
    was_unread: bool | None = await tx.fetchval(
        """
        with found as (
            select notification_id, read_at is null as unread from notifications where notification_id = $1 for update
        ), marked as (
            update notifications set read_at = $2
            from found where notifications.notification_id = found.notification_id and found.unread
        )
        select unread from found
        """,
        notification_id,
        now,
    )
    if was_unread is None:
        raise NotificationNotFound("there is no such notification in your inbox")
    return was_unread


async def settle_about(
    tx: Transaction, kind: NotificationKind, about: str, now: datetime
) -> tuple[NotificationId, ...]:
    """Mark read what is about something that is settled; returns which entries those were."""
    rows = await tx.fetch(
        """update notifications set read_at = $3 where kind = $1 and about = $2 and read_at is null
           returning notification_id""",
        kind,
        about,
        now,
    )
    return tuple(NotificationId(row["notification_id"]) for row in rows)


async def settle(tx: Transaction, kind: NotificationKind, provider: str, now: datetime) -> tuple[NotificationId, ...]:
    """Mark read what has become pointless; returns which entries those were."""
    rows = await tx.fetch(
        """
        update notifications set read_at = $3 where kind = $1 and provider = $2 and read_at is null
        returning notification_id
        """,
        kind,
        provider,
        now,
    )
    return tuple(NotificationId(row["notification_id"]) for row in rows)
