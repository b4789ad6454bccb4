"""Before a connection ends: its subscriptions at the provider are ended while there still is a token to do it with."""

import asyncio
from datetime import datetime, timedelta

from contracts.envelope import Scope
from contracts.ids import ConnectionId
from contracts.sync import EndWatches, WatchesEnded
from libs.db import Row
from libs.providers.source import Watch, Watchable
from libs.resilience.errors import AdjutantError
from libs.telemetry import get_logger
from services.sync import schedule, sources
from services.sync.access import Tokens
from services.sync.deps import Sync

log = get_logger("services.sync")

WITHIN_S = 2.5
"""Somebody waits for the disconnect; what is left over ends by itself or at the next delivery that finds nobody."""
AT_ONCE = 8
AFTERWARDS = timedelta(minutes=1)
"""When the source is synced, and watched again, if the connection does not end after all."""


async def end_watches(query: EndWatches, scope: Scope, deps: Sync) -> WatchesEnded:
    """Best effort: what cannot be ended in time is counted and left. Raises SourceNotFound."""
    source = deps.source_of(query.provider)
    async with deps.db.transaction(scope) as tx:
        # A run under way would begin what is ended here.
        await schedule.interrupt(tx, await sources.connection_of(tx, query.provider), AFTERWARDS)
        rows = await tx.fetch("select * from watches where provider = $1", query.provider)
    if not rows or not isinstance(source, Watchable):
        return WatchesEnded(ended=0, left=len(rows))
    tokens = Tokens(deps.bus, deps.seal, scope, query.provider, ConnectionId(rows[0]["connection_id"]))
    ended: list[str] = []
    try:
        async with asyncio.timeout(WITHIN_S):
            access, places = await tokens.access(), asyncio.Semaphore(AT_ONCE)

            async def end(row: Row) -> None:
                expires_at: datetime | None = row["expires_at"]
                async with places:
                    await source.unwatch(access, Watch(row["remote_id"], expires_at, row["resource"]))
                ended.append(row["watch_id"])

            for outcome in await asyncio.gather(*(end(row) for row in rows), return_exceptions=True):
                if isinstance(outcome, AdjutantError):
                    log.info("watch_not_ended", provider=query.provider, error=outcome.slug)
                elif outcome is not None:
                    raise outcome
    except (AdjutantError, TimeoutError) as error:
        log.info("watches_not_ended", provider=query.provider, error=type(error).__name__)
    async with deps.db.transaction(scope) as tx:
        await tx.execute("delete from watches where watch_id = any($1)", ended)
        await tx.execute(
            "delete from notification_routes where key = any($1)", [f"watch:{watch_id}" for watch_id in ended]
        )
    return WatchesEnded(ended=len(ended), left=len(rows) - len(ended))
