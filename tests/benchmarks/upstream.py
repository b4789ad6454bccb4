"""Starts the bare model server as a process of its own, so that its CPU time is nobody else's."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from libs.testing.running import free_port


@asynccontextmanager
async def model_upstream(pace_ms: float) -> AsyncIterator[str]:
    """Base URL (`…/v1`) of a running bare model server."""
    port = free_port()
    process = subprocess.Popen(  # noqa: ASYNC220 - it only starts the process
        [sys.executable, "-m", "tests.benchmarks.model_upstream", str(port), str(pace_ms)], stdin=subprocess.PIPE
    )
    try:
        await _listening(port)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(timeout=5)


async def _listening(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return
