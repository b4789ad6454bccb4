"""Starts an emulated provider with a seed of these tests' own."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from libs.sandbox.node import emulators

START_S = 20.0


def emulated_google(directory: Path, seed: dict[str, Any]) -> AbstractAsyncContextManager[str]:
    """The address of a Google that holds what the seed says."""
    return emulated("google", directory, {"google": seed})


@asynccontextmanager
async def emulated(service: str, directory: Path, seed: dict[str, Any]) -> AsyncIterator[str]:
    """The address of that provider; `seed` is the emulator's whole document."""
    programs = await emulators()
    file = directory / "seed.yaml"
    file.write_text(yaml.safe_dump(seed))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *(*programs.google, "start", "--service", service),
        *("--port", str(port), "--seed", str(file)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    url = f"http://localhost:{port}"
    try:
        await _ready(url)
        yield url
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _ready(url: str) -> None:
    async with httpx.AsyncClient() as http, asyncio.timeout(START_S):
        while True:
            try:
                await http.get(f"{url}/.well-known/openid-configuration")
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return
