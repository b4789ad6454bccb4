"""When the database is away, messages wait in hand instead of burning their attempts."""

import asyncio
from collections.abc import Callable

from libs.bus.metrics import PAUSED
from libs.bus.tracing import untraced
from libs.db import Database
from libs.resilience.errors import Unavailable
from libs.telemetry import get_logger

log = get_logger("libs.bus")

PROBE_EVERY_S = 0.5


class Outage:
    """Whether the database is away, known once for all consumers of a service; one probe finds out when it is back."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._over = asyncio.Event()
        self._over.set()
        self._probe: asyncio.Task[None] | None = None
        self._resume: list[Callable[[], None]] = []

    @property
    def lasts(self) -> bool:
        """Whether fetching is paused."""
        return not self._over.is_set()

    def on_end(self, resume: Callable[[], None]) -> None:
        """Call this each time the database is back."""
        self._resume.append(resume)

    async def wait(self) -> None:
        """Return once the database answers again."""
        if self._over.is_set():
            self._over.clear()
            PAUSED.labels(self._database.schema).set(1)
            log.warning("bus_paused", service=self._database.schema, why="the database is away")
            with untraced():
                self._probe = asyncio.create_task(self._until_it_answers(), name="database probe")
        await self._over.wait()

    async def _until_it_answers(self) -> None:
        while True:
            try:
                await self._database.ping()
            except Unavailable:
                await asyncio.sleep(PROBE_EVERY_S)
            else:
                break
        PAUSED.labels(self._database.schema).set(0)
        log.info("bus_resumed", service=self._database.schema)
        self._over.set()
        for resume in self._resume:
            resume()

    def close(self) -> None:
        """Stop probing."""
        if self._probe:
            self._probe.cancel()
