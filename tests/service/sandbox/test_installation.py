"""The emulators are installed once, by whoever comes first, and say plainly when they cannot be."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from libs.sandbox import Sandbox, SandboxUnavailable, node
from libs.sandbox import sandbox as sandbox_module
from libs.sandbox.node import HERE, Emulators, Node, emulators, find_node


def test_the_lock_file_names_no_address() -> None:
    assert "http" not in (HERE / "package-lock.json").read_text()


async def test_two_who_come_at_once_install_once(tmp_path: Path) -> None:
    first, second = await asyncio.gather(emulators(tmp_path), emulators(tmp_path))
    assert first == second
    assert all(os.access(program[-1], os.R_OK) for program in (first.google, first.model))
    assert len([name for name in os.listdir(tmp_path) if name != "sandbox.lock"]) == 1


async def test_npm_that_fails_is_an_error_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    with pytest.raises(SandboxUnavailable, match=r"npm could not install the emulators: .*ECONNREFUSED") as error:
        await emulators(tmp_path / "cache")
    assert "registry" in error.value.advice
    assert os.listdir(tmp_path / "cache") == ["sandbox.lock"]


async def test_npm_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = tmp_path / "npm"
    hanging.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nsleep 600\n")
    hanging.chmod(0o700)
    real = await find_node()

    async def found() -> Node:
        return Node(real.program, (str(hanging),))

    monkeypatch.setattr(node, "find_node", found)
    monkeypatch.setattr(node, "INSTALL_S", 1.0)
    with pytest.raises(SandboxUnavailable, match="within 1 s"):
        await emulators(tmp_path / "cache")
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


async def test_no_child_outlives_the_sandbox(tmp_path: Path) -> None:
    async with Sandbox(tmp_path):
        ours = [child for child in psutil.Process().children() if str(tmp_path) in " ".join(child.cmdline())]
        assert len(ours) == 2
    assert not [child for child in ours if child.is_running()]


async def test_no_child_outlives_a_killed_parent(tmp_path: Path) -> None:
    program = (
        "import asyncio, pathlib, sys\n"
        "from libs.sandbox import Sandbox\n"
        "async def main():\n"
        "    async with Sandbox(pathlib.Path(sys.argv[1])):\n"
        "        print('up', flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, str(tmp_path)), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        assert await process.stdout.readline() == b"up\n"
    children = psutil.Process(process.pid).children()
    assert len(children) == 2
    process.send_signal(signal.SIGKILL)
    await process.wait()
    gone, alive = await asyncio.to_thread(psutil.wait_procs, children, timeout=10)
    assert (len(gone), alive) == (2, [])


async def test_an_emulator_that_ends_is_an_error_that_names_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: Path | None) -> Emulators:
        return Emulators(google=(sys.executable, "-c", "print('no such seed')"), model=())

    monkeypatch.setattr(sandbox_module, "emulators", broken)
    with pytest.raises(SandboxUnavailable, match=r"google did not start: it ended: no such seed .*google\.log"):
        await Sandbox(tmp_path).__aenter__()
