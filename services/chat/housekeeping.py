"""What chat does once a day: make the partitions that the next months' messages will lie in."""

import asyncio

import structlog

from libs.db import Database
from libs.db.partitions import ensure_partitions
from libs.resilience.errors import Unavailable

log = structlog.get_logger("services.chat")

DAY_S = 86_400.0
RETRY_S = 60.0


async def keep_house(db: Database) -> None:
    """For ever. Rows of a month without a partition are safe in the default one and are moved when it is made."""
    while True:
        try:
            made = await ensure_partitions(db)
        except Unavailable as away:
            log.warning("partitions_wait", error=away.slug)
            await asyncio.sleep(RETRY_S)
            continue
        if made:
            log.info("partitions_made", count=made)
        await asyncio.sleep(DAY_S)
