"""How the caller's connections are: what works, what does not, and what would mend it."""

from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel

from contracts.oauth import ConnectionStatus, ConnectionView, ListConnections
from contracts.sync import GetSyncApiUsage, GetSyncStatus, SourceView
from contracts.tool import GetToolApiUsage
from libs.resilience.errors import InvalidInput
from services.gateway.guards import GatewayHere, Reader
from services.gateway.wire import AUTHENTICATED, problems

router = APIRouter(prefix="/api", tags=["integrations"])

LONGEST_DAYS = 92

Condition = Literal["healthy", "degraded", "broken"]


class IntegrationHealth(BaseModel):
    """One connection. `broken` waits for its user; `degraded` fails now and is tried again by itself."""

    provider: str
    status: Condition
    reason: str | None
    """The error's slug."""
    advice: str | None
    capabilities: list[str]
    last_sync_at: datetime | None
    next_sync_at: datetime | None
    failures_in_a_row: int
    items: int


class IntegrationsHealth(BaseModel):
    """All connections of the caller; `status` is that of the worst."""

    status: Condition
    integrations: list[IntegrationHealth]


class ApiUsageEntry(BaseModel):
    """What one service asked one provider for the caller on one day (UTC)."""

    service: Literal["sync", "tool"]
    provider: str
    day: date
    calls: int
    failures: int
    limited: int


class ApiUsageList(BaseModel):
    """By day and provider."""

    usages: list[ApiUsageEntry]


@router.get("/health/integrations", responses=problems(*AUTHENTICATED))
async def health(caller: Reader, gateway: GatewayHere) -> IntegrationsHealth:
    """Whether each of the caller's connections works."""
    connections = await gateway.bus.ask(ListConnections(), scope=caller.scope)
    sources = await gateway.bus.ask(GetSyncStatus(), scope=caller.scope)
    by_provider = {source.provider: source for source in sources.sources}
    found = [_health(each, by_provider.get(each.provider)) for each in connections.connections]
    worst = max((each.status for each in found), key=_severity, default="healthy")
    return IntegrationsHealth(status=worst, integrations=found)


@router.get("/usage/providers", responses=problems(*AUTHENTICATED, 422))
async def usage(caller: Reader, gateway: GatewayHere, start: date, end: Annotated[date, Query()]) -> ApiUsageList:
    """How often providers were asked in the caller's name, from `start` to `end`, both included."""
    if not timedelta(0) <= end - start <= timedelta(days=LONGEST_DAYS):
        raise InvalidInput(f"`end` has to be at or after `start`, and at most {LONGEST_DAYS} days later.")
    synced = await gateway.bus.ask(GetSyncApiUsage(start=start, end=end), scope=caller.scope)
    acted = await gateway.bus.ask(GetToolApiUsage(start=start, end=end), scope=caller.scope)
    entries = [ApiUsageEntry(service="sync", **each.model_dump()) for each in synced.usages]
    entries += [ApiUsageEntry(service="tool", **each.model_dump()) for each in acted.usages]
    return ApiUsageList(usages=sorted(entries, key=lambda each: (each.day, each.provider, each.service)))


def _severity(status: Condition) -> int:
    return ("healthy", "degraded", "broken").index(status)


def _health(connection: ConnectionView, source: SourceView | None) -> IntegrationHealth:
    status, reason, advice = _verdict(connection, source)
    return IntegrationHealth(
        provider=connection.provider,
        status=status,
        reason=reason,
        advice=advice,
        capabilities=list(connection.capabilities),
        last_sync_at=source.last_finished_at if source else None,
        next_sync_at=source.next_at if source else None,
        failures_in_a_row=source.failures if source else 0,
        items=source.items if source else 0,
    )


def _verdict(connection: ConnectionView, source: SourceView | None) -> tuple[Condition, str | None, str | None]:
    if connection.status is not ConnectionStatus.ACTIVE:
        return "broken", connection.status.value, "Connect the provider again under Integrations."
    if source is None:
        return "degraded", "not_synced_yet", "It was connected a moment ago; look again in a minute."
    if not source.enabled:
        return "broken", source.reason_disabled, "Connect the provider again under Integrations."
    if source.last_error is not None:
        return "degraded", source.last_error, "It is tried again by itself; if this stays, connect it again."
    return "healthy", None, None
