"""One NATS and one PostgreSQL for the tests of the bus in this process, apart from the session's: they are killed here.

Every test finds them empty.
"""

import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.service.bus.world import World


@pytest.fixture(scope="session")
async def bus_servers() -> AsyncIterator[World]:
    with tempfile.TemporaryDirectory(prefix="adjutant-bus-") as name:
        os.chmod(name, 0o711)  # noqa: S103 - PostgreSQL may run as another user
        world = World(Path(name))
        await world.start()
        yield world
        await world.stop()


@pytest.fixture
async def world(bus_servers: World) -> World:
    await bus_servers.wipe()
    return bus_servers
