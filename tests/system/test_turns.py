"""What a client can rely on while a turn runs: resuming, stopping, leaving, and plain text."""

import asyncio
import json

import httpx
import pytest
import websockets

from libs.testing.client import AdjutantClient, Answer
from libs.testing.running import RunningAdjutant
from tests.system.conftest import Connected

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

LONG = "Tell me a long story"


async def test_a_dropped_stream_is_resumed_at_another_gateway_without_loss_or_repetition(
    adjutant: RunningAdjutant, sign_up: Connected
) -> None:
    client = await sign_up("resume@example.com")
    answer = Answer()
    async with client.stream("Tell me a long story") as events:
        async for event_id, update in events:
            answer.take(event_id, update)
            if len(answer.updates) > 12:
                break
    other = adjutant.run["gateway_urls"][1]
    client.http.base_url = httpx.URL(other)
    resumed = asyncio.create_task(client.resume(answer))
    await asyncio.sleep(0.5)
    await client.post(f"/api/ai/turns/{answer.turn_id}/stop")
    await resumed

    numbers = [update["n"] for update in answer.updates if update["n"]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert answer.outcome == "turn.stopped"


async def test_a_stopped_turn_keeps_what_was_written(sign_up: Connected) -> None:
    client = await sign_up("stop@example.com")
    answer = Answer()
    async with client.stream(LONG) as events:
        async for event_id, update in events:
            answer.take(event_id, update)
            if update["type"] == "token" and len(answer.text) > 40:
                await client.post(f"/api/ai/turns/{answer.turn_id}/stop")

    assert answer.outcome == "turn.stopped"
    kept = await client.get(f"/api/conversations/{answer.conversation_id}")
    assert kept["messages"][-1]["text"] == answer.text


async def test_a_client_that_goes_away_finds_the_answer_in_the_conversation(sign_up: Connected) -> None:
    client = await sign_up("away@example.com")
    answer = Answer()
    async with client.stream("Hello there") as events:
        async for event_id, update in events:
            answer.take(event_id, update)
            break
    async with asyncio.timeout(20):
        while (await client.get(f"/api/ai/turns/{answer.turn_id}"))["status"] in ("accepted", "running"):  # noqa: ASYNC110 - bounded, and HTTP has no event to wait for
            await asyncio.sleep(0.1)

    turn = await client.get(f"/api/ai/turns/{answer.turn_id}")
    assert turn["status"] == "completed"
    assert turn["answer"]["text"]


async def test_the_same_idempotency_key_is_the_same_turn(sign_up: Connected) -> None:
    client = await sign_up("twice@example.com")

    first = await client.chat("Hello", idempotency_key="one")
    second = await client.chat("Hello", idempotency_key="one")

    assert second.turn_id == first.turn_id
    assert second.text == first.text
    conversation = await client.get(f"/api/conversations/{first.conversation_id}")
    assert [message["role"] for message in conversation["messages"]] == ["user", "assistant"]


async def test_plain_text_carries_control_tokens(connected: Connected) -> None:
    client = await connected("plain@example.com")
    headers = {"Accept": "text/plain", "X-CSRF-Token": client.http.cookies["adjutant_csrf"]}
    body = {"messages": [{"role": "user", "content": "What is on my calendar tomorrow?"}]}

    answer = await client.http.post("/api/ai/chat", json=body, headers=headers)

    assert answer.headers["content-type"].startswith("text/plain")
    assert "[[PERIN_STEP:start:context:" in answer.text
    assert "[[PERIN_STEP:end:context]]" in answer.text
    assert "[[PERIN_STEP_RESULT:act.0.0:ok]]" in answer.text


async def test_chat_over_a_websocket(adjutant: RunningAdjutant, sign_up: Connected) -> None:
    client = await sign_up("socket@example.com")
    created = await client.post("/api/keys", {"name": "socket", "scopes": ["chat", "read"]})
    bearer = {"Authorization": f"Bearer {created.json()['key']}"}

    async with websockets.connect(adjutant.url.replace("http", "ws") + "/ws", additional_headers=bearer) as socket:
        await socket.send(json.dumps({"type": "chat", "message": "Hello"}))
        received = []
        async with asyncio.timeout(20):
            while not received or received[-1]["type"] != "chat_response":
                received.append(json.loads(await socket.recv()))

    assert received[-1]["message"]
    assert any(message["type"] == "chat_event" for message in received)


async def test_conversations_are_listed_read_and_deleted(sign_up: Connected) -> None:
    client = await sign_up("talk@example.com")
    answer = await client.chat("Hello")

    listed = await client.get("/api/conversations")
    assert [entry["title"] for entry in listed["conversations"]] == ["Hello"]
    gone = await client.delete(f"/api/conversations/{answer.conversation_id}")
    assert gone.status_code in (200, 204)
    missing = await client.http.get(f"/api/conversations/{answer.conversation_id}")
    assert missing.status_code == 404


async def test_nobody_reads_stops_or_joins_what_is_somebody_elses(sign_up: Connected) -> None:
    owner = await sign_up("owner@example.com")
    stranger: AdjutantClient = await sign_up("stranger@example.com")
    answer = await owner.chat("My secret plan")

    paths = [
        f"/api/conversations/{answer.conversation_id}",
        f"/api/ai/turns/{answer.turn_id}",
        f"/api/ai/turns/{answer.turn_id}/stream",
    ]
    assert [(await stranger.http.get(path)).status_code for path in paths] == [404, 404, 404]
    assert (await stranger.post(f"/api/ai/turns/{answer.turn_id}/stop")).status_code == 404
    assert (await stranger.delete(paths[0])).status_code == 404
    joined = {"messages": [{"role": "user", "content": "hi"}], "conversation_id": answer.conversation_id}
    refused = await stranger.post("/api/ai/chat", joined)
    assert refused.status_code == 404
    assert refused.headers["content-type"].startswith("application/problem+json")
