"""A whole Adjutant as a child process: `adjutant up` in a directory of its own, as an operator would start it."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

READY_S = 60.0
STOP_S = 40.0


class StartFailed(Exception):
    """It ended or did not get ready in time; the message carries the end of its log."""


@dataclass(frozen=True, slots=True)
class RunningAdjutant:
    """A started system: where its gateway is, and who its processes are right now."""

    data_dir: Path
    log: Path
    process: asyncio.subprocess.Process

    @property
    def run(self) -> dict[str, Any]:
        """What the supervisor says of itself; changes when it restarts a process."""
        content: dict[str, Any] = json.loads((self.data_dir / "run.json").read_text())
        return content

    @property
    def url(self) -> str:
        """Address of the first gateway."""
        return str(self.run["gateway_url"])

    def pids(self, service: str) -> list[int]:
        """The replicas of a service, or the server called `nats` or `postgres`."""
        run = self.run
        if service in {"nats", "postgres"}:
            return [int(run[f"{service}_pid"])]
        return [int(process["pid"]) for process in run["processes"] if process["service"] == service]

    def kill(self, service: str) -> int:
        """kill -9 one replica (or server); returns the pid that is gone."""
        pid = self.pids(service)[0]
        os.kill(pid, signal.SIGKILL)
        return pid

    def log_tail(self, lines: int = 40) -> str:
        """The end of everything it printed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


@asynccontextmanager
async def running_adjutant(
    data_dir: Path, settings: Mapping[str, str], arguments: Sequence[str] = ()
) -> AsyncIterator[RunningAdjutant]:
    """`adjutant up` with these ADJUTANT_… settings until the block ends. Raises StartFailed."""
    data_dir.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - once, before anything runs
    log = data_dir / "up.log"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ADJUTANT_")}
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "libs.runtime.cli", "up", "--data-dir", str(data_dir), *arguments),
            env=inherited | {"ADJUTANT_PORT": str(free_port())} | dict(settings),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    running = RunningAdjutant(data_dir, log, process)
    try:
        await _ready(running)
        yield running
    finally:
        await _stop(process)


async def _ready(running: RunningAdjutant) -> None:
    """Every process says so itself; the gateway alone answering would not mean that a turn can run."""
    deadline = time.monotonic() + READY_S
    async with httpx.AsyncClient(timeout=2) as http:
        while time.monotonic() < deadline:
            if running.process.returncode is not None:
                raise StartFailed(f"`adjutant up` ended with {running.process.returncode}:\n{running.log_tail()}")
            if await _all_ready(running, http):
                return
            await asyncio.sleep(0.05)
    raise StartFailed(f"`adjutant up` was not ready after {READY_S:.0f} s:\n{running.log_tail()}")


async def _all_ready(running: RunningAdjutant, http: httpx.AsyncClient) -> bool:
    try:
        ports = [process["health_port"] for process in running.run["processes"]]
        answers = [await http.get(f"http://127.0.0.1:{port}/readyz") for port in ports]
    except (FileNotFoundError, KeyError, ValueError, httpx.TransportError):
        return False  # not there yet; the caller's deadline bounds this
    return bool(answers) and all(answer.status_code == 200 for answer in answers)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise


def free_port() -> int:
    """A loopback port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
