"""Streams that nobody reads any more: closed without making anybody wait for it, probes after their first sign."""

import asyncio
import time
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing, suppress
from typing import Any

from libs.models.errors import ModelError, ModelTimeout
from libs.models.messages import ModelEvent
from services.chat.routing.blame import is_its_own
from services.chat.routing.deployments import Deployment

PROBE_S = 10.0
"""How long a probe may take to its first sign."""

Reading = asyncio.Task[ModelEvent]
Events = AsyncGenerator[ModelEvent, None]


class Leftovers:
    """Those of one process."""

    def __init__(self) -> None:
        self._closing: set[asyncio.Task[None]] = set()

    def let_go(self, reading: Reading | None, events: Events) -> None:
        """Close a stream, once its cancelled read has ended."""

        async def close() -> None:
            async with aclosing(events):
                if reading is not None:
                    with suppress(asyncio.CancelledError, ModelError):
                        await reading

        self._in_background(close())

    def watch_probe(self, reading: Reading, events: Events, deployment: Deployment) -> None:
        """A probe that lost is still watched until its first sign: that it is well again has to be found out."""

        async def watch() -> None:
            began = time.monotonic()
            async with aclosing(events):
                try:
                    async with asyncio.timeout(PROBE_S):
                        await reading
                except (ModelError, TimeoutError) as error:
                    told = error if isinstance(error, ModelError) else ModelTimeout("The language model took too long.")
                    if is_its_own(deployment, told):
                        deployment.health.failed(told.slug)
                else:
                    deployment.health.succeeded(time.monotonic() - began)

        self._in_background(watch())

    async def aclose(self) -> None:
        """Wait until everything is closed."""
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
