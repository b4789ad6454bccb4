"""What nobody decides ends by itself, and what is held back goes out when its moment is over, unless withdrawn."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from contracts.actions import ActionStatus, ExpireAction
from contracts.tool import ExecutionStatus
from libs.bus import Bus, RemoteError
from services.tool.consent.gate import Waits
from services.tool.consent_handlers import expire_action
from services.tool.deps import ToolDeps
from services.tool.errors import ExecutionInProgress
from tests.conftest import Platform
from tests.service.tool.desk import EVENT, Desk
from tests.service.tool.front import Front
from tests.service.tool.world import World, running_tool

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
async def impatient(platform: Platform, front: Front) -> AsyncIterator[ToolDeps]:
    async with running_tool(platform, front.url, waits=Waits(timedelta(seconds=0.5), timedelta(0))) as deps:
        yield deps


async def test_a_proposal_that_nobody_decides_ends_by_itself(impatient: ToolDeps, world: World, gateway: Bus) -> None:
    desk = Desk(world, gateway)
    action_id = await desk.propose(EVENT | {"title": "Late"})
    async with asyncio.timeout(15):
        while (outcome := await world.standing(action_id)) is None or outcome.status is ExecutionStatus.PROPOSED:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert outcome.status is ExecutionStatus.EXPIRED
    with pytest.raises(RemoteError) as late:
        await desk.decide(action_id, "approve")
    assert late.value.slug == "action_expired"
    assert (await desk.gateway.ask(desk.one(action_id), scope=world.scope)).status is ActionStatus.EXPIRED
    assert await world.events("Late") == []


async def test_a_word_that_time_is_over_comes_again_when_it_comes_too_early(
    tool: ToolDeps, world: World, gateway: Bus
) -> None:
    """Whoever delivers it has another clock than the database: a moment too early must not mean never."""
    action_id = await Desk(world, gateway).propose(EVENT | {"title": "Too early"})
    command = ExpireAction(action_id=action_id)
    async with tool.db.transaction(world.scope) as tx:
        await tx.execute(
            "update executions set expires_at = clock_timestamp() + interval '400 ms' where execution_id = $1",
            action_id,
        )
    with pytest.raises(ExecutionInProgress) as early:
        async with tool.db.transaction(world.scope) as tx:
            await expire_action(command, tx, tool)
    assert 0 < (early.value.retry_after_s or 0) <= 0.4
    async with asyncio.timeout(10):
        while True:
            try:
                async with tool.db.transaction(world.scope) as tx:
                    await expire_action(command, tx, tool)
                break
            except ExecutionInProgress as still:
                await asyncio.sleep(still.retry_after_s or 0)
    async with tool.db.transaction(world.scope) as tx:
        await expire_action(command, tx, tool)  # and again: nothing happens
    outcome = await world.standing(action_id)
    assert outcome is not None
    assert outcome.status is ExecutionStatus.EXPIRED
