"""Forgetting what nobody can ask for any more: old counters, ended sessions, old turns."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from libs.db import Database
from libs.db.partitions import ensure_partitions
from libs.resilience.errors import Unavailable

log = structlog.get_logger("services.gateway")

EVERY_S = 3600.0


@asynccontextmanager
async def keep_house(db: Database, stopping: asyncio.Event) -> AsyncIterator[None]:
    """Clean up about once an hour while the block runs."""
    task = asyncio.create_task(_run(db, stopping))
    try:
        yield
    finally:
        task.cancel()


async def _run(db: Database, stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        # Replicas started together should not clean up together.
        await asyncio.sleep(EVERY_S * random.uniform(0.5, 1.5))  # noqa: S311 - jitter, not a secret
        try:
            await ensure_partitions(db)
            async with db.transaction(None) as tx:
                await tx.execute("select forget_what_is_over()")
        except Unavailable as away:
            log.info("housekeeping_postponed", why=away.detail)
