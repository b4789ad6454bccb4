"""The neighbours of oauth that ask it things, each with its own NATS user."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from libs.bus import Bus
from tests.conftest import Platform


@asynccontextmanager
async def bus_of(platform: Platform, service: str) -> AsyncIterator[Bus]:
    """Connected as that service."""
    account = platform.nats
    bus = Bus(service, account.url, user=account.user(service), password=account.password(service))
    await bus.connect()
    try:
        yield bus
    finally:
        await bus.close()
