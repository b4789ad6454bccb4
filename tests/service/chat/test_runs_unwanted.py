"""What a user does not want any more is not asked about, whenever it would have been proposed."""

import asyncio

import pytest

from contracts.actions import ActionDecided
from contracts.envelope import Envelope, Scope
from contracts.ids import ExecutionId
from contracts.runs import RunStatus, StepRequest
from contracts.tool import ExecutionStatus, ToolOutcome
from libs.bus.subjects import stream_for, subject_for
from libs.runtime.run import RunningService
from services.chat.runs.outcomes import execution_id
from tests.service.chat.peers import ToolPeer
from tests.service.chat.runs_world import Runs, event, statuses
from tests.service.chat.world import World
from tests.service.neighbours import eventually

PROPOSED = ToolOutcome(status=ExecutionStatus.PROPOSED, sealed_preview="v1.AAAA")
LOOK = StepRequest(id="mail", name="Search", tool="mail_search")
WORDS = {"description": {"$from": "mail", "path": "mails[0].snippet"}}


@pytest.fixture
def runs(world: World, scope: Scope) -> Runs:
    return Runs(world, scope)


async def test_a_proposal_goes_with_the_run_that_is_cancelled_while_it_waits(
    offline_chat: RunningService, runs: Runs, tools: ToolPeer
) -> None:
    run = await runs.create(LOOK, event("send", arguments=WORDS))
    waiting = await runs.until(run, RunStatus.WAITING)
    action = waiting.steps[1].action_id
    assert action is not None
    cancelled = await runs.control(run, "cancel")
    assert statuses(cancelled) == {"mail": "done", "send": "cancelled"}
    await eventually(lambda: _stands(tools, action, ExecutionStatus.WITHDRAWN))
    assert tools.effects == {}


async def test_what_is_proposed_after_its_run_was_cancelled_is_withdrawn(
    offline_chat: RunningService, runs: Runs, tools: ToolPeer
) -> None:
    gate = asyncio.Event()
    tools.before_effect = lambda arguments: gate.wait()
    run = await runs.create(LOOK, event("send", arguments=WORDS))
    action = execution_id(run.run_id, "send", 0)
    await eventually(lambda: _is_asked(tools, action))
    cancelled = await runs.control(run, "cancel")
    assert statuses(cancelled)["send"] == "running", "it is on its way"
    gate.set()
    await eventually(lambda: _stands(tools, action, ExecutionStatus.WITHDRAWN))

    async def is_known() -> bool:
        return statuses(await runs.get(run))["send"] == "cancelled"

    await eventually(is_known, timeout_s=20)
    assert (await runs.get(run)).status is RunStatus.CANCELLED
    assert "action.proposed" not in await runs.updates(run)
    assert tools.effects == {}


async def test_a_step_that_was_left_out_while_it_waited_is_asked_about_anew_when_it_is_wanted_after_all(
    offline_chat: RunningService, runs: Runs, tools: ToolPeer
) -> None:
    run = await runs.create(LOOK, event("send", arguments=WORDS))
    await runs.until(run, RunStatus.WAITING)
    first = execution_id(run.run_id, "send", 0)
    assert statuses(await runs.step(run, "send", "skip"))["send"] == "skipped"
    await eventually(lambda: _stands(tools, first, ExecutionStatus.WITHDRAWN))
    await _decided(runs, first)

    async def asked_anew() -> str | None:
        view = await runs.step(run, "send", "retry") if (await runs.get(run)).status is RunStatus.DONE else None
        view = view or await runs.get(run)
        if view.status is RunStatus.FAILED:  # it was tried before the withdrawal was known
            view = await runs.step(run, "send", "retry")
        return view.steps[1].action_id

    assert await eventually(asked_anew, timeout_s=20) == execution_id(run.run_id, "send", 1)


async def test_two_devices_that_steer_at_once_end_in_one_run_that_makes_sense(
    offline_chat: RunningService, runs: Runs, tools: ToolPeer
) -> None:
    """Each deed twice, all of them at once, again and again; then the run goes on, and each effect is there once."""
    ids = ["a", "b", "c", "d"]
    run = await runs.create(*(event(id, *ids[max(0, n - 1) : n]) for n, id in enumerate(ids)), start=False)
    for _ in range(5):
        await asyncio.gather(
            *(runs.control(run, action) for action in ("start", "pause", "resume", "start", "pause", "resume")),
            *(runs.step(run, "d", action) for action in ("skip", "retry", "skip", "retry")),
            return_exceptions=True,
        )
    if (await runs.get(run)).status is RunStatus.PAUSED:
        await runs.control(run, "resume")
    done = await runs.until(run)
    if statuses(done)["d"] == "skipped":
        await runs.step(run, "d", "retry")
        done = await runs.until(run)
    assert (done.status, set(statuses(done).values())) == (RunStatus.DONE, {"done"})
    assert sorted(arguments["title"] for arguments in tools.effects.values()) == ids


async def _stands(tools: ToolPeer, action: ExecutionId, status: ExecutionStatus) -> bool:
    return action in tools.outcomes and tools.outcomes[action].status is status


async def _is_asked(tools: ToolPeer, action: ExecutionId) -> bool:
    return action in tools.deliveries


async def _decided(runs: Runs, action: ExecutionId) -> None:
    """What the tool service tells everybody."""
    told = ActionDecided(action_id=action, tool="calendar_create_event", decision="withdrawn")
    envelope = Envelope.around(ActionDecided, source="tool", scope=runs.scope)
    await runs.world.admin.jetstream.publish(
        subject_for(ActionDecided, runs.scope),
        told.model_dump_json().encode(),
        stream=stream_for(ActionDecided),
        headers={**envelope.headers(), "Nats-Msg-Id": envelope.id},
    )
