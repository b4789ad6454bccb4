"""Live messages: in order, without gaps, resumable for some minutes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from contracts.ids import new_id
from libs.bus import Bus, LiveGap
from tests.service.bus.world import World, until


def update(n: int) -> bytes:
    return json.dumps({"n": n, "type": "token", "text": f"word {n} "}).encode()


async def numbers(updates: AsyncIterator[bytes], many: int) -> list[int]:
    seen: list[int] = []
    async with asyncio.timeout(8):
        async for body in updates:
            seen.append(json.loads(body)["n"])
            if len(seen) == many:
                break
    return seen


@asynccontextmanager
async def two_buses(world: World) -> AsyncIterator[tuple[Bus, Bus]]:
    async with world.connected("chat") as chat, world.connected("gateway") as gateway:
        yield chat, gateway


async def test_a_follower_gets_what_was_published_before_it_came_and_what_comes_after(world: World) -> None:
    async with two_buses(world) as (chat, gateway):
        turn = new_id("t")
        publisher = chat.live("turn", turn)
        for n in range(1, 6):
            await publisher.publish(update(n))
        async with gateway.follow("turn", turn) as updates:
            assert await numbers(updates, 5) == [1, 2, 3, 4, 5]
            for n in range(6, 10):
                await publisher.publish(update(n))
            assert await numbers(updates, 4) == [6, 7, 8, 9]


async def test_a_follower_resumes_after_the_number_it_knows(world: World) -> None:
    async with two_buses(world) as (chat, gateway):
        turn = new_id("t")
        for n in range(1, 1300):
            await chat.live("turn", turn).publish(update(n))
        async with gateway.follow("turn", turn, after=1290) as updates:
            assert await numbers(updates, 9) == list(range(1291, 1300))
        async with gateway.follow("turn", turn) as updates:
            assert await numbers(updates, 1299) == list(range(1, 1300))


async def test_what_a_follower_did_not_receive_is_read_back_from_the_stream(world: World) -> None:
    async with two_buses(world) as (chat, gateway):
        turn = new_id("t")
        publisher = chat.live("turn", turn)
        async with gateway.follow("turn", turn) as updates:
            await publisher.publish(update(1))
            assert await numbers(updates, 1) == [1]
            deaf = _deafen(gateway)
            for n in (2, 3, 4):
                await publisher.publish(update(n))
            await asyncio.sleep(0.1)
            deaf()
            await publisher.publish(update(5))

            assert await numbers(updates, 4) == [2, 3, 4, 5]


def _deafen(bus: Bus):  # type: ignore[no-untyped-def]
    """Lose what the core subscription brings, as a reconnection does."""
    (subscription,) = [s for s in bus._connection.client._subs.values() if s.subject.startswith("live.")]
    hear = subscription._pending_queue.put_nowait
    subscription._pending_queue.put_nowait = lambda message: None

    def listen_again() -> None:
        subscription._pending_queue.put_nowait = hear

    return listen_again


async def test_the_last_message_is_found_even_if_nothing_follows_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.bus.live.LOOK_EVERY_S", 0.3)
    async with two_buses(world) as (chat, gateway):
        turn = new_id("t")
        async with gateway.follow("turn", turn) as updates:
            await chat.live("turn", turn).publish(update(1))
            assert await numbers(updates, 1) == [1]
            deaf = _deafen(gateway)
            await chat.live("turn", turn).publish(update(2))
            await asyncio.sleep(0.1)
            deaf()

            assert await numbers(updates, 1) == [2]


async def test_a_gap_that_nothing_can_heal_is_said_out_loud(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.bus.live.HEAL_FOR_S", 0.3)
    async with two_buses(world) as (chat, gateway):
        turn = new_id("t")
        await chat.live("turn", turn).publish(update(3))
        async with gateway.follow("turn", turn) as updates:
            with pytest.raises(LiveGap, match="1 to 2"):
                await numbers(updates, 1)


async def test_a_message_that_arrives_twice_is_seen_once(world: World) -> None:
    async with two_buses(world) as (chat, gateway):
        turn = new_id("t")
        async with gateway.follow("turn", turn) as updates:
            for n in (1, 2, 2, 1, 3):
                await chat.live("turn", turn).publish(update(n))
            assert await numbers(updates, 3) == [1, 2, 3]


async def test_the_last_live_message_tells_a_successor_where_to_go_on(world: World) -> None:
    async with two_buses(world) as (chat, _):
        turn = new_id("t")
        assert await chat.last_live("turn", turn) is None
        for n in (1, 2, 3):
            await chat.live("turn", turn).publish(update(n))

        async def stored() -> bool:
            return await chat.last_live("turn", turn) == update(3)

        await until(stored)  # live messages are stored behind the publisher's back


async def test_a_listener_is_woken_by_what_is_published_from_now_on(world: World) -> None:
    async with world.connected("tool") as tool, world.connected("chat") as chat:
        execution = new_id("x")
        async with chat.listen("execution", execution) as notices:
            await chat.last_live("execution", execution)  # a round trip: the server knows of the listener now
            await tool.live("execution", execution).publish(b"done")
            async with asyncio.timeout(2):
                async for body in notices:
                    assert body == b"done"
                    break


async def test_two_followers_of_one_turn_see_the_same(world: World) -> None:
    async with two_buses(world) as (chat, gateway):
        turn = new_id("t")
        async with gateway.follow("turn", turn) as one, gateway.follow("turn", turn) as other:
            for n in range(1, 50):
                await chat.live("turn", turn).publish(update(n))

            assert await asyncio.gather(numbers(one, 49), numbers(other, 49)) == [list(range(1, 50))] * 2
