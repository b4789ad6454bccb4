"""Multi-step runs by the thousand: all are shown first, then all are started, then everybody waits for the last one.

Each phase ends after its time, finished or not, with what was done until then, so that a slow machine shows small
figures and not none; a step that did not work ends the benchmark. A run that reads has three steps one after the
other; one that writes looks at the tasks, then writes two.
The baseline of every rate is bare inserts into a PostgreSQL like ours, one transaction each, in one connection.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import asyncpg

from libs.testing.client import AdjutantClient
from libs.testing.running import RunningAdjutant
from tests.benchmarks.cpu import cpu_seconds
from tests.benchmarks.platform import platform
from tests.benchmarks.report import Measurement

READING, WRITING, CLIENTS, INSERTS = 1_000, 150, 16, 1_000
SHOW_S, RUN_S, WRITE_S = 90.0, 90.0, 40.0
OVER = frozenset({"done", "failed", "cancelled"})
PAGE = 100
PROCESSES = ("gateway", "chat", "tool", "notification", "postgres", "nats")

LOOK = {"id": "look", "name": "Look", "tool": "tasks_list", "arguments": {}}
READS = [LOOK, LOOK | {"id": "again", "depends_on": ["look"]}, LOOK | {"id": "last", "depends_on": ["again"]}]
WRITES = [
    LOOK,
    {"id": "one", "name": "One", "tool": "tasks_create", "arguments": {"title": "One"}, "depends_on": ["look"]},
    {"id": "two", "name": "Two", "tool": "tasks_create", "arguments": {"title": "Two"}, "depends_on": ["look"]},
]


@dataclass(frozen=True, slots=True)
class Phase:
    """What was done in which time. `cpu_s` is of the whole system, `by_process` its parts."""

    count: int
    took_s: float
    cpu_s: float
    by_process: dict[str, float]


async def measure(adjutant: RunningAdjutant, ada: AdjutantClient) -> None:
    """Print one line for each figure."""
    baseline = await _inserts_per_second()
    for kind, steps, count in (("read", READS, READING), ("write", WRITES, WRITING)):
        shown = await _measured(adjutant, lambda steps=steps, count=count: _show(ada, steps, count))  # type: ignore[misc]
        done = await _measured(adjutant, lambda count=shown.count, kind=kind: _carry_out(ada, count, kind))  # type: ignore[misc]
        bench = f"tools.runs.{kind}"
        Measurement(bench, "shown_per_second", shown.count / shown.took_s, "1/s", baseline, 0, "higher").print()
        Measurement(bench, "in_flight", shown.count, "runs", count, count, "higher").print()
        Measurement(
            bench, "runs_per_second", done.count / len(steps) / done.took_s, "1/s", baseline, 0, "higher"
        ).print()
        Measurement(bench, "steps_per_second", done.count / done.took_s, "1/s", baseline, 0, "higher").print()
        per_step = {name: each / done.count * 1000 for name, each in done.by_process.items()}
        Measurement(bench, "cpu_per_step", done.cpu_s / done.count * 1000, "ms", 1000 / baseline, 25).print()
        for name, each_ms in per_step.items():
            Measurement(bench, f"cpu_per_step.{name}", each_ms, "ms", 1000 / baseline, 25).print()
    Measurement("tools.machine", "load_average", os.getloadavg()[0], "", 0, os.cpu_count() or 1).print()


async def _measured(adjutant: RunningAdjutant, work: Callable[[], Awaitable[int]]) -> Phase:
    before, parts, began = cpu_seconds(adjutant.process.pid), _parts(adjutant), time.perf_counter()
    count = await work()
    took_s = time.perf_counter() - began
    after = {name: spent - parts[name] for name, spent in _parts(adjutant).items()}
    return Phase(max(1, count), took_s, cpu_seconds(adjutant.process.pid) - before, after)


def _parts(adjutant: RunningAdjutant) -> dict[str, float]:
    return {name: cpu_seconds(*adjutant.pids(name)) for name in PROCESSES}


async def _show(ada: AdjutantClient, steps: list[dict[str, Any]], count: int) -> int:
    """How many there are."""
    made = 0

    async def one(number: int) -> None:
        nonlocal made
        response = await _patiently(lambda: ada.post("/api/runs", {"goal": f"Number {number}", "steps": steps}))
        response.raise_for_status()
        made += 1

    await _side_by_side(one, range(count), SHOW_S)
    return made


async def _carry_out(ada: AdjutantClient, count: int, kind: str) -> int:
    """How many steps were done in the time there is, of runs that are all started first."""
    left_s = (RUN_S if kind == "read" else WRITE_S) + time.perf_counter()
    waiting = [run["run_id"] for run in await _listed(ada, count) if run["status"] == "planned"]

    async def start(run_id: str) -> None:
        (await _patiently(lambda: ada.post(f"/api/runs/{run_id}/start"))).raise_for_status()

    await _side_by_side(start, waiting, left_s - time.perf_counter())
    while True:
        runs = await _listed(ada, count)
        if all(run["status"] in OVER for run in runs) or time.perf_counter() > left_s:
            await _check(ada, [run["run_id"] for run in runs if run["status"] in ("failed", "cancelled")])
            return sum(round(run["progress"] * run["step_count"]) for run in runs)
        await asyncio.sleep(0.5)


async def _check(ada: AdjutantClient, failed: list[str]) -> None:
    """Steps that fail are fast, and no measure of anything."""
    if failed:
        steps = (await ada.get(f"/api/runs/{failed[0]}"))["steps"]
        told = [(step["status"], step["error"], step["detail"]) for step in steps]
        raise RuntimeError(f"{len(failed)} runs failed, one of them so: {told}")


async def _listed(ada: AdjutantClient, count: int) -> list[dict[str, Any]]:
    """The newest so many."""
    runs: list[dict[str, Any]] = []
    which: dict[str, Any] = {}
    while len(runs) < count:
        response = await ada.http.get("/api/runs", params={"limit": min(PAGE, count - len(runs)), **which})
        response.raise_for_status()
        page = response.json()
        runs += page["runs"]
        which = {"cursor": page["cursor"]}
    return runs


async def _side_by_side(work: Callable[[Any], Awaitable[None]], items: Iterable[Any], within_s: float) -> None:
    """Each client takes the next item when it is free, and none when the time is up."""
    left, until = iter(items), time.perf_counter() + within_s

    async def client() -> None:
        for item in left:
            if time.perf_counter() > until:
                return
            await work(item)

    await asyncio.gather(*(client() for _ in range(CLIENTS)))


async def _patiently(ask: Callable[[], Awaitable[Any]]) -> Any:
    """As a client that comes back when it is told to."""
    while (response := await ask()).status_code == 503:  # noqa: ASYNC110 - over HTTP
        await asyncio.sleep(float(response.headers.get("retry-after", "1")))
    return response


async def _inserts_per_second() -> float:
    async with platform("tool") as bare:
        connection = await asyncpg.connect(bare.database.url("tool"))
        try:
            began = time.perf_counter()
            for n in range(INSERTS):
                await connection.execute(
                    "insert into inbox (consumer, event_id, handled_at) values ('bench', $1, now())", str(n)
                )
            return INSERTS / (time.perf_counter() - began)
        finally:
            await connection.close()
