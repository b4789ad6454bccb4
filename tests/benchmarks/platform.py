"""A real PostgreSQL and a real NATS for one benchmark, migrated and provisioned, gone afterwards."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from contracts.ids import new_id
from libs.bus.provision import provision
from libs.testing.servers import Servers, stop_keeper
from tests.conftest import Platform


@asynccontextmanager
async def platform(*services: str) -> AsyncIterator[Platform]:
    """As the tests have it."""
    directory = Path(tempfile.mkdtemp(prefix="adjutant-bench-"))
    os.chmod(directory, 0o711)  # noqa: S103 - PostgreSQL runs as a user of its own and has to enter
    try:
        servers = Servers.of_session(directory, os.getpid())
        database = await servers.database(f"bench_{new_id('x')}", services)
        account = await servers.lease_account()
        admin = await account.admin()
        await provision(admin.jetstream)
        await admin.close()
        yield Platform(database, account)
    finally:
        stop_keeper(directory)
        shutil.rmtree(directory, ignore_errors=True)
