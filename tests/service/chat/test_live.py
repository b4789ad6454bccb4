"""The hot path on a real bus: numbers without gaps, text without loss, few messages."""

import asyncio
import time

import pytest

from contracts.ids import new_id
from libs.bus import Bus
from services.chat.coalescing import COALESCE_S
from services.chat.live_turn import LiveTurn, Update
from tests.conftest import Platform
from tests.service.chat.conftest import bus_of
from tests.service.chat.world import World

ENDS = frozenset({"turn.completed"})


@pytest.fixture
async def bus(platform: Platform, chat_stream: None) -> Bus:
    """Chat's connection."""
    made = bus_of(platform, "chat")
    await made.connect()
    return made


@pytest.fixture
async def chat_stream(offline_chat: object) -> None:
    """The stream in memory is kept alive by services."""


async def test_a_fast_stream_travels_in_few_messages_and_loses_nothing(bus: Bus, world: World) -> None:
    turn_id = new_id("t")
    live = LiveTurn(bus, turn_id)
    words = [f"w{number} " for number in range(500)]
    for word in words:
        await live.say(word)
    await live.end(Update(0, "turn.completed"))
    followed = await world.follow(turn_id, until=ENDS)
    assert followed.text == "".join(words) == live.text
    assert len(followed.updates) < 60
    await bus.close()


async def test_the_first_word_leaves_at_once_and_a_slow_stream_word_by_word(bus: Bus, world: World) -> None:
    turn_id = new_id("t")
    live = LiveTurn(bus, turn_id)
    for number in range(4):
        await live.say(f"w{number} ")
        await asyncio.sleep(COALESCE_S * 3)
    await live.end(Update(0, "turn.completed"))
    followed = await world.follow(turn_id, until=ENDS)
    assert [update.text for update in followed.updates[:-1]] == ["w0 ", "w1 ", "w2 ", "w3 "]
    await bus.close()


async def test_words_stay_in_order_when_the_loop_is_busy_just_as_held_ones_are_due(bus: Bus, world: World) -> None:
    turn_id = new_id("t")
    live = LiveTurn(bus, turn_id)
    words = [f"w{number} " for number in range(300)]
    for number, word in enumerate(words):
        await live.say(word)
        if number % 6 == 2:
            until = time.perf_counter() + COALESCE_S * 1.2
            while time.perf_counter() < until:
                pass  # the loop is held up by something else
        await asyncio.sleep(0)
    await live.end(Update(0, "turn.completed"))
    assert (await world.follow(turn_id, until=ENDS)).text == "".join(words)
    await bus.close()


async def test_steps_never_overtake_the_words_before_them(bus: Bus, world: World) -> None:
    turn_id = new_id("t")
    live = LiveTurn(bus, turn_id)
    for number in range(20):
        await live.say("a")
        await live.say("b")
        await live.emit("step.started", step_id=str(number), name="x")
    await live.end(Update(0, "turn.completed"))
    followed = await world.follow(turn_id, until=ENDS)
    seen = ""
    for update in followed.updates:
        seen += update.text or ""
        if update.type == "step.started":
            assert len(seen) == 2 * (int(update.step_id or 0) + 1)
    await bus.close()


async def test_a_successor_goes_on_counting_and_voids_what_was_seen(bus: Bus, world: World) -> None:
    turn_id = new_id("t")
    first = LiveTurn(bus, turn_id)
    await first.say("half an ans")
    await world.follow(turn_id, until=frozenset({"token"}))
    second = LiveTurn(bus, turn_id)
    assert not await second.take_over()
    await second.say("whole answer")
    await second.end(Update(0, "turn.completed"))
    followed = await world.follow(turn_id, until=ENDS)
    assert followed.types == ["token", "turn.restarted", "token", "turn.completed"]
    assert followed.text == "whole answer"
    assert await LiveTurn(bus, turn_id).take_over(), "the end has been told"
    await bus.close()
