"""What a dead replica leaves of a run, another one carries on: nothing is lost, and no effect happens twice."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from contracts.envelope import Scope
from contracts.runs import (
    RunStatus,
    RunView,
    StepRequest,
)
from libs.db import Database, Transaction
from services.chat.runs import stepping
from tests.conftest import Platform, new_scope
from tests.service.chat.conftest import Start
from tests.service.chat.peers import ContextPeer, ToolPeer
from tests.service.chat.runs_world import PATIENCE_S, Runs, event
from tests.service.chat.test_crashes import Dies, replica
from tests.service.chat.world import World


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_death_before_or_after_each_commit_of_a_run(
    start_chat: Start,
    world: World,
    tools: ToolPeer,
    context: ContextPeer,
    monkeypatch: pytest.MonkeyPatch,
    when: str,
) -> None:
    """Each of the first eight commits after the start, one run each: a read and two effects, once each."""
    await start_chat()
    everybody = [Runs(world, new_scope()) for _ in range(8)]
    started = [
        await each.create(
            StepRequest(id="look", name="Look", tool="calendar_list"),
            event("one", title=f"one {number}"),
            event("two", "look", "one", title=f"two {number}"),
            start=False,
        )
        for number, each in enumerate(everybody)
    ]
    for each, run in zip(everybody, started, strict=True):
        await each.control(run, "start")
    monkeypatch.setattr(Database, "transaction", _dying(everybody, when))
    for number, (each, run) in enumerate(zip(everybody, started, strict=True)):
        done = await each.until(run)
        assert (done.status, done.progress) == (RunStatus.DONE, 1), number
        assert len(tools.effects_on(f"one {number}")) == len(tools.effects_on(f"two {number}")) == 1, number
        told = await each.updates(done)
        assert told.count("step.started") == 3, number


def _dying(everybody: list[Runs], when: str) -> Any:
    """Transactions of chat in which whoever works for the first one dies at their first commit, and so on."""
    dies_in = {each.scope.user_id: number for number, each in enumerate(everybody, 1)}
    counted: dict[str, int] = {}
    transaction = Database.transaction

    @asynccontextmanager
    async def dying(self: Database, scope: Scope | None) -> AsyncIterator[Transaction]:
        async with transaction(self, scope) as tx:
            yield tx
            if self.schema != "chat" or scope is None or scope.user_id not in dies_in:
                return
            counted[scope.user_id] = counted.get(scope.user_id, 0) + 1
            if when == "before" and counted[scope.user_id] == dies_in[scope.user_id]:
                raise Dies
        if counted[scope.user_id] == dies_in[scope.user_id]:
            counted[scope.user_id] += 1
            raise Dies

    return dying


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_death_over_any_of_many_reads_that_one_command_goes_through(
    start_chat: Start,
    world: World,
    tools: ToolPeer,
    context: ContextPeer,
    monkeypatch: pytest.MonkeyPatch,
    when: str,
) -> None:
    """Three reads in a row, two beside them, and an effect after all of them."""
    await start_chat()
    everybody = [Runs(world, new_scope()) for _ in range(8)]
    reads = {"a": (), "b": ("a",), "c": ("b",), "x": (), "y": ("x",)}
    looks = [StepRequest(id=id, name="Look", tool="calendar_list", depends_on=after) for id, after in reads.items()]
    started = [
        await each.create(*looks, event("end", *reads, title=f"end {number}"), start=False)
        for number, each in enumerate(everybody)
    ]
    for each, run in zip(everybody, started, strict=True):
        await each.control(run, "start")
    monkeypatch.setattr(Database, "transaction", _dying(everybody, when))
    for number, (each, run) in enumerate(zip(everybody, started, strict=True)):
        done = await each.until(run)
        assert (done.status, done.progress) == (RunStatus.DONE, 1), number
        assert len(tools.effects_on(f"end {number}")) == 1, number
        told = await each.updates(done)
        assert told.count("step.started") == told.count("step.ended") == 6, number


async def test_kill_9_while_each_step_of_a_run_is_under_way(
    platform: Platform, data_dir: Path, world: World, tools: ToolPeer, context: ContextPeer, scope: Scope
) -> None:
    """Five steps in a row; with each effect under way the replica dies, and another one goes on."""
    runs = Runs(world, scope)
    under_way: asyncio.Queue[str] = asyncio.Queue()
    curtain = asyncio.Semaphore(0)

    async def stand(arguments: dict[str, Any]) -> None:
        under_way.put_nowait(arguments["title"])
        await curtain.acquire()

    tools.before_effect = stand
    ids = [f"s{number}" for number in range(5)]
    steps = [event(id, *ids[number - 1 : number]) for number, id in enumerate(ids)]
    run: RunView | None = None
    for id in ids:
        async with replica(platform, data_dir, "") as victim:
            run = run or await runs.create(*steps)
            async with asyncio.timeout(PATIENCE_S):
                assert await under_way.get() == id
            victim.send_signal(signal.SIGKILL)
            await victim.wait()
        curtain.release()
    assert run is not None
    async with replica(platform, data_dir, ""):
        done = await runs.until(run)
        told = await runs.updates(done)
    assert (done.status, done.progress) == (RunStatus.DONE, 1)
    assert [arguments["title"] for arguments in tools.effects.values()] == ids
    assert told.count("step.started") == told.count("step.ended") == 5


async def test_a_step_that_fails_by_a_defect_of_ours_ends_for_its_user_to_see(
    start_chat: Start, world: World, tools: ToolPeer, context: ContextPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(stepping, "origins_of", broken)
    await start_chat()
    runs = Runs(world, new_scope())
    failed = await runs.until(await runs.create(event("a"), event("b", "a")))
    assert (failed.status, failed.steps[0].error) == (RunStatus.FAILED, "internal_error")
    monkeypatch.undo()
    await runs.control(failed, "resume")
    assert (await runs.until(failed)).status is RunStatus.DONE
    assert len(tools.effects) == 2
