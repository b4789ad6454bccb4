"""Sends a command for every connection whose time has come. Each replica does this; a row is taken by one of them."""

import asyncio
from contextlib import suppress

from contracts.sync import SyncSource
from libs.bus import Bus
from libs.db import Database
from libs.resilience.errors import Unavailable
from libs.telemetry import get_logger
from services.sync import schedule

log = get_logger("services.sync")

POLL_S = 2.0
"""How late a schedule may be; what cannot wait wakes the scheduler of its own replica."""


class Scheduler:
    """`run` for ever; `wake` after something became due."""

    def __init__(self, db: Database, bus: Bus) -> None:
        self._db = db
        self._bus = bus
        self._due = asyncio.Event()

    def wake(self) -> None:
        """Look at once."""
        self._due.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._due.clear()
            try:
                sent = await self.send_due()
            except Unavailable as away:
                log.warning("schedule_waits", error=away.slug)
                sent = 0
            if sent < schedule.BATCH:
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_S):
                        await self._due.wait()

    async def send_due(self) -> int:
        """Send what is due; returns how many. A crash between sending and commit sends the same message again."""
        async with self._db.transaction(None) as tx:
            due = await schedule.take_due(tx)
            for each in due:
                command = SyncSource(connection_id=each.connection_id, provider=each.provider, reason=each.reason)
                id = f"sync_{each.connection_id}_{each.due_at.timestamp():.6f}"
                await self._bus.send(command, scope=each.scope, id=id)
        return len(due)
