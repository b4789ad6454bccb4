"""Chat when its neighbours are away: no context, no tool service anywhere."""

import asyncio

import pytest

from contracts.envelope import Scope
from services.chat import turn
from tests.service.chat.conftest import Start
from tests.service.chat.model_peer import ModelPeer
from tests.service.chat.world import World


async def test_the_model_answers_and_the_user_is_told_what_is_missing(
    start_chat: Start, world: World, model: ModelPeer, scope: Scope
) -> None:
    await start_chat(model_base_url=model.url)
    followed = await world.say(scope, "Hello")
    assert followed.end.type == "turn.completed"
    assert followed.text == "Hello from the model."
    assert "times are in UTC" in followed.progress
    assert "tools are not available" in followed.progress
    assert "tools" not in model.requests[0]


async def test_a_timezone_that_the_client_gave_is_used(
    start_chat: Start, world: World, model: ModelPeer, scope: Scope
) -> None:
    await start_chat(model_base_url=model.url)
    followed = await world.say(scope, "Hello", timezone="Asia/Tokyo")
    assert "UTC" not in followed.progress
    assert "Asia/Tokyo" in model.requests[0]["messages"][0]["content"]


async def test_a_stop_is_honoured_while_the_tools_are_waited_for(start_chat: Start, world: World, scope: Scope) -> None:
    await start_chat()
    command = world.command(scope, "Show me my unread emails from today")
    await world.send(command, scope)
    await world.follow(command.turn_id, until=frozenset({"step.started"}))
    await world.stop(command.turn_id, scope)
    async with asyncio.timeout(5):
        assert (await world.follow(command.turn_id)).end.type == "turn.stopped"


async def test_the_rules_say_that_the_tools_cannot_be_reached(
    start_chat: Start, world: World, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "AWAY_S", 1.0)
    await start_chat()
    followed = await world.say(scope, "Show me my unread emails from today")
    assert followed.end.type == "turn.completed"
    assert "cannot be reached right now" in followed.text
