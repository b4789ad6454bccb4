"""The pool outlives PostgreSQL: killed, away, or not there yet."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.db import Database, DatabaseUnavailable
from libs.db.migrate import migrate_all
from libs.runtime.embedded import EmbeddedPostgres
from tests.service.db.conftest import LEDGER, PASSWORDS


@pytest.fixture
async def own_postgres(data_dir: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A server that may be killed."""
    server = EmbeddedPostgres(data_dir, "owner")
    await server.start()
    await migrate_all(server.admin_url, [LEDGER], PASSWORDS)
    yield server
    await server.stop()


async def connected(server: EmbeddedPostgres, patience_s: float = 12.0) -> Database:
    url = server.url("svc_ledger", PASSWORDS["ledger"])
    return await Database.connect(url, "ledger", patience_s=patience_s, wait_s=10)


async def test_what_runs_during_a_kill_fails_as_an_outage_and_the_next_transaction_works(
    own_postgres: EmbeddedPostgres,
) -> None:
    database = await connected(own_postgres)
    started = asyncio.Event()

    async def long() -> None:
        async with database.transaction(None) as tx:
            started.set()
            await tx.execute("select pg_sleep(20)")

    running = asyncio.create_task(long())
    await started.wait()
    await asyncio.sleep(0.1)
    assert own_postgres.pid is not None
    os.kill(own_postgres.pid, signal.SIGKILL)
    with pytest.raises(DatabaseUnavailable):
        await running
    async with asyncio.timeout(5):
        while not await own_postgres.ensure_running():  # noqa: ASYNC110 - its end takes a moment
            await asyncio.sleep(0.01)

    async with database.transaction(None) as tx:
        assert await tx.fetchval("select 1") == 1
    await database.close()


async def test_a_transaction_that_starts_during_the_outage_waits_for_its_end(own_postgres: EmbeddedPostgres) -> None:
    database = await connected(own_postgres)
    await own_postgres.stop()

    async def ask() -> int:
        async with database.transaction(None) as tx:
            return int(await tx.fetchval("select 1"))

    waiting = [asyncio.create_task(ask()) for _ in range(20)]
    await asyncio.sleep(1.0)
    with pytest.raises(DatabaseUnavailable):
        await database.ping()
    await own_postgres.start()

    assert await asyncio.gather(*waiting) == [1] * 20
    await database.close()


async def test_patience_ends(own_postgres: EmbeddedPostgres) -> None:
    database = await connected(own_postgres, patience_s=0.5)
    await own_postgres.stop()

    before = time.monotonic()
    with pytest.raises(DatabaseUnavailable, match=r"0\.5 s"):
        async with database.transaction(None):
            pass
    assert time.monotonic() - before < 2
    await database.close()


async def test_a_service_may_start_before_the_database(own_postgres: EmbeddedPostgres) -> None:
    await own_postgres.stop()
    early = asyncio.create_task(connected(own_postgres))
    await asyncio.sleep(0.5)
    assert not early.done()
    await own_postgres.start()

    database = await early
    await database.ping()
    await database.close()
