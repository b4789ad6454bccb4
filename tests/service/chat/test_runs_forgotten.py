"""Runs are forgotten with everything of them, some time after anybody had to do with them."""

from datetime import timedelta

from contracts.envelope import Scope
from contracts.runs import ListRuns, RunStatus, RunView
from libs.runtime.run import RunningService
from services.chat.housekeeping import forget_runs
from tests.service.chat.peers import ToolPeer
from tests.service.chat.runs_world import Runs, event
from tests.service.chat.world import World

KEEP = timedelta(days=90)


async def test_what_is_over_or_never_began_goes_after_its_time_and_what_is_still_looked_at_stays(
    offline_chat: RunningService, world: World, scope: Scope, tools: ToolPeer
) -> None:
    runs = Runs(world, scope)
    old = await runs.until(await runs.create(event("a")))
    shown = await runs.create(event("b"), start=False)
    looked_at = await runs.until(await runs.create(event("c")))
    paused = await runs.create(event("d"), event("e", "d"))
    await runs.control(paused, "pause")
    recent = await runs.until(await runs.create(event("f")))
    await _age(offline_chat, scope, old, shown, looked_at, paused)
    async with offline_chat.db.transaction(scope) as tx:
        await tx.execute("update runs set seen_at = now() where run_id = $1", looked_at.run_id)

    assert await forget_runs(offline_chat.db, KEEP) == 2
    assert await forget_runs(offline_chat.db, KEEP) == 0

    left = (await world.ask(ListRuns(), scope)).runs
    assert {run.run_id for run in left} == {looked_at.run_id, paused.run_id, recent.run_id}
    async with offline_chat.db.reading(scope) as tx:
        for table in ("run_steps", "run_updates"):
            sql = f"select count(*) from {table} where run_id = any($1)"  # noqa: S608 - names of our own
            assert await tx.fetchval(sql, [old.run_id, shown.run_id]) == 0
    assert recent.status is RunStatus.DONE


async def _age(chat: RunningService, scope: Scope, *runs: RunView) -> None:
    async with chat.db.transaction(scope) as tx:
        await tx.execute(
            """update runs set created_at = created_at - interval '100 days', seen_at = seen_at - interval '100 days',
                   finished_at = finished_at - interval '100 days'
               where run_id = any($1)""",
            [run.run_id for run in runs],
        )
