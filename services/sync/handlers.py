"""What sync does when something arrives."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from contracts.activities import ActivityPage, ActivitySummary, GetActivitySummary, ListActivities
from contracts.ids import ConnectionId
from contracts.oauth import ConnectionEstablished, ConnectionRemoved, ReauthorizationRequired
from contracts.sync import (
    AllSyncsStarted,
    EndWatches,
    ForgetActivities,
    GetSyncApiUsage,
    GetSyncStatus,
    ListSyncRuns,
    SourceRegistered,
    StartAllSyncs,
    StartSync,
    SyncLog,
    SyncSource,
    SyncStarted,
    SyncStatus,
    TakeNotification,
    WatchesEnded,
)
from contracts.usage import ApiUsage, ApiUsages
from libs.bus import Call, publish
from libs.db import Transaction
from libs.db.api_usage import usage_between
from services.sync import activities, leaving, leftovers, notifications, runs, schedule, sources, statistics
from services.sync.attempt import attempt
from services.sync.deps import Sync


async def register_source(event: ConnectionEstablished, tx: Transaction, deps: Sync) -> None:
    """A connected provider becomes a source, and is synced at once."""
    registered_at = await sources.register(tx, event.provider, event.connection_id, datetime.now(UTC))
    await schedule.enter(tx, event.connection_id, event.provider)
    if await notifications.route(tx, event.connection_id, event.account_refs):
        await sources.start_over(tx, event.provider, event.connection_id)
    await publish(tx, SourceRegistered(provider=event.provider, registered_at=registered_at))
    tx.after_commit(deps.scheduler.wake)


async def remove_source(event: ConnectionRemoved, tx: Transaction, deps: Sync) -> None:
    """A disconnected provider is forgotten, with what was synced from it."""
    await sources.remove(tx, event.connection_id)


async def pause_source(event: ReauthorizationRequired, tx: Transaction, deps: Sync) -> None:
    """A refused connection is left alone until its user reconnects it."""
    await sources.pause(tx, event.connection_id, sources.REAUTHORIZATION_REQUIRED, event.refused_at)


async def sync_source(command: SyncSource, call: Call, deps: Sync) -> None:
    """Bring one copy up to date."""
    await attempt(command, call.require_scope(), deps)


async def forget_activities(command: ForgetActivities, call: Call, deps: Sync) -> None:
    """What a disconnected account left behind."""
    await leftovers.clear(deps.db, call.require_scope(), command.provider)


async def take_notification(command: TakeNotification, tx: Transaction, deps: Sync) -> None:
    """A provider says that something changed: look at once."""
    if await notifications.take(tx, command):
        tx.after_commit(deps.scheduler.wake)


async def start_sync(query: StartSync, call: Call, deps: Sync) -> SyncStarted:
    """The user does not want to wait for the schedule."""
    async with deps.db.transaction(call.require_scope()) as tx:
        connection_id = await sources.connection_of(tx, query.provider)
        started = await _start(tx, query.provider, connection_id, deps)
        tx.after_commit(deps.scheduler.wake)
    return SyncStarted(provider=query.provider, started=started)


async def start_all_syncs(query: StartAllSyncs, call: Call, deps: Sync) -> AllSyncsStarted:
    """The user does not want to wait for anything."""
    async with deps.db.transaction(call.require_scope()) as tx:
        found = await sources.connections(tx)
        started = {provider: await _start(tx, provider, id, deps) for provider, id in found}
        tx.after_commit(deps.scheduler.wake)
    return AllSyncsStarted(
        started=tuple(provider for provider in started if started[provider]),
        not_started=tuple(provider for provider in started if not started[provider]),
    )


async def end_watches(query: EndWatches, call: Call, deps: Sync) -> WatchesEnded:
    """The user leaves a provider."""
    return await leaving.end_watches(query, call.require_scope(), deps)


async def get_sync_status(query: GetSyncStatus, call: Call, deps: Sync) -> SyncStatus:
    """All sources of the caller."""
    async with deps.db.reading(call.require_scope()) as tx:
        return SyncStatus(sources=await sources.of_user(tx))


async def list_sync_runs(query: ListSyncRuns, call: Call, deps: Sync) -> SyncLog:
    """What was tried, and how it went."""
    async with deps.db.reading(call.require_scope()) as tx:
        return await runs.newest(tx, query.provider, query.limit)


async def list_activities(query: ListActivities, call: Call, deps: Sync) -> ActivityPage:
    """A page of the copy."""
    async with deps.db.reading(call.require_scope()) as tx:
        key = await deps.vault.user_key(tx)
        return await activities.newest(tx, key, query.provider, query.limit, query.cursor)


async def get_activity_summary(query: GetActivitySummary, call: Call, deps: Sync) -> ActivitySummary:
    """Figures over the copy."""
    async with deps.db.reading(call.require_scope()) as tx:
        return await statistics.summary(tx, query, _zone(query.timezone))


async def get_sync_api_usage(query: GetSyncApiUsage, call: Call, deps: Sync) -> ApiUsages:
    """How often providers were asked."""
    async with deps.db.reading(call.require_scope()) as tx:
        days = await usage_between(tx, query.start, query.end)
    return ApiUsages(usages=tuple(ApiUsage(**asdict(day)) for day in days))


async def _start(tx: Transaction, provider: str, connection_id: ConnectionId, deps: Sync) -> bool:
    debounce = timedelta(seconds=deps.settings.debounce_s)
    can_run = deps.source_of(provider) is not None and await sources.is_enabled(tx, connection_id)
    return can_run and await schedule.wish_by_hand(tx, connection_id, debounce)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
