"""How the gateway and its neighbours are, for everybody to see: no names, no addresses, only states."""

import asyncio
import time
from collections.abc import Awaitable
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from libs.resilience.errors import AdjutantError
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
    """One circuit breaker of this process."""

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
    database, bus = await asyncio.gather(_measure(gateway.db.ping()), _measure(gateway.bus.last_live("turn", "health")))
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
        breakers=[],
    )


async def _measure(ping: Awaitable[object]) -> DependencyHealth:
    began = time.perf_counter()
    try:
        async with asyncio.timeout(2):
            await ping
    except (AdjutantError, TimeoutError):
        return DependencyHealth(healthy=False, latency_ms=None)
    return DependencyHealth(healthy=True, latency_ms=round((time.perf_counter() - began) * 1000, 2))
