"""`adjutant deadletter …`: an operator's access to the dead letters of every service of an installation."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from libs.bus import Bus, deadletter
from libs.bus.deadletter import DeadLetter
from libs.db import Database
from libs.runtime.neighbours import Neighbours
from libs.runtime.settings import PlatformSettings

WAIT_S = 5.0


async def listed(platform: PlatformSettings, services: Sequence[str], state: str) -> list[tuple[str, DeadLetter]]:
    """Of all these services, newest first within each."""
    found = []
    for name in services:
        async with _database(platform, services, name) as db:
            found += [(name, letter) for letter in await deadletter.listed(db, state=state)]
    return found


async def show(platform: PlatformSettings, services: Sequence[str], service: str, number: int) -> DeadLetter:
    """One of them. Raises DeadLetterNotFound."""
    async with _database(platform, services, service) as db:
        return await deadletter.show(db, number)


async def discard(platform: PlatformSettings, services: Sequence[str], service: str, number: int) -> DeadLetter:
    """Give it up. Raises DeadLetterNotFound, DeadLetterSettled."""
    async with _database(platform, services, service) as db:
        return await deadletter.discard(db, number)


async def replay(platform: PlatformSettings, services: Sequence[str], service: str, number: int) -> DeadLetter:
    """Send it to its stream again. Raises DeadLetterNotFound, DeadLetterSettled, BusUnavailable."""
    bus = Bus(service, Neighbours.of(platform, services).nats_admin_url)
    await bus.connect()
    try:
        async with _database(platform, services, service) as db:
            return await deadletter.replay(db, bus.jetstream, number)
    finally:
        await bus.close()


@asynccontextmanager
async def _database(platform: PlatformSettings, services: Sequence[str], service: str) -> AsyncIterator[Database]:
    """As the service's own role: what it may not do, an operator may not by mistake. Raises DatabaseUnavailable."""
    url = Neighbours.of(platform, services).platform_for(service).database_url
    db = await Database.connect(str(url), service, 2, wait_s=WAIT_S)
    try:
        yield db
    finally:
        await db.close()
