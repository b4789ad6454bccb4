"""One PostgreSQL and one NATS for a whole test session, shared by its workers; each test module has a part of its own.

A module's part of PostgreSQL is a database copied from a migrated template; of NATS, an account, in which the
subjects and streams are those of production (docs/decisions/0003-database-and-embedded-servers.md).
"""

import fcntl
import hashlib
import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psutil

from libs.bus import Bus
from libs.db.admin import address, create_database, drop_database
from libs.db.migrate import migrate_all
from libs.db.migrations import MigratedService
from libs.testing.keeper import ACCOUNTS

START_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, repr=False)
class Servers:
    """The running servers, as any process of the session sees them."""

    directory: Path
    admin_url: str
    nats_url: str
    postgres_roles: dict[str, str]
    nats_users: dict[str, str]
    master_keys: str
    session_key: str
    pids: dict[str, int]

    @classmethod
    def of_session(cls, directory: Path, session_pid: int) -> Self:
        """The servers of this session; the first caller has them started."""
        found = directory / "servers.json"
        with _lock(directory / "start.lock"):
            if not found.exists():
                _start_keeper(directory, session_pid, found)
        return cls(directory=directory, **json.loads(found.read_text()))

    async def database(self, name: str, services: Sequence[str]) -> "ServiceDatabase":
        """A fresh database that holds the schemas of these services, migrated. Drop it when done."""
        template = await self._template(tuple(sorted(services)))
        await create_database(self.admin_url, name, template=template)
        return ServiceDatabase(name, self)

    async def lease_account(self) -> "NatsAccount":
        """An empty NATS account nobody else uses; release it when done."""
        for number in range(ACCOUNTS):
            try:
                os.close(os.open(self.directory / f"account-{number}", os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                continue
            return NatsAccount(number, self)
        raise RuntimeError(f"all {ACCOUNTS} NATS accounts are taken: a fixture does not release its own")

    async def _template(self, services: tuple[str, ...]) -> str:
        name = f"template_{hashlib.sha256(repr(services).encode()).hexdigest()[:12]}"
        made = self.directory / f"{name}.made"
        with _lock(self.directory / "template.lock"):
            if not made.exists():
                await drop_database(self.admin_url, name)
                await create_database(self.admin_url, name)
                migrated = [MigratedService(service, f"services.{service}") for service in services]
                await migrate_all(address(self.admin_url, database=name), migrated, self.postgres_roles)
                made.touch()
        return name


@dataclass(frozen=True, slots=True)
class ServiceDatabase:
    """One database of the session."""

    name: str
    servers: Servers

    @property
    def admin_url(self) -> str:
        """The owner's address of this database."""
        return address(self.servers.admin_url, database=self.name)

    def url(self, service: str) -> str:
        """The address that `svc_<service>` logs in with."""
        password = self.servers.postgres_roles[service]
        return address(self.servers.admin_url, database=self.name, role=f"svc_{service}", password=password)

    async def drop(self) -> None:
        """Remove it, cutting whoever is still connected."""
        await drop_database(self.servers.admin_url, self.name)


@dataclass(frozen=True, slots=True)
class NatsAccount:
    """One leased account: the same users, permissions and subjects as production, seen by nobody else."""

    number: int
    servers: Servers

    @property
    def url(self) -> str:
        """The server's address."""
        return self.servers.nats_url

    def user(self, name: str) -> str:
        """The user of a service, or of `admin`."""
        return f"a{self.number}_{name}"

    def password(self, name: str) -> str:
        """That user's password."""
        return self.servers.nats_users[name]

    def url_for(self, name: str) -> str:
        """Address, user and password in one."""
        return self.url.replace("://", f"://{self.user(name)}:{self.password(name)}@")

    async def admin(self) -> Bus:
        """A connection that may do everything in this account. Close it."""
        bus = Bus("gateway", self.url, user=self.user("admin"), password=self.password("admin"))
        await bus.connect()
        return bus

    async def release(self) -> None:
        """Delete what the account holds and let somebody else have it."""
        bus = await self.admin()
        try:
            for stream in await bus.jetstream.streams_info():
                await bus.jetstream.delete_stream(str(stream.config.name))
        finally:
            await bus.close()
        (self.servers.directory / f"account-{self.number}").unlink()


def stop_keeper(directory: Path, timeout_s: float = 20.0) -> None:
    """End the session's servers, whoever started them; called once, by the session's own process."""
    found = directory / "servers.json"
    if not found.exists():
        return
    try:
        keeper = psutil.Process(json.loads(found.read_text())["pids"]["keeper"])
        keeper.terminate()
        keeper.wait(timeout_s)
    except psutil.NoSuchProcess:
        return


def _start_keeper(directory: Path, session_pid: int, found: Path) -> None:
    failed = directory / "failed"
    if failed.exists():
        raise RuntimeError(failed.read_text())  # once is enough for a session
    log = directory / "keeper.log"
    command = [sys.executable, "-m", "libs.testing.keeper", str(directory), str(session_pid)]
    with log.open("ab") as output:
        # Not Popen: the keeper outlives the worker that started it, and no object here answers for its end.
        streams = [(os.POSIX_SPAWN_DUP2, output.fileno(), 1), (os.POSIX_SPAWN_DUP2, output.fileno(), 2)]
        pid = os.posix_spawn(sys.executable, command, os.environ, file_actions=streams, setpgroup=0)
    keeper = psutil.Process(pid)
    pause = threading.Event()
    deadline = time.monotonic() + START_TIMEOUT_S
    while not found.exists():
        if keeper.status() == psutil.STATUS_ZOMBIE or time.monotonic() > deadline:
            failed.write_text(f"the test servers did not start: {log.read_text()[-2000:]}")
            raise RuntimeError(failed.read_text())
        pause.wait(0.02)


@contextmanager
def _lock(path: Path) -> Iterator[Any]:
    """Between processes; the system releases it when its holder dies."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
