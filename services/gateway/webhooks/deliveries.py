"""A delivery and what follows from it, in one transaction: whoever got our 2xx need not send it again."""

from datetime import datetime, timedelta

from contracts.sync import TakeNotification
from libs.bus import publish
from libs.db import Database
from services.gateway.webhooks.webhook import Notices

KEPT = timedelta(days=30)
"""Longer than any provider goes on delivering again."""


async def accept(db: Database, provider: str, notices: Notices, received_at: datetime) -> bool:
    """Write it down; False for one that was accepted before. Raises DatabaseUnavailable: the provider sends again."""
    async with db.transaction(None) as tx:
        if notices.delivery_id is not None:
            known = await tx.execute(
                """insert into webhook_deliveries (provider, delivery_id, received_at) values ($1, $2, $3)
                   on conflict do nothing""",
                provider,
                notices.delivery_id[:200],
                received_at,
            )
            if known.endswith(" 0"):
                return False
        for notice in notices.notices:
            command = TakeNotification(
                provider=provider,
                hint=notice.hint,
                received_at=received_at,
                watch_id=notice.watch_id,
                account_ref=notice.account_ref,
                stream=notice.stream,
            )
            await publish(tx, command)
    return True


async def keep_handshake(db: Database, provider: str, body: bytes, received_at: datetime) -> None:
    """What a provider sent to introduce itself, for the operator to read; the newest only."""
    async with db.transaction(None) as tx:
        await tx.execute(
            """insert into webhook_handshakes (provider, body, received_at) values ($1, $2, $3)
               on conflict (provider) do update set body = excluded.body, received_at = excluded.received_at""",
            provider,
            body[:2000],
            received_at,
        )


async def forget_old(db: Database, now: datetime) -> None:
    """Deliveries that nobody will repeat."""
    async with db.transaction(None) as tx:
        await tx.execute("delete from webhook_deliveries where received_at < $1", now - KEPT)
