"""Sync, assembled."""

import random
from asyncio import TaskGroup
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from contracts.activities import GetActivitySummary, ListActivities
from contracts.oauth import ConnectionEstablished, ConnectionRemoved, ReauthorizationRequired
from contracts.sync import (
    EndWatches,
    ForgetActivities,
    GetSyncApiUsage,
    GetSyncStatus,
    ListSyncRuns,
    StartAllSyncs,
    StartSync,
    SyncSource,
    TakeNotification,
)
from libs.bus import answer, handle, handle_long, react
from libs.providers.wire import http_client
from libs.runtime import Resources, Service
from libs.vault import HookSecrets
from services.sync import handlers
from services.sync.access import RunPace
from services.sync.deps import Sync
from services.sync.housekeeping import keep_house
from services.sync.providers import open_sources
from services.sync.scheduler import Scheduler
from services.sync.settings import SyncSettings

routes = (
    react(ConnectionEstablished, handlers.register_source),
    react(ConnectionRemoved, handlers.remove_source),
    react(ReauthorizationRequired, handlers.pause_source),
    handle_long(SyncSource, handlers.sync_source, at_once=16),
    handle_long(ForgetActivities, handlers.forget_activities, at_once=2),
    handle(TakeNotification, handlers.take_notification),
    answer(StartSync, handlers.start_sync),
    answer(StartAllSyncs, handlers.start_all_syncs),
    answer(EndWatches, handlers.end_watches),
    answer(GetSyncStatus, handlers.get_sync_status),
    answer(ListSyncRuns, handlers.list_sync_runs),
    answer(ListActivities, handlers.list_activities),
    answer(GetActivitySummary, handlers.get_activity_summary),
    answer(GetSyncApiUsage, handlers.get_sync_api_usage),
)


@asynccontextmanager
async def open_sync(resources: Resources[SyncSettings]) -> AsyncIterator[Sync]:
    """Sync needs its schema, the bus, the vault, a way out to the providers, and its clockwork."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(http_client())
        sources = await open_sources(http, resources.settings, RunPace())
        background = await stack.enter_async_context(TaskGroup())
        scheduler = Scheduler(resources.db, resources.bus)
        chance = random.SystemRandom()
        keep = timedelta(days=resources.settings.keep_activities_days)
        stack.callback(background.create_task(scheduler.run()).cancel)
        stack.callback(background.create_task(keep_house(resources.db, keep, chance)).cancel)
        yield Sync(
            db=resources.db,
            bus=resources.bus,
            vault=resources.vault,
            seal=resources.seal,
            hook_secrets=HookSecrets(resources.master_keys),
            settings=resources.settings,
            sources=sources,
            scheduler=scheduler,
            chance=chance,
        )


service = Service(name="sync", settings=SyncSettings, routes=routes, open=open_sync)
