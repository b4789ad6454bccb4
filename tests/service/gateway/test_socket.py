"""The WebSocket: chat, live events, notifications; nonsense is answered, not cut off."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from contracts.chat import RunTurn
from contracts.notification import InboxUpdate
from contracts.sync import SyncProgress
from libs.bus import Bus
from tests.conftest import Platform
from tests.service.gateway.conftest import Joins, Person, Replica
from tests.service.gateway.peers import ChatPeer, conversation


@asynccontextmanager
async def opened(replica: Replica, **options: Any) -> AsyncIterator[ClientConnection]:
    async with connect(replica.url.replace("http", "ws") + "/ws", **options) as socket:
        yield socket


async def hear(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(5):
        message: dict[str, Any] = json.loads(await socket.recv())
    return message


async def say(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


async def hear_all(socket: ClientConnection) -> list[dict[str, Any]]:
    heard = [await hear(socket)]
    while heard[-1]["type"] not in ("chat_response", "error"):
        heard.append(await hear(socket))
    return heard


async def test_a_message_is_answered_live_and_then_as_a_whole(person: Person, chat: ChatPeer, replica: Replica) -> None:
    async with opened(replica, additional_headers=person.bearer) as socket:
        await say(socket, type="chat", message="one two", request_id="r1")
        heard = await hear_all(socket)
    events, response = heard[:-1], heard[-1]
    assert [event["data"]["type"] for event in events] == ["turn.accepted", "token", "token", "turn.completed"]
    assert response["message"] == "one two"
    assert response["request_id"] == "r1"
    assert [update["type"] for update in response["data"]] == ["turn.accepted", "turn.completed"]
    assert response["turn_id"] == events[0]["data"]["turn_id"]


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ("{", "malformed_json"),
        ("", "malformed_json"),
        ("[" * 5000, "malformed_json"),
        ("[]", "invalid_input"),
        ("{}", "invalid_input"),
        ('{"type": "dance"}', "invalid_input"),
        ('{"type": "chat"}', "invalid_input"),
        ('{"type": "chat", "message": "a\\u0000b"}', "invalid_input"),
        ('{"type": "chat", "message": "hi", "admin": true}', "invalid_input"),
        ('{"type": "stop", "turn_id": "t_%s"}' % ("0" * 32), "turn_not_found"),
        (b"\xff\xfe", "malformed_json"),
        (json.dumps({"type": "chat", "message": "hi", "conversation_id": conversation()}), "conversation_not_found"),
        ("x" * 300_000, "message_too_large"),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_nonsense_is_answered_and_the_line_stays_open(
    sent: str | bytes, error: str, person: Person, chat: ChatPeer, replica: Replica
) -> None:
    async with opened(replica, additional_headers=person.bearer) as socket:
        await socket.send(sent)
        assert (await hear(socket))["error"] == error
        await say(socket, type="ping")
        assert await hear(socket) == {"type": "pong"}


async def test_a_browser_may_carry_its_key_as_a_subprotocol(person: Person, chat: ChatPeer, replica: Replica) -> None:
    key = person.bearer["Authorization"].removeprefix("Bearer ")
    async with opened(replica, subprotocols=[Subprotocol("bearer"), Subprotocol(key)]) as socket:
        assert socket.subprotocol == "bearer"
        await say(socket, type="ping")
        assert await hear(socket) == {"type": "pong"}


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null"])
async def test_a_cookie_counts_only_from_our_own_page(origin: str | None, person: Person, replica: Replica) -> None:
    cookie = {"Cookie": f"adjutant_session={person.browser.cookies['adjutant_session']}"}
    with pytest.raises(InvalidStatus) as refused:
        async with opened(replica, additional_headers=cookie, origin=origin):
            pass
    assert refused.value.response.status_code == 403
    assert json.loads(refused.value.response.body)["title"] == "origin_rejected"
    async with opened(replica, additional_headers=cookie, origin=replica.url) as socket:
        await say(socket, type="ping")
        assert await hear(socket) == {"type": "pong"}


async def test_without_a_credential_there_is_no_socket(replica: Replica) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with opened(replica):
            pass
    assert refused.value.response.status_code == 401


async def test_a_socket_follows_a_bounded_number_of_turns_and_can_stop_them(
    person: Person, chat: ChatPeer, replica: Replica
) -> None:
    async def until_stopped(peer: ChatPeer, command: RunTurn, text: str) -> None:
        await peer.stop_of(command.turn_id).wait()
        await peer.publish(command.turn_id, 1, "turn.stopped")

    chat.script = until_stopped
    async with opened(replica, additional_headers=person.bearer) as socket:
        turns = []
        for _ in range(4):
            await say(socket, type="chat", message="wait")
            turns.append((await hear(socket))["turn_id"])
        await say(socket, type="chat", message="one too many")
        assert (await hear(socket))["error"] == "too_many_turns"
        for turn_id in turns:
            await say(socket, type="stop", turn_id=turn_id)
        ended = [(await hear_all(socket))[-1]["turn_id"] for _ in turns]
    assert sorted(ended) == sorted(turns)


async def test_notifications_are_pushed_to_their_owner_alone(join: Joins, platform: Platform, replica: Replica) -> None:
    owner, other = await join(), await join()
    notifier = Bus(
        "notification",
        platform.nats.url,
        user=platform.nats.user("notification"),
        password=platform.nats.password("notification"),
    )
    await notifier.connect()
    async with (
        opened(replica, additional_headers=owner.bearer) as mine,
        opened(replica, additional_headers=other.bearer) as theirs,
    ):
        for socket in (mine, theirs):
            await say(socket, type="ping")
            await hear(socket)
        update = InboxUpdate.example()
        async with asyncio.timeout(5):
            hearing = asyncio.create_task(hear(mine))
            while not hearing.done():
                await notifier.live("inbox", owner.user_id).publish(update.model_dump_json().encode())
                await asyncio.wait({hearing}, timeout=0.1)
        assert hearing.result()["type"] == "notification"
        assert hearing.result()["data"]["notification_id"] == update.notification_id
        await say(theirs, type="ping")
        assert await hear(theirs) == {"type": "pong"}
    await notifier.close()


async def test_the_progress_of_a_sync_is_pushed(person: Person, platform: Platform, replica: Replica) -> None:
    sync = Bus("sync", platform.nats.url, user=platform.nats.user("sync"), password=platform.nats.password("sync"))
    await sync.connect()
    async with opened(replica, additional_headers=person.bearer) as socket:
        await say(socket, type="ping")
        assert (await hear(socket))["type"] == "pong"
        update = SyncProgress(provider="gmail", state="running", items=40)
        await sync.live("sync", person.user_id).publish(update.model_dump_json().encode())
        heard = await hear(socket)
    await sync.close()

    assert (heard["type"], heard["data"]["provider"], heard["data"]["items"]) == ("sync", "gmail", 40)
