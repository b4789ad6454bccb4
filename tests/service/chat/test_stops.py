"""Stop: pressed early, late, twice, and when its notice is lost. What was written stays."""

import asyncio

from contracts.chat import TurnStatus
from contracts.envelope import Scope
from libs.runtime.run import RunningService
from tests.service.chat.model_peer import Calls, ModelPeer, Says, in_order
from tests.service.chat.peers import ToolPeer
from tests.service.chat.world import World
from tests.service.neighbours import eventually

LONG = " ".join(f"word{number}" for number in range(400))


async def test_a_stop_while_the_model_speaks_keeps_what_was_said(
    chat: RunningService, world: World, model: ModelPeer, scope: Scope
) -> None:
    model.script = in_order(Says(LONG, pause_s=0.02))
    command = world.command(scope, "Tell me everything")
    await world.send(command, scope)
    seen = await world.follow(command.turn_id, until=frozenset({"token"}))
    await world.stop(command.turn_id, scope)
    rest = await world.follow(command.turn_id, after=seen.end.n)
    assert rest.end.type == "turn.stopped"
    said = seen.text + rest.text
    assert said.startswith("word0")
    assert len(said) < len(LONG)
    turn = await world.turn(command.turn_id, scope)
    assert turn.status is TurnStatus.STOPPED
    assert turn.answer
    assert turn.answer.text == said
    [told] = await world.completed(scope)
    assert told.status is TurnStatus.STOPPED


async def test_a_stop_before_the_turn_begins_is_honoured(
    chat: RunningService, world: World, model: ModelPeer, scope: Scope
) -> None:
    command = world.command(scope, "Schedule everything")
    await world.stop(command.turn_id, scope)

    async def noted() -> bool:
        async with chat.db.reading(scope) as tx:
            return bool(await tx.fetchval("select stop_requested from turns where turn_id = $1", command.turn_id))

    await eventually(noted)
    await world.send(command, scope)
    followed = await world.follow(command.turn_id)
    assert followed.end.type == "turn.stopped"
    assert followed.text == ""
    assert model.requests == []
    kept = await world.conversation(command.conversation_id, scope)
    assert [message.role for message in kept.messages] == ["user"]


async def test_a_stop_after_the_end_changes_nothing(chat: RunningService, world: World, scope: Scope) -> None:
    command = world.command(scope, "Hello")
    await world.send(command, scope)
    await world.follow(command.turn_id)
    await world.stop(command.turn_id, scope)
    other = await world.say(scope, "And again")
    assert other.end.type == "turn.completed"
    assert (await world.turn(command.turn_id, scope)).status is TurnStatus.COMPLETED


async def test_a_stop_whose_notice_is_lost_comes_with_the_next_renewal(
    chat: RunningService, world: World, model: ModelPeer, scope: Scope
) -> None:
    model.script = in_order(Says(LONG, pause_s=0.05))
    command = world.command(scope, "Tell me everything")
    await world.send(command, scope)
    await world.follow(command.turn_id, until=frozenset({"token"}))
    async with chat.db.transaction(scope) as tx:
        await tx.execute("update turns set stop_requested = true where turn_id = $1", command.turn_id)
    async with asyncio.timeout(6):
        assert (await world.follow(command.turn_id)).end.type == "turn.stopped"


async def test_a_stop_between_an_effect_and_its_report_leaves_the_effect_done_once(
    chat: RunningService, world: World, model: ModelPeer, tools: ToolPeer, scope: Scope
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def wait(arguments: object) -> None:
        begun.set()
        await go_on.wait()

    tools.before_effect = wait
    model.script = in_order(Calls((("calendar_create_event", {"title": "Once"}),)), Says("Done."))
    command = world.command(scope, "Schedule it")
    await world.send(command, scope)
    await begun.wait()
    await world.stop(command.turn_id, scope)
    followed = await world.follow(command.turn_id)
    go_on.set()
    assert followed.end.type == "turn.stopped"
    assert len(model.requests) == 1

    async def carried_out() -> bool:
        return len(tools.effects_on("Once")) == 1

    await eventually(carried_out)


async def test_nobody_stops_a_strangers_turn(
    chat: RunningService, world: World, model: ModelPeer, scope: Scope, stranger: Scope
) -> None:
    gate = asyncio.Event()
    model.script = in_order(Says("A quiet answer", gate=gate))
    command = world.command(scope, "Hello")
    await world.send(command, scope)
    await world.follow(command.turn_id, until=frozenset({"token"}))
    await world.stop(command.turn_id, stranger)

    async def noted() -> bool:
        async with chat.db.reading(stranger) as tx:
            return bool(await tx.fetchval("select 1 from turns where turn_id = $1", command.turn_id))

    await eventually(noted)
    await asyncio.sleep(0.2)
    gate.set()
    assert (await world.follow(command.turn_id)).end.type == "turn.completed"
