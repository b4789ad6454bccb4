"""A plan means what it meant when it was shown, also when it is started, resumed or approved on another day."""

from datetime import UTC, datetime, timedelta

from contracts.envelope import Scope
from contracts.runs import RunStatus, RunView, StepRequest
from libs.runtime.run import RunningService
from tests.service.chat.peers import ToolPeer
from tests.service.chat.runs_world import Runs, event
from tests.service.chat.world import World

DAYS = 2


async def test_tomorrow_is_that_of_the_day_the_plan_was_shown_whenever_its_steps_run(
    offline_chat: RunningService, world: World, scope: Scope, tools: ToolPeer
) -> None:
    runs = Runs(world, scope)
    look = StepRequest(id="look", name="Look", tool="calendar_list", arguments={"day": "tomorrow"})
    shown = await runs.create(look, event("meet", "look", arguments={"start": "tomorrow at 10:00"}), start=False)
    moment = await _days_ago(offline_chat, scope, shown)
    await runs.control(shown, "start")
    done = await runs.until(shown)
    assert done.status is RunStatus.DONE
    assert tools.moments == [("calendar_list", moment), ("calendar_create_event", moment)]
    assert done.created_at == moment


async def test_a_step_that_is_tried_again_days_later_means_the_same_day(
    offline_chat: RunningService, world: World, scope: Scope, tools: ToolPeer
) -> None:
    runs = Runs(world, scope)
    tools.fails = "No."
    failed = await runs.until(await runs.create(event("meet", arguments={"start": "tomorrow at 10:00"})))
    assert failed.status is RunStatus.FAILED
    moment = await _days_ago(offline_chat, scope, failed)
    tools.fails = None
    await runs.control(failed, "resume")
    assert (await runs.until(failed)).status is RunStatus.DONE
    first, second = (asked_at for _, asked_at in tools.moments)
    assert first is not None
    assert (second, first - timedelta(days=DAYS)) == (moment, moment)


async def _days_ago(chat: RunningService, scope: Scope, run: RunView) -> datetime:
    """As if the run had been shown then."""
    async with chat.db.transaction(scope) as tx:
        moment: datetime = await tx.fetchval(
            """update runs set created_at = created_at - make_interval(days => $2)
               where run_id = $1 returning created_at""",
            run.run_id,
            DAYS,
        )
    assert moment < datetime.now(UTC) - timedelta(days=1)
    return moment
