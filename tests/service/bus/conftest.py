"""One NATS and one PostgreSQL for all tests of the bus in this process; every test finds them empty."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.service.bus.world import World


@pytest.fixture(scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    directory: Path = tmp_path_factory.mktemp("bus")
    for step in (directory, directory.parent, directory.parent.parent):
        step.chmod(0o755)
    world = World(directory)
    await world.start()
    yield world
    await world.stop()


@pytest.fixture
async def world(servers: World) -> World:
    await servers.wipe()
    return servers
