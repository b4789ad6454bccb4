"""Forgetting who booked, some time after the meeting; what came to nothing, sooner; a bounded bite at a time."""

import asyncio
import random
from dataclasses import dataclass
from datetime import timedelta

from libs.db import Database
from libs.resilience.errors import Unavailable
from libs.telemetry import get_logger

log = get_logger("services.tool")

EVERY_S = 3600.0
BITE = 2_000
"""Rows per transaction."""


@dataclass(frozen=True, slots=True)
class Kept:
    """For how long: guests after the end of their meeting; bookings that were cancelled or never made, and the ledger's
    lines about any of them, after their last change. At least a day each."""

    guests: timedelta
    abandoned: timedelta


async def keep_house(db: Database, kept: Kept) -> None:
    """About once an hour, until cancelled."""
    while True:
        # Replicas started together should not clean up together.
        await asyncio.sleep(EVERY_S * random.uniform(0.5, 1.5))  # noqa: S311 - jitter, not a secret
        try:
            if forgotten := await forget_bookings(db, kept):
                log.info("bookings_forgotten", count=forgotten)
        except Unavailable as away:
            log.info("housekeeping_postponed", error=away.slug)


async def forget_bookings(db: Database, kept: Kept) -> int:
    """Everything that is over, of every user; returns the number of rows."""
    total = 0
    while True:
        async with db.transaction(None) as tx:
            gone: int = await tx.fetchval("select forget_bookings($1, $2, $3)", kept.guests, kept.abandoned, BITE)
        total += gone
        if gone == 0:
            return total
