"""LiteLLM's proxy, as its documentation starts it: one worker, a configuration file, nothing else switched on.

It lives in an environment of its own in the user's cache, installed at the first use (some minutes).
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from libs.testing.running import free_port

PLACE = Path.home() / ".cache" / "adjutant-bench" / "litellm"
KEY = "sk-bench"
READY_S = 120.0


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running proxy."""

    url: str
    pid: int
    ready_s: float


def installed() -> Path | None:
    """The program, installed if need be; None where it cannot be had."""
    program = PLACE / "bin" / "litellm"
    if program.exists():
        return program
    sys.stderr.write("installing litellm[proxy] into the user's cache …\n")
    PLACE.parent.mkdir(parents=True, exist_ok=True)
    steps = (
        [sys.executable, "-m", "venv", str(PLACE)],
        [str(PLACE / "bin" / "python"), "-m", "pip", "install", "-q", "litellm[proxy]"],
    )
    for step in steps:
        if subprocess.run(step, check=False, timeout=540).returncode != 0:
            sys.stderr.write("litellm could not be installed; its figures are left out\n")
            return None
    return program


@asynccontextmanager
async def proxy(
    program: Path, directory: Path, models: Sequence[Mapping[str, Any]], fallbacks: Mapping[str, Sequence[str]]
) -> AsyncIterator[Proxy]:
    """`models`: (name, base URL) entries of its `model_list`; `fallbacks` between names."""
    config: dict[str, Any] = {
        "model_list": [
            {
                "model_name": each["name"],
                "litellm_params": {"model": "openai/bench-model", "api_base": each["base_url"], "api_key": "bench"},
            }
            for each in models
        ],
        "litellm_settings": {"fallbacks": [{name: list(others)} for name, others in fallbacks.items()]},
        "general_settings": {"master_key": KEY},
    }
    # YAML is a superset of JSON.
    file = directory / "litellm.yaml"
    file.write_text(json.dumps(config))
    port, began = free_port(), time.perf_counter()
    with (directory / "litellm.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(str(program), "--config", str(file), "--port", str(port), "--host", "127.0.0.1", "--num_workers", "1"),
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        )
    try:
        url = f"http://127.0.0.1:{port}"
        await _ready(url)
        yield Proxy(url, process.pid, time.perf_counter() - began)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _ready(url: str) -> None:
    async with asyncio.timeout(READY_S), httpx.AsyncClient(timeout=2) as http:
        while True:
            try:
                if (await http.get(f"{url}/health/readiness")).is_success:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.05)
