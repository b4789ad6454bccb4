"""What nobody decides ends by itself, and what is held back goes out when its moment is over, unless withdrawn."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from contracts.actions import ActionStatus
from contracts.tool import ExecutionStatus
from libs.bus import Bus, RemoteError
from services.tool.consent.gate import Waits
from services.tool.deps import ToolDeps
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
