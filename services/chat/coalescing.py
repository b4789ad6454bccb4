"""Visible text on its way out: the first piece at once, what follows within a few milliseconds together.

So a fast model does not become a message per token.
"""

import asyncio
from collections.abc import Awaitable, Callable

COALESCE_S = 0.016
"""A screen shows sixty pictures a second: what comes more often is not seen, and costs a message each time."""


class Coalescer:
    """`publish` gets the pieces, in order."""

    def __init__(self, publish: Callable[[str], Awaitable[None]]) -> None:
        self._publish = publish
        self._held: list[str] = []
        self._flushing: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def say(self, text: str) -> None:
        """At once when nothing has left for a moment, else together with its neighbours."""
        if self._flushing is None and not self._held:
            await self._publish(text)
            self._flushing = asyncio.get_running_loop().call_later(COALESCE_S, self._flush_soon)
        else:
            self._held.append(text)

    async def flush(self) -> None:
        """Let go of what is held."""
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        if self._held:
            text, self._held = "".join(self._held), []
            await self._publish(text)

    def _flush_soon(self) -> None:
        self._flushing = None
        if self._held:
            task = asyncio.get_running_loop().create_task(self._flush_and_wait())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _flush_and_wait(self) -> None:
        await self.flush()
        self._flushing = asyncio.get_running_loop().call_later(COALESCE_S, self._flush_soon)
