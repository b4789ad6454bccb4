"""The copies of what providers hold: how they are kept, what they hold, and what it adds up to."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from contracts.activities import ActivityPage, ActivitySummary, GetActivitySummary, ListActivities
from contracts.sync import (
    AllSyncsStarted,
    GetSyncStatus,
    ListSyncRuns,
    StartAllSyncs,
    StartSync,
    SyncLog,
    SyncStarted,
    SyncStatus,
)
from libs.providers.registry import PROVIDERS
from services.gateway.errors import ProviderNotFound
from services.gateway.guards import GatewayHere, Manager, Reader, count_request
from services.gateway.wire import AUTHENTICATED, Timezone, problems

router = APIRouter(prefix="/api", tags=["sync"])

Provider = Annotated[str | None, Query(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
Cursor = Annotated[str | None, Query(max_length=1000, pattern=r"^[A-Za-z0-9_-]*$")]


@router.post("/integrations/{provider}/sync", status_code=202, responses=problems(*AUTHENTICATED, 404, 429))
async def start(provider: str, response: Response, caller: Manager, gateway: GatewayHere) -> SyncStarted:
    """Sync now instead of with the schedule. `started` is false when a run is under way or has just been."""
    if provider not in PROVIDERS:
        raise ProviderNotFound("There is no such provider.")
    await count_request(caller, gateway, gateway.sync_limit, response)
    return await gateway.bus.ask(StartSync(provider=provider), scope=caller.scope)


@router.post("/integrations/sync", status_code=202, responses=problems(*AUTHENTICATED, 429))
async def start_all(response: Response, caller: Manager, gateway: GatewayHere) -> AllSyncsStarted:
    """Sync everything now."""
    await count_request(caller, gateway, gateway.sync_limit, response)
    return await gateway.bus.ask(StartAllSyncs(), scope=caller.scope)


@router.get("/integrations/sync", responses=problems(*AUTHENTICATED))
async def status(caller: Reader, gateway: GatewayHere) -> SyncStatus:
    """Every connected provider: last and next sync, failures, number of items."""
    return await gateway.bus.ask(GetSyncStatus(), scope=caller.scope)


@router.get("/integrations/sync/runs", responses=problems(*AUTHENTICATED, 422))
async def runs(
    caller: Reader,
    gateway: GatewayHere,
    provider: Provider = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> SyncLog:
    """The last attempts, newest first."""
    return await gateway.bus.ask(ListSyncRuns(provider=provider, limit=limit), scope=caller.scope)


@router.get("/integrations/summary", responses=problems(*AUTHENTICATED, 422))
async def summary(
    caller: Reader,
    gateway: GatewayHere,
    start: date,
    end: date,
    type: Literal["daily", "weekly", "monthly"] = "daily",
    timezone: Timezone = "UTC",
) -> ActivitySummary:
    """Figures of the days, weeks or months from `start` to `end`, in the given timezone."""
    query = GetActivitySummary(start=start, end=end, period=type, timezone=timezone)
    return await gateway.bus.ask(query, scope=caller.scope)


@router.get("/activities", responses=problems(*AUTHENTICATED, 422))
async def activities(
    caller: Reader,
    gateway: GatewayHere,
    provider: Provider = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Cursor = None,
) -> ActivityPage:
    """What was synced, newest first. Titles and names are the words of others."""
    query = ListActivities(provider=provider, limit=limit, cursor=cursor)
    return await gateway.bus.ask(query, scope=caller.scope)
