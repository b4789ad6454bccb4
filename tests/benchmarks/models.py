"""The model router beside LiteLLM's proxy, on the same upstream in the same run.

CPU is summed over every process of each system (for Adjutant also NATS and PostgreSQL; LiteLLM runs without a database,
so it keeps no ledger, no budget and no quota here). `baseline` is LiteLLM's figure, and the target follows from it.
Where LiteLLM cannot be installed, the baseline is 0 and only Adjutant's figures mean something.
"""

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from libs.testing.client import AdjutantClient
from libs.testing.running import RunningAdjutant, free_port, running_adjutant
from tests.benchmarks import litellm_proxy, safety
from tests.benchmarks.cpu import cpu_seconds
from tests.benchmarks.report import Measurement, percentile
from tests.benchmarks.streaming import Timing, timed_post
from tests.benchmarks.upstream import model_upstream
from tests.service.models.scripted_server import HEAD, event, scripted

WARM_UP, ANSWERS, CLIENTS, CONCURRENT_ANSWERS, MEMORY_ANSWERS = 30, 200, 50, 600, 2_000
LONG_RUN = 10_000
"""Answers after which Adjutant must not have grown by more than in the first two thousand."""
TOKENS = 50
FAILOVERS = 6
LONGEST_S = 20.0
BEGUN = (HEAD, *(event({"content": f"word{n} "}) for n in range(21)))
FAILURES: dict[str, Sequence[bytes | float] | None] = {
    "dead": None,
    "hung": (HEAD, 60.0),
    "cut": (*BEGUN, 0.05),
    "stalled": (*BEGUN, 60.0),
}

Ask = Callable[[], Awaitable[Timing]]


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one system."""

    cpu_ms: float = 0.0
    rate: float = 0.0
    first_token_ms: float = 0.0
    whole_ms: float = 0.0
    idle_mb: float = 0.0
    early_mb: float = 0.0
    """After the first 2,830 answers."""
    used_mb: float = 0.0
    ready_s: float = 0.0


async def run() -> None:
    """Print the comparison, then the failovers."""
    safety.run()
    program = await asyncio.to_thread(litellm_proxy.installed)
    async with model_upstream(0.0) as upstream:
        direct = await _timed(_asking(f"{upstream}/chat/completions", {}, "bench-model"), ANSWERS)
        theirs = await _litellm(program, upstream) if program else Figures()
        ours = await _adjutant(upstream)
        _print(ours, theirs, *direct)
        for name, failure in FAILURES.items():
            await _failover(name, failure, program, upstream)


def _print(ours: Figures, theirs: Figures, direct_first_ms: float, direct_whole_ms: float) -> None:
    def told(metric: str, value: float, unit: str, baseline: float, target: float, *, higher: bool = False) -> None:
        Measurement("models", metric, value, unit, baseline, target, "higher" if higher else "lower").print()

    told("cpu_per_answer", ours.cpu_ms, "ms", theirs.cpu_ms, theirs.cpu_ms / 4)
    told("answers_per_second_50_clients", ours.rate, "1/s", theirs.rate, theirs.rate * 4, higher=True)
    added, their_added = ours.first_token_ms - direct_first_ms, theirs.first_token_ms - direct_first_ms
    told("added_time_to_first_token_p50", added, "ms", their_added, their_added / 3)
    per_chunk = (ours.whole_ms - ours.first_token_ms - (direct_whole_ms - direct_first_ms)) / TOKENS
    their_chunk = (theirs.whole_ms - theirs.first_token_ms - (direct_whole_ms - direct_first_ms)) / TOKENS
    told("added_per_chunk", per_chunk, "ms", their_chunk, 0.1)
    told("memory_idle", ours.idle_mb, "MB PSS", theirs.idle_mb, theirs.idle_mb / 2)
    told("memory_growth", ours.early_mb - ours.idle_mb, "MB PSS", theirs.early_mb - theirs.idle_mb, 20)
    told("memory_growth_of_10000_more", ours.used_mb - ours.early_mb, "MB PSS", 0, 20)
    told("start_to_ready", ours.ready_s, "s", theirs.ready_s, theirs.ready_s / 3)


async def _litellm(program: Path, upstream: str) -> Figures:
    with tempfile.TemporaryDirectory() as directory:
        models = [{"name": "auto", "base_url": upstream}]
        async with litellm_proxy.proxy(program, Path(directory), models, {}) as proxy:
            headers = {"Authorization": f"Bearer {litellm_proxy.KEY}"}
            ask = _asking(f"{proxy.url}/v1/chat/completions", headers)
            return await _measured(ask, proxy.pid, proxy.ready_s)


async def _adjutant(upstream: str) -> Figures:
    began = time.perf_counter()
    async with _running([{"name": "primary", "base_url": upstream}]) as (adjutant, ask):
        ready_s = time.perf_counter() - began
        return await _measured(ask, adjutant.process.pid, ready_s, LONG_RUN)


@asynccontextmanager
async def _running(deployments: list[dict[str, Any]]) -> AsyncIterator[tuple[RunningAdjutant, Ask]]:
    described = [{"model": "bench-model", "api_key": "bench", **each} for each in deployments]
    settings = {
        "ADJUTANT_CHAT_DEPLOYMENTS": json.dumps(described),
        "ADJUTANT_GATEWAY_SIGN_UP_TIER": "ENTERPRISE",
        "ADJUTANT_LOG_LEVEL": "WARNING",
    }
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        adjutant = await stack.enter_async_context(running_adjutant(Path(directory) / "data", settings))
        async with AdjutantClient(adjutant.url) as client:
            await client.sign_up("bench@example.com", "correct horse battery staple")
            key = (await client.post("/api/keys", {"name": "bench", "scopes": ["chat"]})).json()["key"]
        yield adjutant, _asking(f"{adjutant.url}/v1/chat/completions", {"Authorization": f"Bearer {key}"})


async def _measured(ask: Ask, pid: int, ready_s: float, long_run: int = 0) -> Figures:
    for _ in range(WARM_UP):
        await ask()
    idle_mb, before = _pss_mb(pid), cpu_seconds(pid)
    first_ms, whole_ms = await _timed(ask, ANSWERS)
    cpu_ms = (cpu_seconds(pid) - before) * 1000 / ANSWERS
    rate = await _rate(ask, CONCURRENT_ANSWERS)
    await _rate(ask, MEMORY_ANSWERS)
    early_mb = _pss_mb(pid)
    await _rate(ask, long_run)
    return Figures(cpu_ms, rate, first_ms, whole_ms, idle_mb, early_mb, _pss_mb(pid), ready_s)


def _asking(url: str, headers: dict[str, str], model: str = "auto") -> Ask:
    body = json.dumps({"model": model, "stream": True, "messages": [{"role": "user", "content": "hello"}]}).encode()
    return lambda: timed_post(url, body, headers, b"word0")


async def _timed(ask: Ask, count: int) -> tuple[float, float]:
    """Median milliseconds to the first token and to the end."""
    timings = [await ask() for _ in range(count)]
    return (
        percentile([timing.first_token_s for timing in timings], 0.5) * 1000,
        percentile([timing.whole_s for timing in timings], 0.5) * 1000,
    )


async def _rate(ask: Ask, count: int) -> float:
    left = iter(range(count))

    async def client() -> None:
        for _ in left:
            await ask()

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return count / (time.perf_counter() - started)


def _pss_mb(pid: int) -> float:
    root = psutil.Process(pid)
    processes = (root, *root.children(recursive=True))
    return float(sum(process.memory_full_info().pss for process in processes)) / 1024**2


async def _failover(name: str, failure: Sequence[bytes | float] | None, program: Path | None, upstream: str) -> None:
    """Seconds until a whole answer, the first time and afterwards; an answer that is not whole counts as 20 s."""
    async with AsyncExitStack() as stack:
        primary = f"http://127.0.0.1:{free_port()}/v1"
        if failure is not None:
            server = scripted(*[failure] * 500, hangs_up=name == "cut")
            primary = (await stack.enter_async_context(server)).url
        ours_deployments = [
            {"name": "primary", "base_url": primary},
            {"name": "second", "base_url": upstream, "order": 1},
        ]
        _, ask = await stack.enter_async_context(_running(ours_deployments))
        ours = [await _until_whole(ask) for _ in range(FAILOVERS)]
        theirs = [0.0] * FAILOVERS
        if program:
            directory = stack.enter_context(tempfile.TemporaryDirectory())
            models = [{"name": "auto", "base_url": primary}, {"name": "second", "base_url": upstream}]
            proxy = await stack.enter_async_context(
                litellm_proxy.proxy(program, Path(directory), models, {"auto": ["second"]})
            )
            headers = {"Authorization": f"Bearer {litellm_proxy.KEY}"}
            ask = _asking(f"{proxy.url}/v1/chat/completions", headers)
            theirs = [await _until_whole(ask) for _ in range(FAILOVERS // 2)]
    bench = f"models.failover.{name}"
    Measurement(bench, "first", ours[0] * 1000, "ms", theirs[0] * 1000, 2000).print()
    Measurement(
        bench, "afterwards_p50", percentile(ours[1:], 0.5) * 1000, "ms", percentile(theirs[1:], 0.5) * 1000, 100
    ).print()


async def _until_whole(ask: Ask) -> float:
    try:
        async with asyncio.timeout(LONGEST_S):
            answer = await ask()
    except (TimeoutError, RuntimeError, OSError, asyncio.IncompleteReadError):
        return LONGEST_S
    is_whole = b"word49" in answer.body and b"[DONE]" in answer.body
    return answer.whole_s if is_whole else LONGEST_S
