"""What chat does once a day: make the partitions of the next months, and forget what has been kept long enough."""

import asyncio
from datetime import timedelta

import structlog

from libs.db import Database
from libs.db.partitions import ensure_partitions, retain
from libs.resilience.errors import Unavailable

log = structlog.get_logger("services.chat")

DAY_S = 86_400.0
RETRY_S = 60.0


async def keep_house(db: Database, words_kept_days: int) -> None:
    """For ever. Rows of a month without a partition are safe in the default one and are moved when it is made."""
    while True:
        try:
            made = await ensure_partitions(db)
            await retain(db, "model_call_contents", timedelta(days=max(1, words_kept_days)))
        except Unavailable as away:
            log.warning("partitions_wait", error=away.slug)
            await asyncio.sleep(RETRY_S)
            continue
        if made:
            log.info("partitions_made", count=made)
        await asyncio.sleep(DAY_S)
