"""What sync does when something arrives."""

from datetime import UTC, datetime

from contracts.oauth import ConnectionEstablished, ConnectionRemoved, ReauthorizationRequired
from contracts.sync import GetSyncStatus, SourceRegistered, SyncStatus
from libs.bus import Call, publish
from libs.db import Transaction
from services.sync import sources
from services.sync.deps import Sync


async def register_source(event: ConnectionEstablished, tx: Transaction, deps: Sync) -> None:
    """A connected provider becomes a source."""
    registered_at = await sources.register(tx, event.provider, event.connection_id, datetime.now(UTC))
    await publish(tx, SourceRegistered(provider=event.provider, registered_at=registered_at))


async def remove_source(event: ConnectionRemoved, tx: Transaction, deps: Sync) -> None:
    """A disconnected provider is forgotten, with what was synced from it."""
    await sources.remove(tx, event.connection_id)


async def pause_source(event: ReauthorizationRequired, tx: Transaction, deps: Sync) -> None:
    """A refused connection is left alone until its user reconnects it."""
    await sources.pause(tx, event.connection_id, sources.REAUTHORIZATION_REQUIRED, event.refused_at)


async def get_sync_status(query: GetSyncStatus, call: Call, deps: Sync) -> SyncStatus:
    """All sources of the caller."""
    async with deps.db.reading(call.require_scope()) as tx:
        return SyncStatus(sources=await sources.of_user(tx))
