"""Stops on their way to the replica that runs the turn: one subscription a process, a cancellation a turn."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from pydantic import ValidationError

from contracts.chat import TurnStop
from libs.bus import Bus
from libs.resilience.errors import Unavailable

log = structlog.get_logger("services.chat")

LISTEN_AGAIN_S = 1.0


class Stops:
    """Which turns run here, and how to stop one."""

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Event] = {}

    @contextmanager
    def of(self, turn_id: str, *, requested: bool) -> Iterator[asyncio.Event]:
        """An event that is set when the user stops the turn; set at once when they did so before it began."""
        stop = asyncio.Event()
        if requested:
            stop.set()
        self._running[turn_id] = stop
        try:
            yield stop
        finally:
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
        self.stop(turn_id)

    def stop(self, turn_id: str) -> None:
        """Stop the turn if it runs here."""
        if found := self._running.get(turn_id):
            found.set()
