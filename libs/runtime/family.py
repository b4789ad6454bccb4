"""The supervisor's children: who they are, which sockets they keep across restarts, when to start one again."""

import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from libs.runtime.child_process import fork
from libs.runtime.data_directory import RunningProcess
from libs.runtime.http_server import url_of
from libs.runtime.run import Sockets
from libs.runtime.settings import PlatformSettings
from libs.telemetry import get_logger

log = get_logger("libs.runtime")

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 15.0
STABLE_S = 20.0
"""A process that lived this long is started again at once when it dies."""


@dataclass(slots=True)
class Member:
    """One process of a service. Its sockets belong to the supervisor: clients wait in their queue while it restarts."""

    service: str
    replica: int
    sockets: Sockets
    platform: PlatformSettings
    run: Callable[[str, PlatformSettings, Sockets, Callable[[], None]], int]
    pid: int | None = None
    ready: bool = False
    started_at: float = 0.0
    failures: int = 0
    start_at: float | None = field(default_factory=time.monotonic)
    """When it is to be started; None while it runs or shall not run."""
    _pipe: int | None = None
    _shall_run: bool = True

    def start(self) -> None:
        """Fork it. It writes a byte when it is ready, and its end of the pipe closes when it is gone."""
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        keep = [writing, self.sockets.health.fileno()]
        keep += [self.sockets.web.fileno()] if self.sockets.web else []
        self.pid = fork(lambda: self.run(self.service, self.platform, self.sockets, lambda: _tell(writing)), keep)
        os.close(writing)
        self._pipe, self.ready, self.start_at, self.started_at = reading, False, None, time.monotonic()

    @property
    def is_running(self) -> bool:
        """Whether there is a process."""
        return self.pid is not None

    def fileno(self) -> int:
        """What becomes readable when there is news; only of one that runs."""
        assert self._pipe is not None
        return self._pipe

    def listen(self) -> bool:
        """Take the news; returns whether something changed (ready, or gone)."""
        assert self._pipe is not None
        try:
            told = os.read(self._pipe, 16)
        except BlockingIOError:
            return False
        if told:
            self.ready = True
        else:
            self._gone()
        return True

    def stop(self) -> None:
        """Ask it to end for good. Its sockets go first: from now on nobody connects."""
        self.start_at, self._shall_run = None, False
        for listener in (self.sockets.health, self.sockets.web):
            if isinstance(listener, socket.socket):
                listener.close()
        self.signal(signal.SIGTERM)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal if the process exists."""
        if self.pid is not None:
            os.kill(self.pid, number)

    def record(self) -> RunningProcess | None:
        """Its line in `run.json`."""
        if self.pid is None:
            return None
        port = self.sockets.health.getsockname()[1]
        return RunningProcess(self.service, self.replica, self.pid, port, self.url)

    @property
    def url(self) -> str | None:
        """Of a gateway: where it answers."""
        return url_of(self.sockets.web) if self.sockets.web else None

    def _gone(self) -> None:
        assert self.pid is not None
        assert self._pipe is not None
        os.close(self._pipe)
        # The pipe is closed a moment before the process can be reaped; waiting for that is bounded by its exit.
        _, status = os.waitpid(self.pid, 0)
        if self._shall_run:
            self._plan_restart(os.waitstatus_to_exitcode(status))
        self.pid, self._pipe, self.ready = None, None, False

    def _plan_restart(self, code: int) -> None:
        lived_s = time.monotonic() - self.started_at
        self.failures = 0 if lived_s > STABLE_S else self.failures + 1
        pause_s = min(FIRST_PAUSE_S * 2 ** (self.failures - 1), LONGEST_PAUSE_S) if self.failures else 0.0
        self.start_at = time.monotonic() + pause_s
        log.warning(
            "process_ended",
            process=f"{self.service}.{self.replica}",
            pid=self.pid,
            code=code,
            lived_s=round(lived_s, 1),
            again_in_s=round(pause_s, 1),
        )


def _tell(writing: int) -> None:
    os.write(writing, b"r")
