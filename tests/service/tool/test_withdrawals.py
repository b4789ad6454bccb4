"""What proposed an action may not want it any more: then nobody is asked, and what is held back is not done."""

import pytest

from contracts.actions import ActionDecided, DecideAction, WithdrawAction
from contracts.ids import ExecutionId, new_id
from contracts.tool import ExecutionStatus
from libs.bus import Bus, RemoteError
from services.tool.deps import ToolDeps
from tests.service.neighbours import eventually
from tests.service.tool.desk import EVENT, Desk
from tests.service.tool.world import World, unique

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def desk(world: World, gateway: Bus) -> Desk:
    return Desk(world, gateway)


async def _withdraw(world: World, action_id: str) -> None:
    await world.chat.send(WithdrawAction(action_id=ExecutionId(action_id)), scope=world.scope, id=new_id("w"))


async def _is_withdrawn(desk: Desk, action_id: str) -> None:
    async def is_so() -> bool:
        standing = await desk.world.standing(ExecutionId(action_id))
        return standing is not None and standing.status is ExecutionStatus.WITHDRAWN

    await eventually(is_so)


async def test_a_proposal_is_withdrawn_told_of_once_and_cannot_be_approved_any_more(tool: ToolDeps, desk: Desk) -> None:
    title = unique("Withdrawn")
    action_id = await desk.propose(EVENT | {"title": title})
    for _ in range(3):
        await _withdraw(desk.world, action_id)
    await _is_withdrawn(desk, action_id)
    with pytest.raises(RemoteError) as decided:
        await desk.decide(action_id, "approve")
    assert decided.value.slug == "action_decided"
    assert await desk.world.events(title) == []
    async with tool.db.reading(desk.world.scope) as tx:
        told = await tx.fetchval("select count(*) from outbox where subject like $1", f"{ActionDecided.subject}%")
    assert told == 1


async def test_what_is_done_stays_and_what_is_not_known_is_nothing(tool: ToolDeps, desk: Desk) -> None:
    title = unique("Stays")
    unknown = new_id("x")
    await _withdraw(desk.world, unknown)
    action_id = await desk.propose(EVENT | {"title": title})
    await desk.gateway.ask(DecideAction(action_id=action_id, decision="approve"), scope=desk.world.scope)
    assert (await desk.world.ended(action_id)).status is ExecutionStatus.DONE
    await _withdraw(desk.world, action_id)
    last = await desk.propose(EVENT | {"title": unique("Last")})
    await _withdraw(desk.world, last)
    await _is_withdrawn(desk, last)
    standing = await desk.world.standing(action_id)
    assert standing is not None
    assert standing.status is ExecutionStatus.DONE
    assert await desk.world.standing(ExecutionId(unknown)) is None
    assert len(await desk.world.events(title)) == 1
