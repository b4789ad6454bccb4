"""What one replica finds out about a deployment, all others know.

Told on `live.model_health.<deployment>`, which remembers ten minutes: longer than any rest. A replica that starts reads
the last word of each.
"""

import asyncio
import hashlib
from collections.abc import Coroutine
from functools import partial
from typing import Any

from contracts.ids import new_id
from contracts.models import ModelHealth
from libs.bus import Bus
from libs.db import Database
from libs.resilience.errors import Unavailable
from libs.telemetry import get_logger
from services.chat.metrics import IS_UP
from services.chat.routing.deployments import Deployment
from services.chat.routing.health import Standing, State
from services.chat.routing.outages import note_down, note_up

log = get_logger("services.chat")

LISTEN_AGAIN_S = 1.0
_UP = {State.WELL: 1.0, State.SUSPECT: 0.5, State.HALF_OPEN: 0.5, State.OPEN: 0.0}


class HealthBoard:
    """One a process; `run` for ever."""

    def __init__(self, bus: Bus, db: Database, deployments: tuple[Deployment, ...]) -> None:
        self._bus = bus
        self._db = db
        self._deployments = {_token(each): each for each in deployments}
        self._replica = new_id("evt")
        self._telling: set[asyncio.Task[None]] = set()
        for each in deployments:
            IS_UP.labels(each.name).set(1.0)
            each.health.told = partial(self._tell_soon, each)

    async def run(self) -> None:
        """Hear the others, for ever."""
        while True:
            try:
                async with self._bus.listen_all("model_health") as notices:
                    for token in self._deployments:
                        if (last := await self._bus.last_live("model_health", token)) is not None:
                            self._hear(last)
                    async for body in notices:
                        self._hear(body)
            except Unavailable as away:
                log.info("model_health_not_heard", error=away.slug)
            await asyncio.sleep(LISTEN_AGAIN_S)

    def _hear(self, body: bytes) -> None:
        try:
            told = ModelHealth.model_validate_json(body)
        except ValueError:
            log.warning("malformed_model_health")
            return
        deployment = self._deployments.get(told.deployment)
        if deployment is not None and told.replica != self._replica:
            deployment.health.hear(Standing(told.failures, told.until, told.error))
            IS_UP.labels(deployment.name).set(_UP[deployment.health.state])

    def _tell_soon(self, deployment: Deployment, standing: Standing) -> None:
        IS_UP.labels(deployment.name).set(_UP[deployment.health.state])
        token = _token(deployment)
        self._in_background(self._tell(token, standing))
        if deployment.health.state is State.OPEN:
            self._in_background(note_down(self._db, token, deployment.name, standing.error))
        elif not standing.failures:
            self._in_background(note_up(self._db, token))

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell(self, token: str, standing: Standing) -> None:
        told = ModelHealth(
            deployment=token,
            replica=self._replica,
            failures=standing.failures,
            until=standing.until,
            error=standing.error,
        )
        try:
            await self._bus.live("model_health", token).publish(told.model_dump_json().encode())
        except Unavailable as away:
            log.info("model_health_not_told", error=away.slug)


def _token(deployment: Deployment) -> str:
    """Also of its address and key: one that an operator has mended is another one, and begins well."""
    settings = deployment.settings
    key = settings.api_key.get_secret_value()
    what = "|".join((settings.name, settings.provider, settings.base_url, settings.model, key))
    return hashlib.sha256(what.encode()).hexdigest()[:32]
