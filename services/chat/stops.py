"""Stops on their way to the replica that runs the turn: one subscription a process."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import structlog
from pydantic import ValidationError

from contracts.chat import TurnStop
from libs.bus import Bus
from libs.resilience.errors import Unavailable

log = structlog.get_logger("services.chat")

LISTEN_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Stop:
    """Of one turn. A notice only hints, since anybody may have caused it; its owner's note in the database decides."""

    hinted: asyncio.Event = field(default_factory=asyncio.Event)
    wanted: asyncio.Event = field(default_factory=asyncio.Event)

    async def hint(self, timeout_s: float) -> None:
        """Return when a notice has come, or after the timeout."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self.hinted.wait()
        self.hinted.clear()


class Stops:
    """Which turns run here, and which of them shall stop."""

    def __init__(self) -> None:
        self._running: dict[str, Stop] = {}

    @contextmanager
    def of(self, turn_id: str, *, requested: bool) -> Iterator[Stop]:
        """The stop of a turn that runs here; wanted at once when its user pressed stop before it began."""
        stop = Stop()
        if requested:
            stop.wanted.set()
        self._running[turn_id] = stop
        try:
            yield stop
        finally:
            if self._running[turn_id] is stop:
                del self._running[turn_id]

    async def hear(self, bus: Bus) -> None:
        """Take notices for ever. One that is lost leaves `stop_requested` in the database, read at each renewal."""
        while True:
            try:
                async with bus.listen_all("turn_stop") as notices:
                    async for body in notices:
                        self._take(body)
            except Unavailable as away:
                log.info("stops_not_heard", error=away.slug)
            await asyncio.sleep(LISTEN_AGAIN_S)

    def _take(self, body: bytes) -> None:
        try:
            turn_id = TurnStop.model_validate_json(body).turn_id
        except ValidationError:
            log.warning("malformed_stop")
            return
        if found := self._running.get(turn_id):
            found.hinted.set()
