"""A turn from the accepted message to the stored answer."""

from contracts.chat import TurnStatus
from contracts.envelope import Scope
from libs.runtime.run import RunningService
from tests.service.chat.model_peer import Calls, ModelPeer, Says, in_order
from tests.service.chat.peers import ToolPeer
from tests.service.chat.world import World

EVENT = {"title": "Meeting with Sarah", "start": "2030-01-02T14:00:00", "guests": ["sarah.chen@example.com"]}


async def test_a_message_is_answered_by_the_model_token_by_token_and_kept(
    chat: RunningService, world: World, model: ModelPeer, scope: Scope
) -> None:
    command = world.command(scope, "Hello, who are you?")
    await world.send(command, scope)
    followed = await world.follow(command.turn_id)
    assert followed.text == "Hello from the model."
    assert followed.end.type == "turn.completed"
    assert (followed.end.engine, followed.end.model) == ("model", "gpt-5-mini")
    assert (followed.end.input_tokens, followed.end.output_tokens) == (100, 10)
    kept = await world.conversation(command.conversation_id, scope)
    assert [(message.role, message.text) for message in kept.messages] == [
        ("user", "Hello, who are you?"),
        ("assistant", "Hello from the model."),
    ]
    assert kept.messages[1].message_id == followed.end.message_id
    assert kept.summary.title == "Hello, who are you?"
    assert kept.summary.message_count == 2
    turn = await world.turn(command.turn_id, scope)
    assert (turn.status, turn.error) == (TurnStatus.COMPLETED, None)
    assert turn.answer
    assert turn.answer.text == "Hello from the model."


async def test_the_end_is_told_to_the_other_services_once_with_figures_and_price(
    chat: RunningService, world: World, scope: Scope
) -> None:
    command = world.command(scope, "Hello")
    await world.send(command, scope)
    await world.follow(command.turn_id)
    [told] = await world.completed(scope)
    assert told.turn_id == command.turn_id
    assert (told.status, told.engine, told.input_tokens, told.output_tokens) == ("completed", "model", 100, 10)
    assert told.cost_micros
    assert 0 < told.duration_ms < 20_000


async def test_a_model_uses_tools_and_sees_their_results(
    chat: RunningService, world: World, model: ModelPeer, tools: ToolPeer, scope: Scope
) -> None:
    model.script = in_order(
        Calls((("contacts_find", {"name": "Sarah"}),), text="One moment."),
        Calls((("calendar_create_event", EVENT),)),
        Says("Done: it is in your calendar."),
    )
    followed = await world.say(scope, "Schedule a meeting with Sarah tomorrow at 2pm")
    assert followed.end.type == "turn.completed"
    assert followed.text == "One moment.\n\nDone: it is in your calendar."
    assert list(tools.effects.values()) == [EVENT]
    assert [name for name, _, _ in tools.reads] == ["contacts_find"]
    assert "sarah.chen@example.com" in model.requests[1]["messages"][-1]["content"]
    assert (followed.end.input_tokens, followed.end.output_tokens) == (300, 30)
    started = [update.name for update in followed.updates if update.type == "step.started"]
    assert "Looking up a contact" in started
    assert "Creating a calendar event" in started


async def test_every_step_that_starts_also_ends(
    chat: RunningService, world: World, model: ModelPeer, tools: ToolPeer, scope: Scope
) -> None:
    model.script = in_order(Calls((("calendar_list", {}), ("mail_search", {}))), Says("Nothing new."))
    followed = await world.say(scope, "What is new?")
    open_steps: list[str | None] = []
    for update in followed.updates:
        if update.type == "step.started":
            open_steps.append(update.step_id)
        elif update.type == "step.ended":
            open_steps.remove(update.step_id)
    assert open_steps == []


async def test_the_model_is_shown_who_asks_when_and_the_conversation_so_far(
    chat: RunningService, world: World, model: ModelPeer, scope: Scope
) -> None:
    first = world.command(scope, "My cat is called Turing.")
    await world.send(first, scope)
    await world.follow(first.turn_id)
    await world.say(scope, "What is my cat called?", conversation_id=first.conversation_id)
    system, *said = model.requests[-1]["messages"]
    assert "Ada" in system["content"]
    assert "Europe/Berlin" in system["content"]
    assert [(message["role"], message["content"]) for message in said] == [
        ("user", "My cat is called Turing."),
        ("assistant", "Hello from the model."),
        ("user", "What is my cat called?"),
    ]


async def test_without_a_model_the_rules_answer_and_say_so(
    offline_chat: RunningService, world: World, tools: ToolPeer, scope: Scope
) -> None:
    followed = await world.say(scope, "Schedule a meeting with Sarah tomorrow at 2pm")
    assert followed.end.type == "turn.completed"
    assert followed.end.engine == "offline"
    assert "ffline" in followed.text
    [created] = tools.effects.values()
    assert created["guests"] == ["sarah.chen@example.com"]
    assert "T14:00" in created["start"]
    assert tools.timezones == ["Europe/Berlin"]


async def test_a_turn_delivered_again_after_its_end_does_nothing_but_tell_it(
    chat: RunningService, world: World, model: ModelPeer, scope: Scope
) -> None:
    command = world.command(scope, "Hello")
    await world.send(command, scope)
    first = await world.follow(command.turn_id)
    await world.send(command, scope, again="-again")
    other = world.command(scope, "Something else")
    await world.send(other, scope)
    await world.follow(other.turn_id)
    assert len(model.requests) == 2
    assert (await world.follow(command.turn_id)).updates == first.updates
    assert (await world.conversation(command.conversation_id, scope)).summary.message_count == 2


async def test_an_answer_whose_notice_was_lost_is_found_by_asking(
    chat: RunningService, world: World, model: ModelPeer, tools: ToolPeer, scope: Scope
) -> None:
    tools.silent = True
    model.script = in_order(Calls((("calendar_create_event", EVENT),)), Says("Done."))
    followed = await world.say(scope, "Schedule it")
    assert followed.text == "Done."
    assert len(tools.effects) == 1
