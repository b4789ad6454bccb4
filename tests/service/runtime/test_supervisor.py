"""The supervisor with real processes: it starts, replaces what dies, and leaves nothing behind."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from libs.runtime.data_directory import RunRecord

LOG = "up.log"


async def until(met: Callable[[], bool], what: str, timeout_s: float = 30) -> float:
    """Wait for a condition; the seconds it took."""
    started = time.monotonic()
    while not met():
        assert time.monotonic() - started < timeout_s, f"{what} did not happen within {timeout_s} s"
        await asyncio.sleep(0.02)
    return time.monotonic() - started


def record(data_dir: Path) -> RunRecord:
    """What runs."""
    found = RunRecord.read(data_dir)
    assert found is not None
    return found


def pids(data_dir: Path) -> set[int]:
    """Every process of the installation but the supervisor."""
    run = record(data_dir)
    return {process.pid for process in run.processes} | {pid for pid in (run.postgres_pid, run.nats_pid) if pid}


async def is_ready(port: int) -> bool:
    """What /readyz says, taken as a yes or no."""
    async with httpx.AsyncClient(timeout=5) as http:
        with contextlib.suppress(httpx.TransportError):
            return (await http.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
    return False


async def until_all_ready(data_dir: Path, timeout_s: float = 30) -> None:
    """Until every process of the record is there and ready."""
    async with asyncio.timeout(timeout_s):
        while True:
            processes = record(data_dir).processes
            if len(processes) == 3 and all([await is_ready(process.health_port) for process in processes]):
                return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def small_adjutant(data_dir: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    with (data_dir / LOG).open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.service.runtime.small_adjutant", str(data_dir)),
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            told = await process.stdout.readline()
        assert told == b"ready\n", (data_dir / LOG).read_text()[-3000:]
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        async with asyncio.timeout(60):
            await process.communicate()


async def test_it_replaces_whatever_dies_and_stops_everything_in_order(data_dir: Path) -> None:
    async with small_adjutant(data_dir) as supervisor:
        run = record(data_dir)
        assert sorted((process.service, process.replica) for process in run.processes) == [
            ("sync", 0),
            ("voice", 0),
            ("voice", 1),
        ]
        victim = next(process for process in run.processes if process.service == "sync")

        os.kill(victim.pid, signal.SIGKILL)
        await until(lambda: victim.pid not in pids(data_dir) and len(record(data_dir).processes) == 3, "a new process")
        successor = next(process for process in record(data_dir).processes if process.service == "sync")
        assert successor.health_port == victim.health_port
        for server in (run.nats_pid, run.postgres_pid):
            assert server is not None
            os.kill(server, signal.SIGKILL)
            await until(lambda gone=server: gone not in pids(data_dir), "a new server")  # type: ignore[misc]
        await until_all_ready(data_dir)

        everybody = pids(data_dir)
        supervisor.terminate()
        async with asyncio.timeout(30):
            assert await supervisor.wait() == 0

    assert not [pid for pid in everybody if psutil.pid_exists(pid)]
    assert RunRecord.read(data_dir) is None
    log = (data_dir / LOG).read_text()
    assert log.count('"service_stopped"') == 3


async def test_a_supervisor_killed_at_once_leaves_nothing_behind_and_its_successor_starts(data_dir: Path) -> None:
    async with small_adjutant(data_dir) as supervisor:
        everybody = pids(data_dir)
        supervisor.kill()
        await supervisor.wait()
        gone_after_s = await until(lambda: not any(psutil.pid_exists(pid) for pid in everybody), "the end of all", 40)
        sys.stdout.write(f"all gone {gone_after_s:.1f} s after kill -9 of the supervisor\n")

    async with small_adjutant(data_dir):
        await until_all_ready(data_dir)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_during_the_start_ends_it_as_well(data_dir: Path, number: signal.Signals) -> None:
    with (data_dir / LOG).open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.service.runtime.small_adjutant", str(data_dir)), stderr=log, stdout=log
        )
    await until((data_dir / "postgres").exists, "the start of PostgreSQL")
    process.send_signal(number)

    async with asyncio.timeout(40):
        assert await process.wait() == 0
    assert not [child for child in psutil.process_iter(["cmdline"]) if str(data_dir) in (child.info["cmdline"] or [])]
