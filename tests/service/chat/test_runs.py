"""Runs on a real bus and database: planned, shown, carried out step by step, steered.

Tool and context are played by the test as their contracts say (`tests.service.chat.peers`).
"""

import asyncio
import json
from typing import Any

import pytest

from contracts.envelope import Scope
from contracts.runs import (
    ListRuns,
    RunStatus,
    StepRequest,
)
from contracts.tool import ExecutionStatus, ToolOutcome
from libs.bus import RemoteError
from libs.db import Transaction
from libs.runtime.run import RunningService
from services.chat.runs.outcomes import execution_id
from tests.conftest import new_scope
from tests.service.chat.model_peer import ModelPeer, Says, in_order
from tests.service.chat.peers import SARAH, ToolPeer
from tests.service.chat.runs_world import PATIENCE_S, Runs, event, statuses
from tests.service.chat.world import World
from tests.service.neighbours import eventually


@pytest.fixture
def runs(world: World, scope: Scope) -> Runs:
    return Runs(world, scope)


async def test_a_run_is_shown_then_started_and_carried_out_in_its_order_with_values_of_earlier_steps(
    offline_chat: RunningService, runs: Runs, tools: ToolPeer
) -> None:
    shown = await runs.create(
        StepRequest(id="find", name="Find Sarah", tool="contacts_find", arguments={"name": "Sarah"}),
        event("meet", arguments={"guests": [{"$from": "find", "path": "contacts[only].address"}]}),
        event("after", "meet"),
        start=False,
    )
    assert (shown.status, shown.progress, shown.estimated_s) == (RunStatus.PLANNED, 0, 10)
    assert (tools.reads, tools.effects) == ([], {})
    await runs.control(shown, "start")
    done = await runs.until(shown)
    assert (done.status, done.progress) == (RunStatus.DONE, 1)
    assert [arguments["title"] for arguments in tools.effects.values()] == ["meet", "after"]
    assert next(iter(tools.effects.values()))["guests"] == [SARAH["address"]]
    assert [json.loads(step.result or "")["title"] for step in done.steps[1:]] == ["meet", "after"]
    told = await runs.updates(done)
    assert told[0] == "multi_step.initiated"
    assert told[-2:] == ["multi_step.complete", "run.done"]
    assert [kind for kind in told if kind.startswith("step.")] == ["step.started", "step.result", "step.ended"] * 3
    assert await runs.updates(done, after=4) == told[4:], "a client that comes back gets the rest"


async def test_independent_steps_are_under_way_at_the_same_time(
    offline_chat: RunningService, runs: Runs, tools: ToolPeer
) -> None:
    together = asyncio.Barrier(3)
    tools.before_effect = lambda arguments: together.wait()
    run = await runs.create(event("a"), event("b"), event("c"))
    async with asyncio.timeout(PATIENCE_S):
        done = await runs.until(run)
    assert done.status is RunStatus.DONE


async def test_the_call_of_a_step_says_where_its_values_come_from(
    offline_chat: RunningService, runs: Runs, tools: ToolPeer
) -> None:
    run = await runs.create(
        StepRequest(id="mail", name="Search", tool="mail_search"),
        event("evil", arguments={"description": {"$from": "mail", "path": "mails[0].snippet"}}),
        event("good", "mail", title="Lunch"),
    )
    waiting = await runs.until(run, RunStatus.WAITING)
    assert statuses(waiting) == {"mail": "done", "evil": "waiting", "good": "done"}
    good, evil = tools.provenances["Lunch"], tools.provenances["evil"]
    assert (good.via, good.read_untrusted, good.is_asked) == ("run", False, True)
    assert (evil.via, evil.read_untrusted, evil.is_asked) == ("run", True, True)
    origins = {each.argument: str(each.origin) for each in evil.arguments}
    assert origins == {"title": "user", "start": "user", "description": "untrusted"}


async def test_a_step_waits_for_its_user_without_holding_anybody_and_goes_on_when_they_decide(
    offline_chat: RunningService, runs: Runs, tools: ToolPeer
) -> None:
    approved = asyncio.Event()
    tools.silent, tools.before_effect = True, lambda arguments: approved.wait()
    run = await runs.create(event("send"), event("after", "send"))
    execution = execution_id(run.run_id, "send", 0)
    tools.outcomes[execution] = ToolOutcome(status=ExecutionStatus.PROPOSED, sealed_preview="v1.AAAA")
    waiting = await runs.until(run, RunStatus.WAITING)
    assert waiting.steps[0].action_id == execution
    assert "action.proposed" in await runs.updates(run)
    approved.set()
    await eventually(lambda: _is_done(tools, execution))
    await runs.finished(execution)
    done = await runs.until(run)
    assert statuses(done) == {"send": "done", "after": "done"}
    assert len(tools.effects) == 2


async def _is_done(tools: ToolPeer, execution: str) -> bool:
    return tools.outcomes[execution].status is ExecutionStatus.DONE


async def test_what_the_user_declines_is_not_done_and_ends_the_run(
    offline_chat: RunningService, runs: Runs, tools: ToolPeer
) -> None:
    never = asyncio.Event()
    tools.before_effect = lambda arguments: never.wait()
    run = await runs.create(event("send"), event("after", "send"))
    execution = execution_id(run.run_id, "send", 0)
    tools.outcomes[execution] = ToolOutcome(status=ExecutionStatus.DECLINED)
    await runs.finished(execution, "failed")
    failed = await runs.until(run)
    never.set()
    assert (failed.status, failed.steps[0].error, failed.steps[1].status) == (RunStatus.FAILED, "declined", "pending")


async def test_a_lost_notice_and_a_lost_event_cost_time_and_nothing_else(
    offline_chat: RunningService, runs: Runs, tools: ToolPeer
) -> None:
    """The peer tells of nothing: timers find out."""
    tools.silent = True
    done = await runs.until(await runs.create(event("a"), event("b", "a")))
    assert done.status is RunStatus.DONE
    assert len(tools.effects) == 2


async def test_pause_resume_skip_retry_and_cancel(offline_chat: RunningService, runs: Runs, tools: ToolPeer) -> None:
    gate = asyncio.Event()
    tools.before_effect = lambda arguments: gate.wait()
    run = await runs.create(event("a"), event("b", "a", required=False), event("c", "b"))
    await eventually(lambda: _is_asked(tools, 1))  # what had not begun would be held back too
    paused = await runs.control(run, "pause")
    assert paused.status is RunStatus.PAUSED
    gate.set()

    async def a_is_done() -> bool:
        return statuses(await runs.get(run))["a"] == "done"

    await eventually(a_is_done)
    assert statuses(await runs.step(run, "b", "skip")) == {"a": "done", "b": "skipped", "c": "pending"}
    assert len(tools.effects) == 1, "a paused run begins nothing"
    tools.fails = "The calendar said no."
    await runs.control(run, "resume")
    failed = await runs.until(run, RunStatus.FAILED)
    assert failed.steps[2].detail == "The calendar said no."
    tools.fails = None
    await runs.step(run, "c", "retry")
    done = await runs.until(run)
    assert statuses(done) == {"a": "done", "b": "skipped", "c": "done"}
    with pytest.raises(RemoteError, match="The run is done"):
        await runs.control(run, "cancel")
    other = await runs.create(event("x"), start=False)
    assert (await runs.control(other, "cancel")).status is RunStatus.CANCELLED
    assert {arguments["title"] for arguments in tools.effects.values()} == {"a", "c"}


async def test_an_effect_that_takes_too_long_fails_and_its_late_truth_is_taken(
    offline_chat: RunningService, runs: Runs, tools: ToolPeer
) -> None:
    gate = asyncio.Event()
    tools.silent, tools.before_effect = True, lambda arguments: gate.wait()
    run = await runs.create(event("slow", time_limit_s=0.5), event("after", "slow"))
    late = await runs.until(run)
    assert (late.status, late.steps[0].error) == (RunStatus.FAILED, "step_timeout")
    gate.set()
    execution = execution_id(run.run_id, "slow", 0)
    await eventually(lambda: _is_known(tools, execution))
    await runs.finished(execution)
    assert (await runs.until(run, RunStatus.DONE)).progress == 1
    assert len(tools.effects_on("slow")) == 1


async def _is_asked(tools: ToolPeer, count: int) -> bool:
    return len(tools.deliveries) >= count


async def _is_known(tools: ToolPeer, execution: str) -> bool:
    return execution in tools.outcomes


async def test_a_run_that_takes_longer_than_it_may_ends_and_can_be_resumed(
    offline_chat: RunningService, runs: Runs, tools: ToolPeer
) -> None:
    gate = asyncio.Event()
    tools.before_effect = lambda arguments: gate.wait()
    run = await runs.create(event("a"), event("b", "a"), time_limit_s=3)
    await eventually(lambda: _is_asked(tools, 1))

    async def is_late() -> bool:
        return (await runs.get(run)).error == "run_timeout"

    await eventually(is_late)
    gate.set()
    ended = await runs.until(run)
    assert (ended.status, statuses(ended)) == (RunStatus.FAILED, {"a": "done", "b": "pending"})
    await runs.control(run, "resume")
    assert (await runs.until(run)).status is RunStatus.DONE


async def test_a_plan_with_a_defect_is_refused_in_words_and_leaves_nothing(
    offline_chat: RunningService, runs: Runs, tools: ToolPeer
) -> None:
    with pytest.raises(RemoteError, match="wait for each other"):
        await runs.create(event("a", "b"), event("b", "a"))
    with pytest.raises(RemoteError, match="is not among yours"):
        await runs.create(StepRequest(id="a", name="a", tool="teleport"))
    assert (await runs.world.ask(ListRuns(), runs.scope)).runs == ()


async def test_a_goal_becomes_steps_by_its_own_words_without_a_model(
    offline_chat: RunningService, runs: Runs, tools: ToolPeer
) -> None:
    goal = 'Show my mails from today, then schedule "Review" with Sarah tomorrow at 10:00'
    shown = await runs.create(goal=goal, start=False)
    assert (shown.planned_by, shown.status) == ("offline", RunStatus.PLANNED)
    assert [step.tool for step in shown.steps] == ["mail_search", "contacts_find", "calendar_create_event"]
    await runs.control(shown, "start")
    assert (await runs.until(shown)).status is RunStatus.DONE
    assert len(tools.effects_on("Review")) == 1


async def test_a_model_plans_and_mends_a_plan_that_is_refused(
    chat: RunningService, runs: Runs, tools: ToolPeer, model: ModelPeer
) -> None:
    steps = [{"id": "s1", "name": "Meet", "tool": "calendar_create_event", "arguments": {"title": "Planned"}}]
    model.script = in_order(
        Says(json.dumps({"steps": [{**steps[0], "tool": "teleport"}]})),
        Says("```json\n" + json.dumps({"steps": steps, "confidence": 0.7}) + "\n```"),
    )
    shown = await runs.create(goal="Plan a meeting", start=False)
    assert (shown.planned_by, [step.name for step in shown.steps]) == ("model", ["Meet"])
    assert "is not among yours" in json.dumps(model.requests[1])
    await runs.control(shown, "start")
    assert (await runs.until(shown)).status is RunStatus.DONE
    assert len(tools.effects_on("Planned")) == 1


async def test_runs_belong_to_their_user_and_hold_nothing_readable(
    offline_chat: RunningService, runs: Runs, tools: ToolPeer, world: World
) -> None:
    run = await runs.create(
        event("to-Zanzibar", title="Zanzibar"), event("then-Zanzibar", "to-Zanzibar"), goal="Fly to Zanzibar"
    )
    await runs.until(run)
    with pytest.raises(RemoteError, match="no such run"):
        await Runs(world, new_scope()).get(run)
    async with offline_chat.db.reading(runs.scope) as tx:
        rows = [
            str(dict(row)) for table in ("runs", "run_steps", "run_updates", "outbox") for row in await _all(tx, table)
        ]
    assert len(rows) > 8
    assert not [row for row in rows if "Zanzibar" in row]


async def _all(tx: Transaction, table: str) -> Any:
    return await tx.fetch(f"select * from {table}")  # noqa: S608 - names of our own


async def test_runs_are_listed_newest_first_and_asked_for_twice_made_once(
    offline_chat: RunningService, runs: Runs, tools: ToolPeer
) -> None:
    made = [await runs.create(event("a"), goal=f"goal {number}", start=False) for number in range(3)]
    again = await runs.create(event("b"), goal="another", run_id=made[0].run_id)
    assert (again.goal, again.status) == ("goal 0", RunStatus.PLANNED)
    first = await runs.world.ask(ListRuns(limit=2), runs.scope)
    rest = await runs.world.ask(ListRuns(limit=2, cursor=first.cursor), runs.scope)
    assert [run.goal for run in (*first.runs, *rest.runs)] == ["goal 2", "goal 1", "goal 0"]
    assert rest.cursor is None
