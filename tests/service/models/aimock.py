"""The emulated OpenAI (aimock) with the fixtures and the faults that a test asks for."""

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from libs.sandbox.child import Child
from libs.sandbox.node import emulators

START_S = 20.0
STOP_S = 5.0


@asynccontextmanager
async def aimock(directory: Path, fixtures: list[dict[str, Any]], *options: str) -> AsyncIterator[str]:
    """Its address, without `/v1`."""
    programs = await emulators()
    file = directory / "fixtures.json"
    file.write_text(json.dumps({"fixtures": fixtures}))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = (*programs.model, "--fixtures", str(file), "--validate-on-load", "--port", str(port), *options)
    child = Child(command, directory / "aimock.log")

    async def answers() -> bool:
        try:
            async with httpx.AsyncClient(timeout=2) as http:
                return (await http.get(f"{url}/health")).is_success
        except httpx.TransportError:
            return False

    try:
        await child.wait_until(answers, START_S)
        yield url
    finally:
        await child.stop(STOP_S)


async def journal(url: str) -> list[dict[str, Any]]:
    """Every request it got, oldest first."""
    async with httpx.AsyncClient() as http:
        entries: list[dict[str, Any]] = (await http.get(f"{url}/__aimock/journal")).json()
    return entries
