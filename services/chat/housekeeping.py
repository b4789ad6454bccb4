"""What chat does once a day: make the partitions of the next months, and forget what has been kept long enough."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import structlog

from libs.db import Database
from libs.db.partitions import ensure_partitions, retain
from libs.resilience.errors import Unavailable

log = structlog.get_logger("services.chat")

DAY_S = 86_400.0
RETRY_S = 60.0
BITE = 200
"""Conversations, or runs, per transaction."""


@dataclass(frozen=True, slots=True)
class Kept:
    """For how many days: the words of model calls (at least one), conversations with outsiders after their last
    message, and runs after they ended or were last looked at."""

    words_days: int
    visits_days: int
    runs_days: int


async def keep_house(db: Database, kept: Kept) -> None:
    """For ever. Rows of a month without a partition are safe in the default one and are moved when it is made."""
    while True:
        try:
            made = await ensure_partitions(db)
            await retain(db, "model_call_contents", timedelta(days=max(1, kept.words_days)))
            visits = await forget_visits(db, timedelta(days=kept.visits_days))
            runs = await forget_runs(db, timedelta(days=kept.runs_days))
        except Unavailable as away:
            log.warning("partitions_wait", error=away.slug)
            await asyncio.sleep(RETRY_S)
            continue
        if made or visits or runs:
            log.info("house_kept", partitions_made=made, visits_forgotten=visits, runs_forgotten=runs)
        await asyncio.sleep(DAY_S)


async def forget_visits(db: Database, keep: timedelta) -> int:
    """Conversations of outsiders, of every user, whose last message is older than that; returns how many there were."""
    return await _forget(db, "select forget_visits($1, $2)", keep)


async def forget_runs(db: Database, keep: timedelta) -> int:
    """Runs of every user that are over or never began, and that nobody has looked at since; returns how many."""
    return await _forget(db, "select forget_runs($1, $2)", keep)


async def _forget(db: Database, sql: str, keep: timedelta) -> int:
    total = 0
    while True:
        async with db.transaction(None) as tx:
            gone: int = await tx.fetchval(sql, keep, BITE)
        total += gone
        if gone == 0:
            return total
