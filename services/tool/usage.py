"""How often providers are asked for each user: gathered in memory, written every few seconds, so that no answer waits
for it. A process that is killed loses the last seconds of counting."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from contracts.envelope import Scope
from libs.db import Database
from libs.db.api_usage import add_calls
from libs.providers.call_count import CallCount, counting
from libs.resilience.errors import AdjutantError
from libs.telemetry import get_logger

log = get_logger("services.tool")

WRITE_EVERY_S = 2.0
MOST_KEPT = 10_000
"""Users and providers kept while the database is away; what is over is lost."""


class UsageBook:
    """`run` writes until it is cancelled; `write` once more at the end."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._unwritten: dict[tuple[Scope, str], CallCount] = {}

    @contextmanager
    def counted(self, scope: Scope, provider: str) -> Iterator[None]:
        """The requests made inside are noted for this user."""
        with counting() as made:
            try:
                yield
            finally:
                self._note(scope, provider, made)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(WRITE_EVERY_S)
            await self.write()

    async def write(self) -> None:
        """What is not written yet. What fails to be written is kept for the next time."""
        while self._unwritten:
            (scope, provider), made = self._unwritten.popitem()
            try:
                async with self._db.transaction(scope) as tx:
                    await add_calls(tx, provider, made.calls, made.failures, made.limited)
            except AdjutantError as error:
                self._note(scope, provider, made)
                log.warning("usage_not_written", error=error.slug)
                return

    def _note(self, scope: Scope, provider: str, made: CallCount) -> None:
        if not made.calls or len(self._unwritten) >= MOST_KEPT:
            return
        known = self._unwritten.setdefault((scope, provider), CallCount())
        known.calls += made.calls
        known.failures += made.failures
        known.limited += made.limited
