"""The servers of a test session end with it: also when a worker dies, also when the session itself is killed."""

import asyncio
import json
import sys
from pathlib import Path

import psutil
import pytest

_WORKER_DIES = """
import os, signal, pathlib
import pytest

@pytest.mark.parametrize("n", range(2))
def test_dies(servers, n):
    path = pathlib.Path({report!r})
    if not path.exists():
        path.write_text((servers.directory / "servers.json").read_text())
        os.kill(os.getpid(), signal.SIGKILL)
"""
_SESSION_HANGS = """
import asyncio, pathlib

async def test_hangs(servers):
    pathlib.Path({report!r}).write_text((servers.directory / "servers.json").read_text())
    await asyncio.sleep(60)
"""


async def _session(directory: Path, source: str, *options: str) -> tuple[asyncio.subprocess.Process, Path]:
    """Start a pytest of its own on one file."""
    report = directory / "report.json"
    (directory / "test_it.py").write_text(source.format(report=str(report)))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-p", "no:cacheprovider", *options]
    command += ["-c", "pyproject.toml", str(directory / "test_it.py")]
    quiet = asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(*command, stdout=quiet, stderr=quiet), report


async def _all_gone(pids: dict[str, int]) -> None:
    async with asyncio.timeout(10):
        while any(_alive(pid) for pid in pids.values()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.timeout(180)
async def test_a_worker_that_dies_leaves_no_server(data_dir: Path) -> None:
    session, report = await _session(data_dir, _WORKER_DIES, "-n", "2")
    await session.wait()

    found = json.loads(report.read_text())
    await _all_gone(found["pids"])


@pytest.mark.timeout(180)
async def test_a_session_that_is_killed_leaves_no_server(data_dir: Path) -> None:
    session, report = await _session(data_dir, _SESSION_HANGS)
    async with asyncio.timeout(120):
        while not report.exists():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    found = json.loads(report.read_text())
    assert all(_alive(pid) for pid in found["pids"].values())

    session.kill()
    await session.wait()

    await _all_gone(found["pids"])
