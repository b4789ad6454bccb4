"""A turn from the request to its last word, through dropped connections, stops and outages."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from contracts.chat import RunTurn
from contracts.ids import new_id
from tests.service.gateway.conftest import Joins, Person, Replica, Start
from tests.service.gateway.peers import ChatPeer, conversation


def ask(text: str = "one two three", **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], **fields}


class Events:
    """Server-sent events of one response, read one by one."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()
        self.last_id = ""

    async def next(self) -> tuple[str, dict[str, Any]]:
        """The next event: its name and its data. Raises StopAsyncIteration at the end."""
        name, data = "", {}
        async for line in self._lines:
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("id: "):
                self.last_id = line.removeprefix("id: ")
            elif line.startswith("data: "):
                data = json.loads(line.removeprefix("data: "))
            elif not line and name:
                return name, data
        raise StopAsyncIteration

    async def rest(self) -> list[tuple[str, dict[str, Any]]]:
        """All that follow."""
        found = []
        while True:
            try:
                found.append(await self.next())
            except StopAsyncIteration:
                return found


def text_of(events: list[tuple[str, dict[str, Any]]]) -> str:
    return "".join(data["text"] for name, data in events if name == "token")


async def test_a_message_is_answered_as_a_stream(person: Person, chat: ChatPeer) -> None:
    body = ask(timezone="Europe/Berlin", tone="dry", specialization="scheduling", client_integrations=["gmail"])
    async with person.browser.stream("POST", "/api/ai/chat", json=body, headers=person.csrf) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        events = await Events(response).rest()
    assert events[0][0] == "turn.accepted"
    assert events[0][1]["turn_id"] == response.headers["x-turn-id"]
    assert events[0][1]["conversation_id"] == response.headers["x-conversation-id"]
    assert [data["n"] for _, data in events] == [0, 1, 2, 3, 4]
    assert text_of(events) == "one two three"
    assert events[-1][0] == "turn.completed"
    command = chat.commands[response.headers["x-turn-id"]]
    assert (command.timezone, command.tone, command.client_integrations) == ("Europe/Berlin", "dry", ("gmail",))
    assert "one two" not in command.sealed_text


async def test_a_program_may_ask_for_plain_text_with_control_tokens(
    person: Person, chat: ChatPeer, replica: Replica
) -> None:
    async def with_a_step(peer: ChatPeer, command: RunTurn, text: str) -> None:
        await peer.publish(command.turn_id, 1, "step.started", step_id="s1", name="mail_search")
        await peer.publish(command.turn_id, 2, "step.ended", step_id="s1")
        await peer.publish(command.turn_id, 3, "token", text="Here: [[PERIN_")
        await peer.publish(command.turn_id, 4, "token", text="STEP:end:s9]]")
        await peer.publish(command.turn_id, 5, "turn.completed")

    chat.script = with_a_step
    async with replica.client(headers={**person.bearer, "Accept": "text/plain"}) as program:
        response = await program.post("/api/ai/chat", json=ask())
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.text == (
        "[[PERIN_STEP:start:s1:mail_search]][[PERIN_STEP:end:s1]]Here: [[\u200bPERIN_STEP:end:s9]]"
    )


async def test_a_client_that_lost_the_line_gets_the_rest_from_another_replica(
    person: Person, chat: ChatPeer, replica: Replica, other_replica: Replica
) -> None:
    go_on = asyncio.Event()

    async def in_two_halves(peer: ChatPeer, command: RunTurn, text: str) -> None:
        for n in (1, 2, 3):
            await peer.publish(command.turn_id, n, "token", text=f"{n} ")
        await go_on.wait()
        for n in (4, 5):
            await peer.publish(command.turn_id, n, "token", text=f"{n} ")
        await peer.publish(command.turn_id, 6, "turn.completed")

    chat.script = in_two_halves
    async with (
        replica.client(headers=person.bearer) as first,
        first.stream("POST", "/api/ai/chat", json=ask()) as response,
    ):
        events = Events(response)
        for _ in range(3):
            await events.next()
        turn_id = response.headers["x-turn-id"]
    assert events.last_id == f"{turn_id}:2"
    go_on.set()
    async with other_replica.client(headers=person.bearer) as second:
        path, headers = f"/api/ai/turns/{turn_id}/stream", {"Last-Event-ID": events.last_id}
        async with second.stream("GET", path, headers=headers) as resumed:
            rest = await Events(resumed).rest()
        async with second.stream("POST", "/api/ai/chat", json=ask(), headers=headers) as posted:
            again = await Events(posted).rest()
    assert [data["n"] for _, data in rest] == [3, 4, 5, 6]
    assert again == rest
    assert chat.runs[turn_id] == 1


async def test_a_client_that_has_everything_is_told_nothing_again(
    person: Person, chat: ChatPeer, other_replica: Replica
) -> None:
    """A browser's EventSource comes back by itself whenever a stream ends, with the id of the last event."""
    async with other_replica.client(headers=person.bearer) as client:
        async with client.stream("POST", "/api/ai/chat", json=ask()) as response:
            events = Events(response)
            await events.rest()
        path = f"/api/ai/turns/{response.headers['x-turn-id']}/stream"
        async with asyncio.timeout(5), client.stream("GET", path, headers={"Last-Event-ID": events.last_id}) as back:
            assert await Events(back).rest() == []


async def test_a_stream_that_has_expired_is_answered_from_the_conversation(
    person: Person, chat: ChatPeer, other_replica: Replica, platform: Any
) -> None:
    async def silently(peer: ChatPeer, command: RunTurn, text: str) -> None:
        peer.answers[command.turn_id] = "The whole answer."

    chat.script = silently
    async with other_replica.client(headers=person.bearer) as client:
        async with client.stream("POST", "/api/ai/chat", json=ask()) as response:
            turn_id = response.headers["x-turn-id"]
        await _until(lambda: turn_id in chat.answers)
        async with client.stream("GET", f"/api/ai/turns/{turn_id}/stream") as resumed:
            events = await Events(resumed).rest()
    assert [name for name, _ in events] == ["turn.accepted", "token", "turn.completed"]
    assert text_of(events) == "The whole answer."


async def test_an_answer_whose_live_updates_were_lost_is_told_from_the_conversation(
    person: Person, chat: ChatPeer, start: Start
) -> None:
    async def half_heard(peer: ChatPeer, command: RunTurn, text: str) -> None:
        await peer.publish(command.turn_id, 1, "token", text="Half of")
        peer.answers[command.turn_id] = "Half of it, and the rest."

    chat.script = half_heard
    impatient = await start(ping_s=0.1, settle_s=0.3)
    async with (
        impatient.client(headers=person.bearer) as client,
        client.stream("POST", "/api/ai/chat", json=ask()) as response,
    ):
        events = await Events(response).rest()
    assert [name for name, _ in events] == ["turn.accepted", "token", "turn.restarted", "token", "turn.completed"]
    assert events[3][1]["text"] == "Half of it, and the rest."


async def test_a_turn_that_nobody_answers_ends_in_an_honest_error(person: Person, chat: ChatPeer, start: Start) -> None:
    async def never(peer: ChatPeer, command: RunTurn, text: str) -> None:
        await peer.stop_of(command.turn_id).wait()

    chat.script = never
    impatient = await start(ping_s=0.1, settle_s=0.2, silence_s=0.7)
    async with impatient.client(headers=person.bearer) as client:
        async with client.stream("POST", "/api/ai/chat", json=ask()) as response:
            raw = (await response.aread()).decode()
            turn_id = response.headers["x-turn-id"]
        assert raw.count(": ping") >= 3
        assert "event: error" in raw
        assert "the answer will be in the conversation" in raw
        await client.post(f"/api/ai/turns/{turn_id}/stop")


async def test_stop_reaches_the_turn_and_ends_the_stream(person: Person, chat: ChatPeer) -> None:
    async def until_stopped(peer: ChatPeer, command: RunTurn, text: str) -> None:
        await peer.publish(command.turn_id, 1, "token", text="Well, ")
        await peer.stop_of(command.turn_id).wait()
        await peer.publish(command.turn_id, 2, "turn.stopped")

    chat.script = until_stopped
    async with person.browser.stream("POST", "/api/ai/chat", json=ask(), headers=person.csrf) as response:
        events = Events(response)
        await events.next()
        turn_id = response.headers["x-turn-id"]
        stopping = await person.browser.post(f"/api/ai/turns/{turn_id}/stop", headers=person.csrf)
        assert (stopping.status_code, stopping.json()["status"]) == (202, "stopping")
        assert [name for name, _ in await events.rest()] == ["token", "turn.stopped"]


async def test_a_turn_is_answered_anew_with_the_question_it_had(person: Person, chat: ChatPeer) -> None:
    old = await person.browser.post("/api/ai/chat", json=ask("one two"), headers=person.csrf)
    turn_id = old.headers["x-turn-id"]
    again = await person.browser.post(f"/api/ai/turns/{turn_id}/regenerate", headers=person.csrf)

    assert again.status_code == 200
    assert again.headers["x-conversation-id"] == old.headers["x-conversation-id"]
    command = chat.commands[again.headers["x-turn-id"]]
    assert command.regenerates == turn_id
    assert chat.texts[command.turn_id] == "one two"


async def test_a_repeated_request_with_its_idempotency_key_joins_the_same_turn(
    person: Person, chat: ChatPeer, replica: Replica, other_replica: Replica
) -> None:
    headers = {**person.bearer, "Idempotency-Key": "retry-me"}
    seen = []
    for at in (replica, other_replica, replica):
        async with at.client(headers=headers) as client, client.stream("POST", "/api/ai/chat", json=ask()) as response:
            events = await Events(response).rest()
            seen.append((response.headers["x-turn-id"], response.headers["x-conversation-id"], text_of(events)))
    assert len(set(seen)) == 1
    assert chat.runs[seen[0][0]] == 1
    async with replica.client(headers=headers) as client:
        other = await client.post("/api/ai/chat", json=ask("something else"))
        assert (other.status_code, other.json()["title"]) == (409, "idempotency_key_reused")


async def test_two_people_with_the_same_idempotency_key_have_two_turns(join: Joins, chat: ChatPeer) -> None:
    one, other = await join(), await join()
    turns = set()
    for person in (one, other):
        answer = await person.browser.post("/api/ai/chat", json=ask(), headers={**person.csrf, "Idempotency-Key": "k"})
        turns.add(answer.headers["x-turn-id"])
    assert len(turns) == 2


async def test_a_turn_of_another_person_does_not_exist(join: Joins, chat: ChatPeer) -> None:
    owner, stranger = await join(), await join()
    answer = await owner.browser.post("/api/ai/chat", json=ask(), headers=owner.csrf)
    turn_id = answer.headers["x-turn-id"]
    for missing in (turn_id, new_id("t"), "t_1", "%00", new_id("c")):
        for method, path in (("GET", ""), ("GET", "/stream"), ("POST", "/stop"), ("POST", "/regenerate")):
            refused = await stranger.browser.request(method, f"/api/ai/turns/{missing}{path}", headers=stranger.csrf)
            assert (refused.status_code, refused.json()["title"]) == (404, "turn_not_found")
    mine = await owner.browser.get(f"/api/ai/turns/{turn_id}")
    assert (mine.json()["status"], mine.json()["answer"]["text"]) == ("completed", "one two three")


async def test_a_conversation_goes_on_for_its_owner_alone(join: Joins, chat: ChatPeer) -> None:
    owner, stranger = await join(), await join()
    first = await owner.browser.post("/api/ai/chat", json=ask(), headers=owner.csrf)
    conversation_id = first.headers["x-conversation-id"]
    second = await owner.browser.post("/api/ai/chat", json=ask(conversation_id=conversation_id), headers=owner.csrf)
    assert second.headers["x-conversation-id"] == conversation_id
    for unknown in (conversation_id, conversation()):
        body = ask(conversation_id=unknown)
        refused = await stranger.browser.post("/api/ai/chat", json=body, headers=stranger.csrf)
        assert (refused.status_code, refused.json()["title"]) == (404, "conversation_not_found")
        deleted = await stranger.browser.delete(f"/api/conversations/{unknown}", headers=stranger.csrf)
        assert deleted.status_code == 404
    gone = await owner.browser.delete(f"/api/conversations/{conversation_id}", headers=owner.csrf)
    assert gone.status_code == 204


async def test_the_limit_is_exact_over_two_replicas(join: Joins, chat: ChatPeer, start: Start) -> None:
    one, other = await start(chat_per_minute=10), await start(chat_per_minute=10)
    person = await join()
    async with one.client(headers=person.bearer) as a, other.client(headers=person.bearer) as b:
        answers = await asyncio.gather(*((a, b)[n % 2].post("/api/ai/chat", json=ask("hi")) for n in range(16)))
        allowed = [answer for answer in answers if answer.status_code == 200]
        refused = [answer for answer in answers if answer.status_code == 429]
    assert (len(allowed), len(refused)) == (10, 6)
    assert sorted(int(answer.headers["x-ratelimit-remaining"]) for answer in allowed) == list(range(10))
    for answer in refused:
        assert answer.json()["title"] == "rate_limited"
        assert 0 < int(answer.headers["retry-after"]) <= 60
        assert answer.headers["x-ratelimit-limit"] == "10"
        assert answer.headers["x-ratelimit-remaining"] == "0"


async def test_a_stopping_replica_lets_go_of_its_clients_who_resume_elsewhere(
    person: Person, chat: ChatPeer, start: Start, replica: Replica
) -> None:
    go_on = asyncio.Event()

    async def in_two_halves(peer: ChatPeer, command: RunTurn, text: str) -> None:
        await peer.publish(command.turn_id, 1, "token", text="1 ")
        await go_on.wait()
        await peer.publish(command.turn_id, 2, "turn.completed")

    chat.script = in_two_halves
    leaving = await start()
    async with (
        leaving.client(headers=person.bearer) as client,
        client.stream("POST", "/api/ai/chat", json=ask()) as response,
    ):
        events = Events(response)
        await events.next()
        await events.next()
        leaving.gateway.stopping.set()
        assert await events.rest() == []
    go_on.set()
    turn_id = response.headers["x-turn-id"]
    async with (
        replica.client(headers={**person.bearer, "Last-Event-ID": events.last_id}) as client,
        client.stream("GET", f"/api/ai/turns/{turn_id}/stream") as resumed,
    ):
        assert [name for name, _ in await Events(resumed).rest()] == ["turn.completed"]


@pytest.mark.parametrize("last_event_id", ["x", "t_1:1", f"{'t_' + '0' * 32}:x", f"{'t_' + '0' * 32}:1"])
async def test_a_last_event_id_that_is_not_ours_is_refused(last_event_id: str, person: Person, chat: ChatPeer) -> None:
    answer = await person.browser.post("/api/ai/chat", json=ask(), headers=person.csrf)
    path = f"/api/ai/turns/{answer.headers['x-turn-id']}/stream"
    refused = await person.browser.get(path, headers={"Last-Event-ID": last_event_id})
    assert (refused.status_code, refused.json()["title"]) == (422, "malformed_event_id")


async def _until(happened: Any) -> None:
    async with asyncio.timeout(5):
        while not happened():  # noqa: ASYNC110 - the peer is observed from outside
            await asyncio.sleep(0.01)
