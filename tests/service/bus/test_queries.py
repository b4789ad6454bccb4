"""Asking and answering: typed replies, typed errors, deadlines."""

import asyncio
import time
from datetime import UTC, datetime

import pytest

from contracts.chat import GetTurn, TurnStatus, TurnView
from contracts.conversations import (
    ConversationFound,
    FindConversation,
    GetConversation,
    ListConversations,
)
from contracts.ids import ConversationId, TurnId
from libs.bus import Call, RemoteError, ServiceUnavailable, answer
from libs.resilience.errors import NotFound, RateLimited
from tests.service.bus.world import Deps, World, a_scope

VIEW = TurnView(turn_id=TurnId("t_1"), conversation_id=ConversationId("c_1"), status=TurnStatus.RUNNING)


async def get_turn(query: GetTurn, call: Call, deps: Deps) -> TurnView:
    deps.seen.append(call)
    return VIEW


class TurnNotFound(NotFound):
    slug = "turn_not_found"


async def test_a_query_is_answered_with_its_typed_reply_and_knows_who_asks_and_how_long(world: World) -> None:
    scope = a_scope()
    async with world.service("chat", answer(GetTurn, get_turn)) as chat, world.connected("gateway") as gateway:
        reply = await gateway.ask(GetTurn.example(), scope=scope, timeout_s=1.5)

        assert reply == VIEW
        (call,) = chat.seen
        assert call.scope == scope
        assert 1.0 < call.deadline.remaining_s() <= 1.5
        assert call.deadline.at > datetime.now(UTC)


async def test_an_error_of_the_other_service_arrives_with_its_slug_status_and_advice(world: World) -> None:
    async def missing(query: GetTurn, call: Call, deps: Deps) -> TurnView:
        raise TurnNotFound("there is no such turn")

    async with world.service("chat", answer(GetTurn, missing)), world.connected("gateway") as gateway:
        with pytest.raises(RemoteError) as caught:
            await gateway.ask(GetTurn.example(), scope=a_scope())

    error = caught.value
    assert (error.slug, error.status, error.retryable) == ("turn_not_found", 404, False)
    assert (error.detail, error.advice) == ("there is no such turn", NotFound.advice)


async def test_when_to_come_back_travels_with_a_rate_limit(world: World) -> None:
    async def busy(query: GetTurn, call: Call, deps: Deps) -> TurnView:
        raise RateLimited("slow down", retry_after_s=7)

    async with world.service("chat", answer(GetTurn, busy)), world.connected("gateway") as gateway:
        with pytest.raises(RemoteError) as caught:
            await gateway.ask(GetTurn.example(), scope=a_scope())

    assert (caught.value.retryable, caught.value.retry_after_s) == (True, 7)


async def test_a_defect_of_the_other_service_is_answered_at_once_and_tells_nothing_inside(world: World) -> None:
    async def broken(query: GetTurn, call: Call, deps: Deps) -> TurnView:
        raise RuntimeError("password=hunter2")

    async with world.service("chat", answer(GetTurn, broken)), world.connected("gateway") as gateway:
        with pytest.raises(RemoteError) as caught:
            await gateway.ask(GetTurn.example(), scope=a_scope())

    assert (caught.value.slug, caught.value.status) == ("internal_error", 500)
    assert "hunter2" not in caught.value.detail


async def test_nobody_there_is_known_at_once(world: World) -> None:
    async with world.connected("gateway") as gateway:
        began = time.monotonic()
        with pytest.raises(ServiceUnavailable) as caught:
            await gateway.ask(GetTurn.example(), scope=a_scope())

    assert caught.value.slug == "chat_unavailable"
    assert time.monotonic() - began < 0.5


async def test_no_answer_in_time_is_unavailable(world: World) -> None:
    async def slow(query: GetTurn, call: Call, deps: Deps) -> TurnView:
        await asyncio.sleep(0.5)
        return VIEW

    async with world.service("chat", answer(GetTurn, slow)), world.connected("gateway") as gateway:
        with pytest.raises(ServiceUnavailable) as caught:
            await gateway.ask(GetTurn.example(), scope=a_scope(), timeout_s=0.1)

    assert caught.value.slug == "chat_unavailable"


async def test_one_slow_answer_does_not_hold_up_the_others(world: World) -> None:
    release = asyncio.Event()

    async def slow(query: GetTurn, call: Call, deps: Deps) -> TurnView:
        await release.wait()
        return VIEW

    async def quick(query: FindConversation, call: Call, deps: Deps) -> ConversationFound:
        return ConversationFound(found=True)

    async with (
        world.service("chat", answer(GetTurn, slow), answer(FindConversation, quick)),
        world.connected("gateway") as gateway,
    ):
        waiting = [asyncio.create_task(gateway.ask(GetTurn.example(), scope=a_scope())) for _ in range(20)]
        assert (await gateway.ask(FindConversation.example(), scope=a_scope(), timeout_s=1)).found
        release.set()
        assert await asyncio.gather(*waiting) == [VIEW] * 20


async def test_a_service_that_has_started_answers(world: World) -> None:
    """From its first moment on: the server has heard of the responders by then. Many, for the last one is late."""
    routes = [answer(query, get_turn) for query in (FindConversation, ListConversations, GetConversation, GetTurn)]
    async with world.connected("gateway") as gateway:
        for _ in range(20):
            async with world.service("chat", *routes):
                assert await gateway.ask(GetTurn.example(), scope=a_scope(), timeout_s=5) == VIEW


async def test_two_replicas_share_the_queries(world: World) -> None:
    async with (
        world.service("chat", answer(GetTurn, get_turn)) as one,
        world.service("chat", answer(GetTurn, get_turn)) as other,
        world.connected("gateway") as gateway,
    ):
        for _ in range(40):
            await gateway.ask(GetTurn.example(), scope=a_scope())

        assert len(one.seen) + len(other.seen) == 40
        assert one.seen
        assert other.seen
