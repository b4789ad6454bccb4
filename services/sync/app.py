"""Sync, assembled."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from contracts.oauth import ConnectionEstablished, ConnectionRemoved, ReauthorizationRequired
from contracts.sync import GetSyncStatus
from libs.bus import answer, react
from libs.runtime import Resources, Service
from services.sync.deps import Sync
from services.sync.handlers import get_sync_status, pause_source, register_source, remove_source
from services.sync.settings import SyncSettings

routes = (
    react(ConnectionEstablished, register_source),
    react(ConnectionRemoved, remove_source),
    react(ReauthorizationRequired, pause_source),
    answer(GetSyncStatus, get_sync_status),
)


@asynccontextmanager
async def open_sync(resources: Resources[SyncSettings]) -> AsyncIterator[Sync]:
    """Sync needs its schema and the bus, nothing more."""
    yield Sync(db=resources.db, bus=resources.bus)


service = Service(name="sync", settings=SyncSettings, routes=routes, open=open_sync)
