"""Whoever does not look at their run is told how it ended, once; whoever does look, or has just decided, is not."""

import asyncio

import pytest

from contracts.envelope import Scope
from contracts.runs import RunEnded, RunStatus, RunView
from contracts.tool import ExecutionStatus, ToolOutcome
from libs.runtime.run import RunningService
from services.chat.runs.outcomes import execution_id
from tests.service.chat.peers import ToolPeer
from tests.service.chat.runs_world import Runs, event
from tests.service.chat.world import World
from tests.service.neighbours import eventually

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def runs(world: World, scope: Scope) -> Runs:
    return Runs(world, scope)


@pytest.fixture
def gate(tools: ToolPeer) -> asyncio.Event:
    """Effects wait here, as at a slow provider."""
    opened = asyncio.Event()
    tools.before_effect = lambda arguments: opened.wait()
    return opened


async def test_the_end_of_a_run_nobody_looks_at_is_told_of_without_a_word_of_its_user(
    offline_chat: RunningService, runs: Runs, gate: asyncio.Event
) -> None:
    run = await runs.create(event("Zanzibar"), event("b", "Zanzibar"), goal="Fly to Zanzibar")
    await _look_away(offline_chat, runs, run)
    gate.set()
    await eventually(lambda: _is_over(offline_chat, runs, run), timeout_s=20)
    (told,) = await _told(offline_chat, runs)
    ended = RunEnded.model_validate_json(told)
    assert (ended.run_id, ended.status, ended.done_count, ended.step_count) == (run.run_id, "done", 2, 2)
    assert b"Zanzibar" not in told


async def test_a_run_that_stops_is_told_of_and_once_more_when_it_goes_on_and_ends(
    offline_chat: RunningService, runs: Runs, tools: ToolPeer, gate: asyncio.Event
) -> None:
    tools.fails = "No."
    run = await runs.create(event("a"))
    await _look_away(offline_chat, runs, run)
    gate.set()
    await eventually(lambda: _is_over(offline_chat, runs, run), timeout_s=20)
    tools.fails = None
    gate.clear()
    await runs.control(run, "resume")
    await _look_away(offline_chat, runs, run)
    gate.set()
    await eventually(lambda: _is_over(offline_chat, runs, run), timeout_s=20)
    told = [RunEnded.model_validate_json(each) for each in await _told(offline_chat, runs)]
    assert [(each.status, each.error) for each in told] == [("failed", "step_failed"), ("done", None)]


async def test_whoever_looks_at_it_is_not_told(offline_chat: RunningService, runs: Runs, gate: asyncio.Event) -> None:
    run = await runs.create(event("a"))
    await _look_away(offline_chat, runs, run)
    await runs.get(run)
    gate.set()
    assert (await runs.until(run)).status is RunStatus.DONE
    assert await _told(offline_chat, runs) == []


async def test_whoever_has_just_declined_is_not_told(
    offline_chat: RunningService, runs: Runs, tools: ToolPeer, gate: asyncio.Event
) -> None:
    run = await runs.create(event("a"))
    await _look_away(offline_chat, runs, run)
    execution = execution_id(run.run_id, "a", 0)
    tools.outcomes[execution] = ToolOutcome(status=ExecutionStatus.DECLINED)
    await runs.finished(execution, "failed")
    await eventually(lambda: _is_over(offline_chat, runs, run), timeout_s=20)
    gate.set()
    assert await _told(offline_chat, runs) == []


async def test_looking_while_somebody_holds_the_run_does_not_wait(
    offline_chat: RunningService, runs: Runs, gate: asyncio.Event
) -> None:
    run = await runs.create(event("a"))
    await _look_away(offline_chat, runs, run)
    async with offline_chat.db.transaction(runs.scope) as tx, asyncio.timeout(10):
        await tx.fetchval("select run_id from runs where run_id = $1 for update", run.run_id)
        assert (await runs.get(run)).status is RunStatus.RUNNING
    gate.set()
    await runs.until(run)


async def _look_away(chat: RunningService, runs: Runs, run: RunView) -> None:
    """As if its user had been gone for a while, once its first step is under way."""

    async def is_under_way() -> bool:
        async with chat.db.reading(runs.scope) as tx:
            sql = "select true from run_steps where run_id = $1 and status = 'running'"
            return bool(await tx.fetchval(sql, run.run_id))

    await eventually(is_under_way)
    async with chat.db.transaction(runs.scope) as tx:
        await tx.execute("update runs set seen_at = now() - interval '10 minutes' where run_id = $1", run.run_id)


async def _is_over(chat: RunningService, runs: Runs, run: RunView) -> bool:
    async with chat.db.reading(runs.scope) as tx:
        sql = "select finished_at is not null from runs where run_id = $1"
        return bool(await tx.fetchval(sql, run.run_id))


async def _told(chat: RunningService, runs: Runs) -> list[bytes]:
    async with chat.db.reading(runs.scope) as tx:
        sql = "select body from outbox where subject like $1 || '%' and subject like '%' || $2 order by created_at"
        rows = await tx.fetch(sql, RunEnded.subject, runs.scope.user_id)
        return [bytes(row["body"]) for row in rows]
