"""Answering the last message anew: the new answer takes the old one's place, and nothing happens twice."""

import asyncio

import pytest

from contracts.chat import GetQuestion, Question, RunTurn
from contracts.envelope import Scope
from libs.bus import RemoteError
from libs.runtime.run import RunningService
from tests.service.chat.model_peer import Calls, ModelPeer, Says, in_order
from tests.service.chat.world import World

CREATE = Calls(calls=(("calendar_create_event", {"title": "Lunch", "start": "2026-11-25T12:00:00+01:00"}),))


async def said(world: World, scope: Scope, text: str, **fields: object) -> RunTurn:
    command = world.command(scope, text, **fields)
    await world.send(command, scope)
    await world.follow(command.turn_id)
    return command


async def question_of(world: World, scope: Scope, turn: RunTurn) -> Question:
    return await world.ask(GetQuestion(turn_id=turn.turn_id), scope)


async def refusal_of(world: World, scope: Scope, turn: RunTurn) -> RemoteError:
    with pytest.raises(RemoteError) as refused:
        await question_of(world, scope, turn)
    return refused.value


async def test_the_new_answer_takes_the_place_of_the_old_one_which_the_model_does_not_see(
    chat: RunningService, world: World, model: ModelPeer, scope: Scope
) -> None:
    model.script = in_order(Says("Hello."), Says("First try."), Says("Second try."))
    first = await said(world, scope, "Hi")
    old = await said(world, scope, "Tell me something", conversation_id=first.conversation_id)
    question = await question_of(world, scope, old)
    again = await said(
        world, scope, "Tell me something", conversation_id=question.conversation_id, regenerates=old.turn_id
    )

    seen = await world.conversation(first.conversation_id, scope)
    assert [message.text for message in seen.messages] == ["Hi", "Hello.", "Tell me something", "Second try."]
    assert {message.turn_id for message in seen.messages} == {first.turn_id, again.turn_id}
    assert seen.summary.message_count == 4
    sent = [message["content"] for message in model.requests[-1]["messages"] if message["role"] != "system"]
    assert sent == ["Hi", "Hello.", "Tell me something"]


async def test_the_old_answer_stays_when_the_new_turn_says_nothing(
    chat: RunningService, world: World, model: ModelPeer, scope: Scope
) -> None:
    model.script = in_order(Says("First try."), Says("never said", before=asyncio.Event()))
    old = await said(world, scope, "Tell me something")
    again = world.command(scope, "Tell me something", conversation_id=old.conversation_id, regenerates=old.turn_id)
    await world.send(again, scope)
    await world.follow(again.turn_id, until=frozenset({"step.started"}))
    await world.stop(again.turn_id, scope)
    await world.follow(again.turn_id)

    seen = await world.conversation(old.conversation_id, scope)
    assert "First try." in [message.text for message in seen.messages]


async def test_a_turn_that_changed_something_is_not_repeated(
    chat: RunningService, world: World, model: ModelPeer, scope: Scope
) -> None:
    model.script = in_order(CREATE, Says("Done."))
    turn = await said(world, scope, "Lunch tomorrow at noon, please")

    refused = await refusal_of(world, scope, turn)
    assert refused.slug == "turn_not_repeatable"
    assert "changed something" in refused.detail


async def test_only_the_last_turn_of_a_conversation_is_answered_anew(
    chat: RunningService, world: World, scope: Scope
) -> None:
    first = await said(world, scope, "One")
    await said(world, scope, "Two", conversation_id=first.conversation_id)

    assert (await refusal_of(world, scope, first)).slug == "turn_not_repeatable"


async def test_a_turn_of_somebody_else_does_not_exist(
    chat: RunningService, world: World, scope: Scope, stranger: Scope
) -> None:
    turn = await said(world, scope, "Mine")

    assert (await refusal_of(world, stranger, turn)).slug == "turn_not_found"
