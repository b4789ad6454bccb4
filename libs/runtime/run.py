"""The life of one service: connect (waiting), open, serve, and end in order.

start   health port → NATS and PostgreSQL, waiting → open the service → verify and start the bus → web
stop    not ready → streams end → web finishes → bus finishes and flushes the outbox → service → connections
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from libs.bus import Bus, BusUnavailable
from libs.db import Database
from libs.runtime.errors import BusLost, SettingMissing, StartFailed
from libs.runtime.http_server import bind, serving, url_of
from libs.runtime.readiness import Readiness, health_application
from libs.runtime.service import AnyService, Resources
from libs.runtime.settings import PlatformSettings, ServiceSettings
from libs.telemetry import get_logger, in_service
from libs.vault import MasterKeys, TransitSeal, Vault

log = get_logger("libs.runtime")

RETRY_START_S = 0.5


@dataclass(slots=True)
class Sockets:
    """What the service listens on; bound by whoever starts it, so that the numbers are known beforehand."""

    health: socket.socket
    web: socket.socket | None = None

    @classmethod
    def bound(cls, service: AnyService, platform: PlatformSettings) -> "Sockets":
        """Bind what the service needs. Raises PortTaken."""
        health = bind(platform.health_host, platform.health_port)
        try:
            return cls(health, bind(platform.host, platform.port) if service.web else None)
        except BaseException:
            health.close()
            raise


@dataclass(slots=True)
class RunningService:
    """A service in this event loop, living in a task of its own."""

    service: AnyService
    platform: PlatformSettings
    settings: ServiceSettings
    sockets: Sockets
    health_url: str = ""
    web_url: str = ""
    deps: Any = None
    bus: Bus = field(init=False)
    db: Database = field(init=False)
    readiness: Readiness = field(init=False)
    lost: bool = False
    """The bus was closed for good."""
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _started: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] = field(init=False)

    def start(self) -> None:
        """Begin; returns at once."""
        self.health_url = url_of(self.sockets.health)
        self.web_url = url_of(self.sockets.web) if self.sockets.web else ""
        self.readiness = Readiness(self.service.name)
        # A task of its own: what the service opens is closed in the task and context that opened it.
        self._task = asyncio.create_task(self._live(), name=f"service {self.service.name}")

    async def started(self) -> None:
        """Until it serves. Raises what kept it from starting."""
        waiting = asyncio.create_task(self._started.wait())
        try:
            await asyncio.wait((waiting, self._task), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if self._task.done():
            await self._task
            raise StartFailed(f"{self.service.name} ended before it was ready.")

    def request_stop(self) -> None:
        """Ask it to end; one that still waits for its neighbours gives up waiting."""
        self._stop.set()
        if not self._started.is_set():
            self._task.cancel()

    async def ended(self) -> None:
        """Until it has ended. Raises what ended it, BusLost among it."""
        with suppress(asyncio.CancelledError):
            await asyncio.shield(self._task)
        if not self._task.done():
            raise asyncio.CancelledError  # it was us who were cancelled
        if self.lost:
            raise BusLost("The connection to NATS was closed.")

    async def _live(self) -> None:
        with in_service(self.service.name):
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(
                    serving(health_application(self.readiness), self.sockets.health, grace_s=1)
                )
                await self._connect(stack)
                await self._open(stack)
                self.readiness.started()
                self._started.set()
                log.info("service_ready", health=self.health_url)
                await self._stop.wait()
                log.info("service_stopping")
                self.readiness.stop()
            log.info("service_stopped")

    async def _connect(self, stack: AsyncExitStack) -> None:
        """NATS and PostgreSQL at the same time; whichever is away is waited for."""
        name, platform = self.service.name, self.platform
        nats_url = _needed("ADJUTANT_NATS_URL", platform.nats_url)
        database_url = _needed("ADJUTANT_DATABASE_URL", platform.database_url)
        self.bus = Bus(name, nats_url, on_closed=self._bus_closed)

        async def connect_bus() -> None:
            await self.bus.connect()
            stack.push_async_callback(self.bus.close)
            self.readiness.have_bus(self.bus)

        async def connect_database() -> None:
            self.db = await Database.connect(database_url, name, platform.database_connections)
            stack.push_async_callback(self.db.close)
            self.readiness.have_database(self.db)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(connect_bus())
            tasks.create_task(connect_database())

    async def _open(self, stack: AsyncExitStack) -> None:
        """Everything of the service's own; what is opened last is closed first."""
        keys = MasterKeys.from_text(_needed("ADJUTANT_MASTER_KEYS", _secret(self.platform)))
        stopping = asyncio.Event()
        resources: Resources[Any] = Resources(
            settings=self.settings,
            platform=self.platform,
            db=self.db,
            bus=self.bus,
            vault=Vault(keys),
            seal=TransitSeal(keys),
            master_keys=keys,
            stopping=stopping,
        )
        self.deps = await stack.enter_async_context(self.service.open(resources))
        await self._start_bus()
        stack.push_async_callback(self.bus.stop, self.platform.grace_s)
        if self.service.web and self.sockets.web:
            app = self.service.web(self.deps)
            grace_s = self.platform.grace_s
            await stack.enter_async_context(serving(app, self.sockets.web, grace_s=grace_s, lifespan="auto"))
        stack.callback(stopping.set)

    async def _start_bus(self) -> None:
        """Raises TopologyDrift; an outage just now is waited out."""
        while True:
            try:
                return await self.bus.start(self.service.routes, self.deps, self.db)
            except BusUnavailable as error:
                self.readiness.waits("nats", error.detail)
                log.warning("bus_start_waits", why=error.detail)
                await asyncio.sleep(RETRY_START_S)
            finally:
                self.readiness.have_bus(self.bus)

    def _bus_closed(self) -> None:
        self.lost = True
        self.request_stop()


def _needed(variable: str, value: str | None) -> str:
    if value is None:
        raise SettingMissing(f"{variable} is not set.")
    return value


def _secret(platform: PlatformSettings) -> str | None:
    return platform.master_keys.get_secret_value() if platform.master_keys else None


@asynccontextmanager
async def start_service(
    service: AnyService, platform: PlatformSettings, *, sockets: Sockets | None = None, **settings: Any
) -> AsyncIterator[RunningService]:
    """One service, ready, until the block ends; `settings` are its own, and the environment is not looked at."""
    given = service.settings.explicit(**settings)
    running = RunningService(service, platform, given, sockets or Sockets.bound(service, platform))
    running.start()
    try:
        await running.started()
        yield running
    finally:
        running.request_stop()
        await running.ended()
