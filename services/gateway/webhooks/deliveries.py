"""A genuine delivery goes straight into the stream: once that confirms, it is on disk, and the provider may forget it.

The command's id is made from the delivery's. A repetition within half an hour is recognised by the stream, a later one
by the inbox of sync, which remembers ids for four weeks: longer than any provider goes on delivering again. No table of
the gateway's own has to be written, which would cost six times as much as the publication.
"""

import asyncio
import hashlib
from datetime import datetime

from contracts.sync import TakeNotification
from libs.bus import Bus
from libs.bus.errors import BusUnavailable
from libs.db import Database
from services.gateway.webhooks.webhook import Notice, Notices

SOON_S = 5.0
DURABLE_WITHIN_S = 1.0
"""SPEC G9: answered within a second, one way or the other."""
AT_ONCE = 64
"""Publications in flight for one delivery."""


async def accept(bus: Bus, provider: str, notices: Notices, received_at: datetime) -> None:
    """Durable when this returns. Raises BusUnavailable, within about a second: then the provider sends it again."""
    if not bus.connected:
        # Slack waits for three seconds, and comes back by itself.
        raise BusUnavailable("The message bus is away right now.", retry_after_s=SOON_S)
    try:
        async with asyncio.timeout(DURABLE_WITHIN_S):
            if len(notices.notices) == 1:
                return await _publish(bus, provider, notices, notices.notices[0], received_at)
            for first in range(0, len(notices.notices), AT_ONCE):
                batch = notices.notices[first : first + AT_ONCE]
                await asyncio.gather(*(_publish(bus, provider, notices, notice, received_at) for notice in batch))
    except TimeoutError as error:
        raise BusUnavailable("The message bus does not confirm right now.", retry_after_s=SOON_S) from error
    return None


async def _publish(bus: Bus, provider: str, notices: Notices, notice: Notice, received_at: datetime) -> None:
    command = TakeNotification(
        provider=provider,
        hint=notice.hint,
        received_at=received_at,
        watch_id=notice.watch_id,
        account_ref=notice.account_ref,
        stream=notice.stream,
    )
    await bus.send(command, scope=None, id=_command_id(provider, notices.delivery_id, notice))


async def keep_handshake(db: Database, provider: str, body: bytes, received_at: datetime) -> None:
    """What a provider sent to introduce itself, for the operator to read. Anybody may send one: the first stays for an
    hour, so that a later one cannot take the place of what the operator is about to use."""
    async with db.transaction(None) as tx:
        await tx.execute(
            """insert into webhook_handshakes (provider, body, received_at) values ($1, $2, $3)
               on conflict (provider) do update set body = excluded.body, received_at = excluded.received_at
               where webhook_handshakes.received_at < excluded.received_at - interval '1 hour'""",
            provider,
            body[:2000],
            received_at,
        )


def _command_id(provider: str, delivery_id: str | None, notice: Notice) -> str | None:
    """Whom it concerns is part of it: GitHub gives one event the same id at every hook that hears of it."""
    if delivery_id is None:
        return None
    named = f"{provider}|{delivery_id}|{notice.watch_id}|{notice.account_ref}|{notice.stream}"
    return f"hook_{hashlib.sha256(named.encode()).hexdigest()[:40]}"
