"""Which completions run in this process, those that nobody waits for any more, and how they end with the process."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from contracts.models import CompletionStop
from libs.bus import Bus
from libs.resilience.errors import Unavailable
from libs.telemetry import get_logger

log = get_logger("services.chat")

AT_ONCE = 1_000
"""More are told to come back."""
LISTEN_AGAIN_S = 1.0
STOPS_REMEMBERED = 1_000
"""A stop may overtake its completion, which is being admitted here, or runs at another replica."""


class RunningCompletions:
    """By call id."""

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Task[None]] = {}
        self._stopped: OrderedDict[str, None] = OrderedDict()
        self._is_ending = False

    def check_room(self) -> None:
        """Raises Unavailable when there is none."""
        if self._is_ending or len(self._running) >= AT_ONCE:
            raise Unavailable("Too many completions are under way.", retry_after_s=1)

    def keep(self, call_id: str, task: "asyncio.Task[None]") -> None:
        """Until it ends."""
        self._running[call_id] = task
        task.add_done_callback(lambda _: self._running.pop(call_id, None))
        if call_id in self._stopped:
            _cancel(task)

    @asynccontextmanager
    async def until(self, stopping: asyncio.Event, within_s: float) -> AsyncIterator[None]:
        """From the moment of `stopping` on, what runs has so many seconds to end, and nothing runs after the block."""

        async def end() -> None:
            await stopping.wait()
            await self._end(within_s)

        ending = asyncio.create_task(end())
        try:
            yield
        finally:
            if stopping.is_set():
                await ending
            else:
                ending.cancel()
                await self._end(0)

    async def hear(self, bus: Bus) -> None:
        """Stop what nobody waits for any more, for ever."""
        while True:
            try:
                async with bus.listen_all("completion_stop") as notices:
                    async for body in notices:
                        self._stop(body)
            except Unavailable as away:
                log.info("stops_not_heard", error=away.slug)
            await asyncio.sleep(LISTEN_AGAIN_S)

    def _stop(self, body: bytes) -> None:
        try:
            call_id = CompletionStop.model_validate_json(body).call_id
        except ValueError:
            log.warning("malformed_stop")
            return
        if task := self._running.get(call_id):
            _cancel(task)
            return
        self._stopped[call_id] = None
        if len(self._stopped) > STOPS_REMEMBERED:
            self._stopped.popitem(last=False)

    async def _end(self, within_s: float) -> None:
        self._is_ending = True
        if self._running:
            await asyncio.wait(self._running.values(), timeout=within_s)
        for task in self._running.values():
            _cancel(task)
        if self._running:
            await asyncio.wait(self._running.values())


def _cancel(task: "asyncio.Task[None]") -> None:
    """Once it has begun: a task that is cancelled before runs none of its code, and so would settle nothing."""
    asyncio.get_running_loop().call_soon(task.cancel)
