"""Forgetting what is too old: activities after their retention, runs after ninety days; a bounded bite at a time."""

import asyncio
import random
from datetime import timedelta

from libs.db import Database
from libs.resilience.errors import Unavailable
from libs.telemetry import get_logger
from services.sync import runs

log = get_logger("services.sync")

EVERY_S = 3600.0
BITE = 5_000
"""Rows per transaction: each takes some tenths of a second, and holds nobody up."""


async def keep_house(db: Database, keep_activities: timedelta, chance: random.Random) -> None:
    """About once an hour, until cancelled."""
    while True:
        # Replicas started together should not clean up together.
        await asyncio.sleep(EVERY_S * (0.5 + chance.random()))
        try:
            await forget_old(db, keep_activities)
        except Unavailable as away:
            log.info("housekeeping_postponed", error=away.slug)


async def forget_old(db: Database, keep_activities: timedelta) -> int:
    """Everything that is over; returns the number of rows."""
    total = 0
    while True:
        async with db.transaction(None) as tx:
            gone: int = await tx.fetchval("select forget_old($1, $2, $3)", keep_activities, runs.KEPT, BITE)
        total += gone
        if gone == 0:
            return total
