"""Multi-step runs per second, with a thousand in flight: one replica of chat, a tool service that answers at once.

The baseline is the same effects as mere durable commands, without plan, dependencies, state or updates.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from contracts.envelope import Envelope, Scope
from contracts.ids import ExecutionId, RunId, new_id
from contracts.runs import CreateRun, GetRun, RunRequest, RunStatus, StepRequest
from contracts.tool import Effect, ExecuteTool, ExecutionFinished
from libs.bus import Bus, Call, handle_long
from libs.bus.subjects import stream_for, subject_for
from libs.db import Database
from libs.runtime.discovery import load_service
from libs.runtime.run import start_service
from libs.vault import MasterKeys, TransitSeal
from tests.benchmarks.platform import platform
from tests.benchmarks.report import Measurement
from tests.conftest import Platform, new_scope
from tests.service.chat.conftest import bus_of
from tests.service.chat.peers import CONTEXT_ROUTES, TOOL_ROUTES, ContextPeer, ToolPeer, execute_tool

RUNS, USERS, EFFECTS = 1_000, 100, 4
CREATING = 16
STEPS = RUNS * (EFFECTS + 1)


@dataclass(slots=True)
class _Teller:
    """The tool service's events; `heard` counts them."""

    admin: Bus
    heard: int = 0

    async def tell(self, execution: ExecutionId, scope: Scope) -> None:
        event = ExecutionFinished(
            execution_id=execution,
            tool="calendar_create_event",
            effect=Effect.WRITE,
            status="done",
            finished_at=datetime.now(UTC),
        )
        envelope = Envelope.around(ExecutionFinished, source="tool", scope=scope)
        await self.admin.jetstream.publish(
            subject_for(ExecutionFinished, scope),
            event.model_dump_json().encode(),
            stream=stream_for(ExecutionFinished),
            headers={**envelope.headers(), "Nats-Msg-Id": envelope.id},
        )
        self.heard += 1


async def run() -> None:
    """Print runs and steps per second."""
    async with platform("chat", "tool", "context") as servers, _stage(servers) as (gateway, seal, teller):
        steps = await _runs_per_s(gateway, seal)
        alone = await _effects_per_s(gateway, seal, teller)
    found = (("runs", steps / (EFFECTS + 1), alone / EFFECTS, 10.0), ("steps", steps, alone, 50.0))
    for name, value, baseline, target in found:
        Measurement("tools.runs", f"1000_runs_{name}", value, f"{name}/s", baseline, target, "higher").print()


async def _runs_per_s(gateway: Bus, seal: TransitSeal) -> float:
    """Steps per second, from the first run begun to the last one done."""
    scopes = [new_scope() for _ in range(USERS)]
    began = time.perf_counter()
    gate = asyncio.Semaphore(CREATING)

    async def create(number: int) -> tuple[RunId, Scope]:
        scope, run_id = scopes[number % USERS], RunId(new_id("r"))
        sealed = seal.seal("run_request", scope, _plan(number).model_dump_json())
        async with gate:
            await gateway.ask(CreateRun(run_id=run_id, sealed_request=sealed, start=True), scope=scope, timeout_s=60)
        return run_id, scope

    made = await asyncio.gather(*map(create, range(RUNS)))
    for run_id, scope in made:
        await _done(gateway, run_id, scope)
    return STEPS / (time.perf_counter() - began)


async def _done(gateway: Bus, run_id: RunId, scope: Scope) -> None:
    query = GetRun(run_id=run_id)
    while (await gateway.ask(query, scope=scope, timeout_s=60)).status is not RunStatus.DONE:  # noqa: ASYNC110
        await asyncio.sleep(0.05)


async def _effects_per_s(gateway: Bus, seal: TransitSeal, teller: _Teller) -> float:
    scope, heard = new_scope(), teller.heard
    began = time.perf_counter()
    for number in range(RUNS):
        command = ExecuteTool(
            execution_id=ExecutionId(new_id("x")),
            tool="calendar_create_event",
            sealed_arguments=seal.seal("tool_arguments", scope, f'{{"title": "{number}"}}'),
            timezone="UTC",
            sealed_provenance=seal.seal("tool_provenance", scope, '{"read_untrusted": false, "is_asked": true}'),
        )
        await gateway.send(command, scope=scope)
    while teller.heard < heard + RUNS:  # noqa: ASYNC110 - the peer counts
        await asyncio.sleep(0.01)
    return RUNS / (time.perf_counter() - began)


def _plan(number: int) -> RunRequest:
    """A look, then two effects side by side, then two more one after the other."""
    after = [("look",), ("look",), ("e0", "e1"), ("e2",)]
    effects = tuple(
        StepRequest(
            id=f"e{n}",
            name=f"Create {n}",
            tool="calendar_create_event",
            arguments={"title": f"{number} {n}", "start": "2026-12-01T10:00"},
            depends_on=after[n],
        )
        for n in range(EFFECTS)
    )
    look = StepRequest(id="look", name="Look", tool="calendar_list", arguments={"day": "tomorrow"})
    return RunRequest(goal=f"goal {number}", steps=(look, *effects), timezone="UTC")


@asynccontextmanager
async def _stage(servers: Platform) -> AsyncIterator[tuple[Bus, TransitSeal, _Teller]]:
    seal = TransitSeal(MasterKeys.from_text(servers.master_keys))
    gateway, tool, context = (bus_of(servers, name) for name in ("gateway", "tool", "context"))
    teller = _Teller(await servers.nats.admin())
    for bus in (gateway, tool, context):
        await bus.connect()

    async def execute_and_tell(command: ExecuteTool, call: Call, peer: ToolPeer) -> None:
        await execute_tool(command, call, peer)
        await teller.tell(command.execution_id, call.require_scope())

    routes = (*TOOL_ROUTES[:-1], handle_long(ExecuteTool, execute_and_tell, at_once=256))
    databases = [await Database.connect(servers.database.url(name), name) for name in ("tool", "context")]
    await tool.start(routes, ToolPeer(tool, seal), databases[0])
    await context.start(CONTEXT_ROUTES, ContextPeer(), databases[1])
    with tempfile.TemporaryDirectory(prefix="adjutant-bench-") as directory:
        settings = servers.settings("chat", Path(directory))
        async with start_service(load_service("chat"), settings):
            yield gateway, seal, teller
    for bus in (tool, context):
        await bus.stop(1)
    for bus in (gateway, tool, context, teller.admin):
        await bus.close()
    for database in databases:
        await database.close()
