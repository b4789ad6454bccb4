"""How the gateway and its neighbours are, for everybody to see: no names, no addresses, only states."""

import asyncio
import time
from collections.abc import Awaitable
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from contracts.models import ListModels
from libs.resilience.errors import AdjutantError
from services.gateway.deps import Gateway
from services.gateway.guards import GatewayHere
from services.gateway.wire import problems

router = APIRouter(prefix="/api/health", tags=["health"])


class DependencyHealth(BaseModel):
    """One neighbour; the latency is that of the question just asked."""

    healthy: bool
    latency_ms: float | None


class CacheHealth(BaseModel):
    """The cache of who is calling."""

    size: int
    hits: int
    misses: int
    hit_rate: float


class BreakerHealth(BaseModel):
    """A breaker of a language model, as all replicas of chat know it; `/api/models/health` says which is which."""

    name: str
    state: str
    failures: int


class Health(BaseModel):
    """`degraded` means that something answers 503 now."""

    status: Literal["healthy", "degraded"]
    dependencies: dict[str, DependencyHealth]
    cache: CacheHealth
    breakers: list[BreakerHealth]


@router.get("", responses=problems())
async def health(gateway: GatewayHere) -> Health:
    """The state of this replica and what it depends on."""
    database, bus, breakers = await asyncio.gather(
        _measure(gateway.db.ping()), _measure(gateway.bus.last_live("turn", "health")), _breakers(gateway)
    )
    cache = gateway.authenticator.cache
    asked = cache.hits + cache.misses
    return Health(
        status="healthy" if database.healthy and bus.healthy else "degraded",
        dependencies={"database": database, "bus": bus},
        cache=CacheHealth(
            size=len(cache),
            hits=cache.hits,
            misses=cache.misses,
            hit_rate=round(cache.hits / asked, 4) if asked else 0.0,
        ),
        breakers=breakers,
    )


async def _breakers(gateway: Gateway) -> list[BreakerHealth]:
    """None while chat is away: that is not this replica's health."""
    try:
        found = await gateway.bus.ask(ListModels(), scope=None, timeout_s=1.0)
    except AdjutantError:
        return []
    return [
        BreakerHealth(name=f"model {n}", state=each.state, failures=each.failures_in_a_row)
        for n, each in enumerate(found.models, 1)
    ]


async def _measure(ping: Awaitable[object]) -> DependencyHealth:
    began = time.perf_counter()
    try:
        async with asyncio.timeout(2):
            await ping
    except (AdjutantError, TimeoutError):
        return DependencyHealth(healthy=False, latency_ms=None)
    return DependencyHealth(healthy=True, latency_ms=round((time.perf_counter() - began) * 1000, 2))
