"""Neighbours that are away or fail: what still works is done, and what does not is said."""

import asyncio

import pytest

from contracts.chat import TurnStatus
from contracts.envelope import Scope
from contracts.tool import ExecutionStatus, ToolOutcome
from libs.runtime.run import RunningService
from services.chat import model_engine
from tests.service.chat.conftest import Start
from tests.service.chat.model_peer import Calls, Fails, ModelPeer, Says, in_order
from tests.service.chat.peers import ContextPeer, ToolPeer
from tests.service.chat.world import World


async def test_a_model_that_is_down_is_replaced_by_the_rules_which_say_so(
    chat: RunningService, world: World, model: ModelPeer, tools: ToolPeer, scope: Scope
) -> None:
    model.script = in_order(Fails(500))
    followed = await world.say(scope, "Schedule a meeting with Sarah tomorrow at 2pm")
    assert (followed.end.type, followed.end.engine) == ("turn.completed", "offline")
    assert "not available" in followed.text
    assert "ffline" in followed.text
    assert len(tools.effects) == 1


@pytest.mark.parametrize("status", [401, 400])
async def test_a_model_that_refuses_us_is_not_asked_twice(
    chat: RunningService, world: World, model: ModelPeer, scope: Scope, status: int
) -> None:
    model.script = in_order(Fails(status))
    followed = await world.say(scope, "What can you do?")
    assert followed.end.engine == "offline"
    assert len(model.requests) == 1


async def test_a_model_that_breaks_off_after_visible_text_is_an_honest_failure_with_the_text_kept(
    chat: RunningService, world: World, model: ModelPeer, scope: Scope
) -> None:
    model.script = in_order(Says("You have three unread mails from Sarah", cut=True))
    command = world.command(scope, "What is new?")
    await world.send(command, scope)
    followed = await world.follow(command.turn_id)
    assert followed.end.type == "turn.failed"
    assert followed.end.error == "model_stream_broken"
    assert "kept" in (followed.end.detail or "")
    assert len(model.requests) == 3, "it was asked to go on, twice; and no word was said twice"
    assert followed.text.startswith("You have three")
    assert followed.text.count("You have") == 1
    turn = await world.turn(command.turn_id, scope)
    assert turn.status is TurnStatus.FAILED
    assert turn.answer
    assert turn.answer.text == followed.text != ""


async def test_a_model_that_fails_after_an_effect_never_lets_the_rules_plan_it_again(
    chat: RunningService, world: World, model: ModelPeer, tools: ToolPeer, scope: Scope
) -> None:
    model.script = in_order(Calls((("calendar_create_event", {"title": "Once"}),)), Fails(400))
    followed = await world.say(scope, "Schedule a meeting with Sarah tomorrow at 2pm")
    assert len(tools.effects) == 1
    assert followed.end.type == "turn.failed"
    assert followed.text == "Creating a calendar event: done."


async def test_an_empty_answer_is_not_passed_off_as_one(
    chat: RunningService, world: World, model: ModelPeer, scope: Scope
) -> None:
    model.script = in_order(Says(""))
    followed = await world.say(scope, "What can you do?")
    assert (followed.end.type, followed.end.engine) == ("turn.completed", "offline")


async def test_a_tool_that_fails_is_told_with_its_own_sentence(
    offline_chat: RunningService, world: World, tools: ToolPeer, scope: Scope
) -> None:
    tools.fails = "Google refused: your calendar is read-only."
    followed = await world.say(scope, "Schedule a meeting with Sarah tomorrow at 2pm")
    assert followed.end.type == "turn.completed"
    assert "your calendar is read-only" in followed.text


async def test_a_missing_connection_is_named(
    offline_chat: RunningService, world: World, tools: ToolPeer, scope: Scope
) -> None:
    tools.tools, tools.missing = (), ("calendar", "gmail")
    followed = await world.say(scope, "Show me my unread emails from today")
    assert "connect" in followed.text
    assert "gmail" in followed.text


async def test_a_result_that_is_not_what_it_should_be_breaks_no_turn(
    offline_chat: RunningService, world: World, tools: ToolPeer, scope: Scope
) -> None:
    tools.results["mail_search"] = [1, 2, 3]
    followed = await world.say(scope, "Show me my unread emails from today")
    assert followed.end.type == "turn.completed"


async def test_an_effect_that_may_have_been_done_is_reported_as_unknown(
    chat: RunningService, world: World, model: ModelPeer, tools: ToolPeer, scope: Scope
) -> None:
    async def lose(arguments: object) -> None:
        [id] = tools.outcomes
        tools.outcomes[id] = ToolOutcome(
            status=ExecutionStatus.UNKNOWN, error="execution_unknown", detail="I do not know whether it was done."
        )

    tools.after_effect = lose
    model.script = in_order(Calls((("calendar_create_event", {"title": "Maybe"}),)), Says("Please look."))
    await world.say(scope, "Schedule it")
    assert "do not know" in model.requests[1]["messages"][-1]["content"]


async def test_a_model_that_calls_tools_for_ever_is_brought_to_an_end(
    chat: RunningService, world: World, model: ModelPeer, tools: ToolPeer, scope: Scope
) -> None:
    def never_done(text: str, results: list[str]) -> Calls | Says:
        return Calls((("calendar_availability", {}), ("calendar_availability", {}), ("calendar_availability", {})))

    model.script = never_done
    followed = await world.say(scope, "Am I free?")
    assert followed.end.type in {"turn.completed", "turn.failed"}
    assert len(model.requests) == 9
    assert len(tools.reads) <= 20
    assert "tools" not in model.requests[-1]


@pytest.mark.parametrize(("reason", "told"), [("length", "limit of length"), ("content_filter", "withheld the rest")])
async def test_an_answer_that_the_model_did_not_finish_says_so(
    chat: RunningService, world: World, model: ModelPeer, scope: Scope, reason: str, told: str
) -> None:
    model.script = lambda text, results: Says("Half an answer", finish=reason)
    followed = await world.say(scope, "Tell me everything")
    assert followed.end.type == "turn.completed"
    assert followed.text.startswith("Half an answer")
    assert told in followed.text


async def test_a_turn_that_takes_too_long_ends_and_keeps_what_was_said(
    start_chat: Start, world: World, tools: ToolPeer, context: ContextPeer, model: ModelPeer, scope: Scope
) -> None:
    await start_chat(model_base_url=model.url, turn_s=1.0)
    model.script = in_order(Says(" ".join(["word"] * 400), pause_s=0.05))
    async with asyncio.timeout(10):
        followed = await world.say(scope, "Tell me everything")
    assert (followed.end.type, followed.end.error) == ("turn.failed", "turn_timeout")
    assert followed.text.startswith("word")


async def test_a_defect_of_ours_is_tried_again_and_then_told(
    chat: RunningService, world: World, model: ModelPeer, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def defect(*arguments: object) -> object:
        raise RuntimeError("a defect")

    monkeypatch.setattr(model_engine, "write", defect)
    followed = await world.say(scope, "Hello")
    assert (followed.end.type, followed.end.error) == ("turn.failed", "internal_error")
    assert "Nothing you said is lost" in (followed.end.detail or "")
