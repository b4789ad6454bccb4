"""Which completions run in this process, and those that nobody waits for any more."""

import asyncio

from contracts.models import CompletionStop
from libs.bus import Bus
from libs.resilience.errors import Unavailable
from libs.telemetry import get_logger

log = get_logger("services.chat")

AT_ONCE = 2_500
"""More are told to come back."""
LISTEN_AGAIN_S = 1.0


class RunningCompletions:
    """By call id."""

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Task[None]] = {}

    def check_room(self) -> None:
        """Raises Unavailable when there is none."""
        if len(self._running) >= AT_ONCE:
            raise Unavailable("Too many completions are under way.", retry_after_s=1)

    def keep(self, call_id: str, task: "asyncio.Task[None]") -> None:
        """Until it ends."""
        self._running[call_id] = task
        task.add_done_callback(lambda _: self._running.pop(call_id, None))

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
            task.cancel()
