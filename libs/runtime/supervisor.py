"""`adjutant up`: one parent, one process per service and replica.

The parent imports what all share once and forks; it has no event loop and no thread of its own, because neither
survives a fork. It waits in one `select` for signals, for children that tell they are ready, and for those that end.
"""

import asyncio
import gc
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from types import FrameType

from contracts import catalog
from libs.resilience.errors import Unavailable
from libs.runtime.child_process import fork
from libs.runtime.errors import StartFailed
from libs.runtime.family import Member
from libs.runtime.http_server import bind, bind_next
from libs.runtime.migrate import migrate
from libs.runtime.neighbours import Neighbours
from libs.runtime.process import configure_telemetry, run_service
from libs.runtime.run import Sockets
from libs.runtime.settings import PlatformSettings
from libs.telemetry import get_logger

log = get_logger("libs.runtime")

TICK_S = 0.2
"""How soon a dead NATS or PostgreSQL is noticed; children and signals are noticed at once."""
EXTRA_GRACE_S = 5.0
GATEWAY = "gateway"


class Supervisor:
    """Runs everything until SIGTERM or SIGINT."""

    def __init__(
        self, platform: PlatformSettings, services: Sequence[str], replicas: Mapping[str, int] | None = None
    ) -> None:
        self._services = tuple(services)
        self._neighbours = Neighbours.of(platform, services)
        self._sockets = _bind_all(platform, services, replicas or {})
        gateways = [sockets for name, _, sockets in self._sockets if name == GATEWAY]
        web = gateways[0].web if gateways else None
        port = web.getsockname()[1] if web else platform.port
        self._platform = platform.model_copy(
            update={"public_url": platform.public_url or f"http://127.0.0.1:{port}", "port": port}
        )
        self._members: list[Member] = []
        self._asked_to_stop = False

    @property
    def gateway_url(self) -> str:
        """Where the first gateway answers."""
        return next((member.url for member in self._members if member.url), "")

    def run(self, on_ready: Callable[[str], None]) -> int:
        """Start everything, keep it running, stop it; the exit code. `on_ready` is given the gateway's address."""
        woken, waker = socket.socketpair()
        for end in (woken, waker):
            end.setblocking(False)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._asked)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        try:
            asyncio.run(self._neighbours.start())
            self._migrate()
            catalog.messages()  # imports every contract: once here, instead of once in each child
            self._members = [self._member(*place) for place in self._sockets]
            gc.freeze()
            self._watch(woken, on_ready)
        finally:
            self._stop()
        return 0

    def _asked(self, _number: int, _frame: FrameType | None) -> None:
        self._asked_to_stop = True

    def _migrate(self) -> None:
        """In a child: Alembic and SQLAlchemy's engines leave nothing behind in the parent of all."""
        pid = fork(self._migrate_in_child, ())
        _, status = os.waitpid(pid, 0)
        if code := os.waitstatus_to_exitcode(status):
            raise StartFailed(f"The migration ended with code {code}.")

    def _migrate_in_child(self) -> int:
        neighbours = self._neighbours
        passwords = {name: neighbours.database_password(name) for name in self._services}
        configure_telemetry("migrate", self._platform.model_copy(update={"trace_file_mb": 0, "otlp_endpoint": None}))
        asyncio.run(
            migrate(
                neighbours.database_admin_url,
                neighbours.nats_admin_url,
                self._services,
                passwords,
                replicas=self._platform.nats_replicas,
            )
        )
        return 0

    def _member(self, service: str, replica: int, sockets: Sockets) -> Member:
        own = self._neighbours.platform_for(service).model_copy(
            update={"public_url": self._platform.public_url, "port": self._platform.port}
        )
        return Member(service, replica, sockets, own, run_service)

    def _watch(self, woken: socket.socket, on_ready: Callable[[str], None]) -> None:
        announced = False
        while not self._asked_to_stop:
            changed = self._start_due()
            self._revive_neighbours()
            changed |= self._listen(woken)
            if changed:
                self._write_record()
            if not announced and all(member.ready for member in self._members):
                announced = True
                on_ready(self.gateway_url)

    def _start_due(self) -> bool:
        now = time.monotonic()
        due = [member for member in self._members if member.start_at is not None and member.start_at <= now]
        for member in due:
            member.start()
        if due:
            self._write_record()
        return bool(due)

    def _listen(self, woken: socket.socket) -> bool:
        """Wait for news, at most a tick; returns whether there was some of a child."""
        speaking: list[int | Member] = [woken.fileno(), *(m for m in self._members if m.is_running)]
        pending = [member.start_at - time.monotonic() for member in self._members if member.start_at is not None]
        timeout_s = max(0.0, min([TICK_S, *pending]))
        readable = select.select(speaking, [], [], timeout_s)[0]
        if woken.fileno() in readable:
            woken.recv(4096)
        return any([member.listen() for member in readable if isinstance(member, Member)])

    def _revive_neighbours(self) -> None:
        if self._neighbours.all_run:
            return
        try:
            asyncio.run(self._neighbours.revive())
        except Unavailable as error:
            log.error("embedded_server_does_not_start", why=error.detail)
        self._write_record()

    def _write_record(self) -> None:
        processes = [record for member in self._members if (record := member.record())]
        urls = tuple(member.url for member in self._members if member.url)
        self._neighbours.record(processes, urls).write(self._platform.data_dir)

    def _stop(self) -> None:
        """The gateway, then the services, then the servers they need."""
        for group in (
            [member for member in self._members if member.service == GATEWAY],
            [member for member in self._members if member.service != GATEWAY],
        ):
            self._stop_members(group)
        asyncio.run(self._neighbours.stop())

    def _stop_members(self, members: Sequence[Member]) -> None:
        for member in members:
            member.stop()
        deadline = time.monotonic() + self._platform.grace_s + EXTRA_GRACE_S
        while alive := [member for member in members if member.is_running]:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                log.error("processes_killed", processes=[f"{member.service}.{member.replica}" for member in alive])
                for member in alive:
                    member.signal(signal.SIGKILL)
                left_s = TICK_S
            for member in select.select(alive, [], [], left_s)[0]:
                member.listen()


def _bind_all(
    platform: PlatformSettings, services: Sequence[str], replicas: Mapping[str, int]
) -> list[tuple[str, int, Sockets]]:
    """Service, number of the replica, and its sockets. Raises PortTaken for the first gateway's port."""
    places = [(name, replica) for name in services for replica in range(replicas.get(name, 1))]
    bound = []
    for name, replica in places:
        web = None
        if name == GATEWAY:
            take = bind if replica == 0 else bind_next
            web = take(platform.host, platform.port + replica if platform.port else 0)
        bound.append((name, replica, Sockets(bind(platform.health_host, 0), web)))
    return bound
