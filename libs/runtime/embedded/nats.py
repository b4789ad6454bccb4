"""The embedded NATS: the wheel's own `nats-server` with JetStream, run as our child on a loopback port.

Users, passwords and permissions are those of a production server (`libs.bus.server_config`). It flushes to disk
before it acknowledges, so that an acknowledged message survives a power cut.
"""

import asyncio
import os
import shutil
import signal
import socket
import sysconfig
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import structlog

from libs.bus.server_config import Account, environment_variable, render
from libs.runtime.embedded.child import Child, ServerDidNotStart, end_leftover, pid_of_leftover
from libs.runtime.embedded.claim import Claim

log = structlog.get_logger("libs.runtime.embedded")

HOST = "127.0.0.1"
START_TIMEOUT_S = 30.0


class EmbeddedNats:
    """One server below `data_dir`. `fast`, for tests, leaves flushing to the system: a power cut may lose messages."""

    def __init__(
        self,
        data_dir: Path,
        passwords: Mapping[str, str],
        *,
        port: int = 0,
        accounts: Sequence[Account] = (Account(),),
        fast: bool = False,
    ) -> None:
        """`passwords`: user name (a service, or `admin`) to password. `port` 0 takes a free one and keeps it."""
        data_dir = data_dir.resolve()
        self._store = data_dir / "nats"
        self._config_file = data_dir / "nats.conf"
        self._pid_file = data_dir / "nats.pid"
        self._passwords = dict(passwords)
        self._accounts = accounts
        self._fast = fast
        self._port = port
        self._claim = Claim(data_dir / "nats.lock", "NATS")
        self._child = Child("NATS", data_dir / "logs" / "nats.log", stop_signal=signal.SIGTERM)

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._child.pid

    @property
    def url(self) -> str:
        """The address without a user; fixed from the first start on."""
        return f"nats://{HOST}:{self._port}"

    def url_for(self, user: str, *, prefix: str = "") -> str:
        """The address with a user's name and password in it. `prefix` is that of the user's account."""
        return f"nats://{prefix}{user}:{self._passwords[user]}@{HOST}:{self._port}"

    async def start(self) -> None:
        """Start and return when it takes connections; JetStream has then recovered. Measured: 0.15 s."""
        self._store.mkdir(parents=True, exist_ok=True)
        await self._claim.take()
        if leftover := pid_of_leftover(self._pid_file, str(self._config_file)):
            log.warning("ending_leftover_nats", pid=leftover)
            await end_leftover(leftover, signal.SIGTERM)
        self._port = self._port or _free_port()
        self._config_file.write_text(
            render(
                listen=f"{HOST}:{self._port}",
                store_dir=self._store,
                accounts=self._accounts,
                sync_always=not self._fast,
            )
        )
        names = {environment_variable(user): password for user, password in self._passwords.items()}
        command = [_binary(), "--config", str(self._config_file), "--pid", str(self._pid_file)]
        self._child.start(command, environment={**_base_environment(), **names})
        await self._child.wait_until(self._answers, START_TIMEOUT_S)

    async def ensure_running(self) -> bool:
        """Restart it, on the same port, if it died; returns whether that was needed."""
        if self._child.is_running():
            return False
        await self.start()
        return True

    async def stop(self) -> None:
        """Orderly: clients are told, files are closed."""
        await self._child.stop()
        self._claim.give_back()

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(1):
                reader, writer = await asyncio.open_connection(HOST, self._port)
                try:
                    return (await reader.readline()).startswith(b"INFO ")
                finally:
                    writer.close()
                    await writer.wait_closed()
        except (OSError, TimeoutError):
            return False


def _binary() -> str:
    beside_python = Path(sysconfig.get_path("scripts")) / "nats-server"
    found = str(beside_python) if beside_python.exists() else shutil.which("nats-server")
    if found is None:
        raise ServerDidNotStart("There is no nats-server: install adjutant[embedded], or set ADJUTANT_NATS_URL.")
    return found


def _base_environment() -> dict[str, str]:
    return {"PATH": os.defpath, "HOME": "/nonexistent"}


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
