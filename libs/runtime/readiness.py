"""What a service still waits for, and the private port that tells it: /livez, /readyz, /metrics."""

import time
from typing import TYPE_CHECKING

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from libs.db.errors import DatabaseUnavailable
from libs.telemetry.metrics import READY, exposition

if TYPE_CHECKING:
    from libs.bus import Bus
    from libs.db import Database

PING_EVERY_S = 1.0
PING_TIMEOUT_S = 1.0

_STARTING = {"nats": "connecting", "database": "connecting", "service": "starting"}


class Readiness:
    """What is missing right now, in words."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.stopping = False
        self._waiting = dict(_STARTING)
        self._bus: Bus | None = None
        self._database: Database | None = None
        self._ping = (0.0, "")
        READY.labels(service).set(0)

    def have_bus(self, bus: "Bus") -> None:
        """The connection to NATS is there; from now on it is asked."""
        self._bus = bus
        self._waiting.pop("nats", None)

    def have_database(self, database: "Database") -> None:
        """The pool is there; from now on it is asked."""
        self._database = database
        self._waiting.pop("database", None)

    def waits(self, what: str, why: str) -> None:
        """Something else is awaited."""
        self._waiting[what] = why

    def started(self) -> None:
        """Routes are served."""
        self._waiting.pop("service", None)
        READY.labels(self.service).set(1)

    def stop(self) -> None:
        """Nothing new is to be sent here."""
        self.stopping = True
        READY.labels(self.service).set(0)

    async def missing(self) -> dict[str, str]:
        """Name and reason of everything that is missing; empty means ready."""
        if self.stopping:
            return {"service": "stopping"}
        found = dict(self._waiting)
        if self._bus and not self._bus.connected:
            found["nats"] = "disconnected, reconnecting"
        if self._database and (why := await self._database_away(self._database)):
            found["database"] = why
        return found

    async def _database_away(self, database: "Database") -> str:
        asked_at, answer = self._ping
        if time.monotonic() - asked_at < PING_EVERY_S:
            return answer
        try:
            await database.ping(PING_TIMEOUT_S)
            answer = ""
        except DatabaseUnavailable as error:
            answer = error.detail
        self._ping = (time.monotonic(), answer)
        return answer


def health_application(readiness: Readiness) -> ASGIApp:
    """Three paths, no framework: this is asked every few seconds in every process."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        status, body, content_type = await _answer(readiness, scope["path"])
        headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


async def _answer(readiness: Readiness, path: str) -> tuple[int, bytes, str]:
    if path == "/livez":
        return 200, b'{"status":"alive"}', "application/json"
    if path == "/metrics":
        return 200, *exposition()
    if path == "/readyz":
        missing = await readiness.missing()
        told = {"service": readiness.service, "status": "waiting" if missing else "ready", "missing": missing}
        return 503 if missing else 200, msgspec.json.encode(told), "application/json"
    return 404, b'{"status":"there is nothing here"}', "application/json"
