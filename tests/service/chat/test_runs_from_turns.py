"""A request that needs several steps becomes a plan in the middle of a turn: shown, and started by its user alone."""

from contracts.conversations import DeleteConversation, ListConversations
from contracts.envelope import Scope
from contracts.runs import ControlRun, GetRun, ListRuns
from libs.runtime.run import RunningService
from tests.service.chat.model_peer import Calls, ModelPeer, Says, in_order
from tests.service.chat.peers import ToolPeer
from tests.service.chat.world import World

STEPS = [
    {"id": "s1", "name": "Find Sarah", "tool": "contacts_find", "arguments": {"name": "Sarah"}},
    {
        "id": "s2",
        "name": "Meet",
        "tool": "calendar_create_event",
        "arguments": {"title": "Planned", "guests": [{"$from": "s1", "path": "contacts[0].address"}]},
        "depends_on": ["s1"],
    },
]


async def test_a_model_proposes_a_plan_and_nothing_of_it_is_done(
    chat: RunningService, world: World, model: ModelPeer, tools: ToolPeer, scope: Scope
) -> None:
    model.script = in_order(Calls((("plan_steps", {"steps": STEPS}),)), Says("I made a plan for you."))
    followed = await world.say(scope, "Find Sarah, then meet her, then tell everybody")

    assert followed.end.type == "turn.completed"
    (listed,) = (await world.ask(ListRuns(), scope)).runs
    run = await world.ask(GetRun(run_id=listed.run_id), scope)
    assert run.status == "planned"
    assert [step.name for step in run.steps] == ["Find Sarah", "Meet"]
    assert tools.effects == {}
    assert tools.reads == []


async def test_a_plan_with_a_defect_is_explained_to_the_model(
    chat: RunningService, world: World, model: ModelPeer, tools: ToolPeer, scope: Scope
) -> None:
    wrong = [STEPS[0], STEPS[1] | {"tool": "no_such_tool"}]
    model.script = in_order(Calls((("plan_steps", {"steps": wrong}),)), Says("I could not."))
    await world.say(scope, "Do a lot")

    told = model.requests[1]["messages"][-1]
    assert told["role"] == "tool"
    assert "no_such_tool" in told["content"]
    assert (await world.ask(ListRuns(), scope)).runs == ()


async def test_a_plan_that_nobody_started_goes_with_its_conversation_and_one_that_was_started_stays(
    chat: RunningService, world: World, model: ModelPeer, tools: ToolPeer, scope: Scope
) -> None:
    model.script = in_order(
        Calls((("plan_steps", {"steps": STEPS}),)),
        Says("One."),
        Calls((("plan_steps", {"steps": STEPS}),)),
        Says("Two."),
    )
    await world.say(scope, "Find Sarah, then meet her, then tell everybody")
    (first,) = (await world.ask(ListRuns(), scope)).runs
    await world.ask(ControlRun(run_id=first.run_id, action="start"), scope)
    await world.say(scope, "Find Sarah, then meet her, then tell everybody, once more")
    assert len((await world.ask(ListRuns(), scope)).runs) == 2
    for conversation in (await world.ask(ListConversations(), scope)).conversations:
        await world.ask(DeleteConversation(conversation_id=conversation.conversation_id), scope)
    assert [run.run_id for run in (await world.ask(ListRuns(), scope)).runs] == [first.run_id]
    async with chat.db.reading(scope) as tx:
        assert await tx.fetchval("select count(*) from run_steps") == len(STEPS)
