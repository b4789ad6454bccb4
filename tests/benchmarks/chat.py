"""What Adjutant adds to a streamed 50-token answer: CPU, time to first token, answers per second.

Baseline: the same model server called directly by the same client in the same run. CPU is summed over every
process of `adjutant up`, NATS and PostgreSQL included; client and model server do not count.
"""

import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from libs.testing.client import AdjutantClient
from libs.testing.running import RunningAdjutant, running_adjutant
from tests.benchmarks.cpu import cpu_seconds
from tests.benchmarks.report import Measurement, percentile
from tests.benchmarks.streaming import Timing, timed_post
from tests.benchmarks.upstream import model_upstream

WARM_UP = 30
ANSWERS = 200
CLIENTS = 50
CONCURRENT_ANSWERS = 600
PACE_MS = 4.0

Ask = Callable[[], Awaitable[Timing]]


async def run() -> None:
    """Print the measurements of a burst (the whole answer at once) and of a paced stream (a token every 4 ms)."""
    for name, pace_ms in (("burst", 0.0), ("paced", PACE_MS)):
        async with model_upstream(pace_ms) as model_url:
            with tempfile.TemporaryDirectory() as directory:
                settings = {
                    "ADJUTANT_CHAT_MODEL_BASE_URL": model_url,
                    "ADJUTANT_CHAT_MODEL_API_KEY": "bench",
                    "ADJUTANT_CHAT_MODEL": "bench-model",
                    "ADJUTANT_GATEWAY_CHAT_PER_MINUTE": "1000000",
                    "ADJUTANT_GATEWAY_SIGN_UPS_PER_HOUR": "1000",
                    "ADJUTANT_GATEWAY_SIGN_UP_TIER": "ENTERPRISE",
                    "ADJUTANT_LOG_LEVEL": "WARNING",
                }
                async with running_adjutant(Path(directory), settings) as adjutant:
                    await _measure(name, adjutant, model_url)


async def _measure(name: str, adjutant: RunningAdjutant, model_url: str) -> None:
    direct = _direct(model_url)
    asks = [await _through(adjutant, f"bench{number}@example.com") for number in range(CLIENTS)]
    for _ in range(WARM_UP):
        await asks[0]()
        await direct()
    before = cpu_seconds(adjutant.process.pid)
    ours = [await asks[0]() for _ in range(ANSWERS)]
    cpu_ms = (cpu_seconds(adjutant.process.pid) - before) * 1000 / ANSWERS
    theirs = [await direct() for _ in range(ANSWERS)]
    ours_ms = percentile([timing.first_token_s for timing in ours], 0.5) * 1000
    theirs_ms = percentile([timing.first_token_s for timing in theirs], 0.5) * 1000
    direct_rate = await _rate([direct] * CLIENTS)
    rate = await _rate(asks)
    bench = f"chat.{name}"
    Measurement(bench, "cpu_per_answer", cpu_ms, "ms", 0.0, 12).print()
    Measurement(bench, "added_time_to_first_token_p50", ours_ms - theirs_ms, "ms", theirs_ms, 8).print()
    Measurement(bench, "answers_per_second_50_clients", rate, "1/s", direct_rate, 80, "higher").print()


def _direct(model_url: str) -> Ask:
    body = json.dumps({"model": "bench-model", "stream": True, "messages": [{"role": "user", "content": "hello"}]})
    return lambda: timed_post(f"{model_url}/chat/completions", body.encode(), {}, b"word0")


async def _through(adjutant: RunningAdjutant, email: str) -> Ask:
    """A user of their own, asking in one conversation per request."""
    async with AdjutantClient(adjutant.url) as client:
        await client.sign_up(email, "correct horse battery staple")
        created = await client.post("/api/keys", {"name": "bench", "scopes": ["chat"]})
        created.raise_for_status()
        headers = {"Authorization": f"Bearer {created.json()['key']}"}
    body = json.dumps({"messages": [{"role": "user", "content": "hello"}]}).encode()
    return lambda: timed_post(f"{adjutant.url}/api/ai/chat", body, headers, b"word0")


async def _rate(asks: list[Ask]) -> float:
    """Whole answers per second with one client per entry, each asking again as soon as it has its answer."""
    left = iter(range(CONCURRENT_ANSWERS))

    async def client(ask: Ask) -> None:
        for _ in left:
            await ask()

    started = time.perf_counter()
    await asyncio.gather(*(client(ask) for ask in asks))
    return CONCURRENT_ANSWERS / (time.perf_counter() - started)
