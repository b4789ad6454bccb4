"""Calls that change something: proposals, once each, whoever repeats, leaves or is away."""

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from contracts.actions import Provenance
from contracts.ids import new_id
from contracts.tool import ExecutionStatus
from services.gateway.mcp import calling
from services.gateway.settings import GatewaySettings
from tests.conftest import Platform
from tests.service.gateway.conftest import Joins, Person, Replica, running
from tests.service.gateway.mcp.asking import BOTH, JSON, call, message, post, result
from tests.service.gateway.mcp.tool_peer import ToolPeer
from tests.service.gateway.relay import tcp_wire


async def test_an_effect_is_a_proposal_made_by_a_program_and_answers_with_its_id(
    replica: Replica, person: Person, tools: ToolPeer
) -> None:
    found = await result(replica, person, call("notes_send", {"query": "x"}))
    ((user, command, arguments, provenance),) = tools.commands
    assert user == person.user_id
    assert json.loads(arguments) == {"query": "x"}
    by_program = Provenance(via="program", read_untrusted=True, is_asked=False)
    assert provenance == by_program.of_call(command.execution_id, command.tool, arguments)
    assert found["structuredContent"] == {"status": "proposed", "action_id": command.execution_id}
    assert found.get("isError") in (None, False)
    text = found["content"][0]["text"]
    assert command.execution_id in text
    assert "approve" in text


async def test_the_audit_trail_names_the_key_that_a_program_used(
    replica: Replica, person: Person, tools: ToolPeer
) -> None:
    await result(replica, person, call("notes_count"))
    action = (await result(replica, person, call("notes_send", {"query": "secret"})))["structuredContent"]["action_id"]
    trail = (await person.browser.get("/api/audit")).json()["entries"]
    (entry,) = [entry for entry in trail if entry["action"] == "tool.called_by_program"]
    assert entry["target"] == f"notes_send {action}"
    assert entry["actor"].startswith("api_key:k_")


@pytest.mark.parametrize(
    ("ending", "is_error", "word"),
    [
        (ExecutionStatus.HELD, False, "held back"),
        (ExecutionStatus.DONE, False, "hello"),
        (ExecutionStatus.FAILED, True, "recipient does not exist"),
        (ExecutionStatus.UNKNOWN, True, "not certain"),
        (ExecutionStatus.DECLINED, True, "The user declined action"),
        (ExecutionStatus.EXPIRED, True, "Nobody decided"),
        (ExecutionStatus.WITHDRAWN, True, "The user withdrew action"),
    ],
)
async def test_every_end_of_an_effect_is_told_now_and_later(
    replica: Replica, person: Person, tools: ToolPeer, ending: ExecutionStatus, is_error: bool, word: str
) -> None:
    tools.ending = ending
    found = await result(replica, person, call("notes_send"))
    again = await result(
        replica, person, call("adjutant_action_status", {"action_id": found["structuredContent"]["action_id"]})
    )
    for told in (found, again):
        assert told["structuredContent"]["status"] == ending.value
        assert told.get("isError", False) is is_error
        assert word in told["content"][0]["text"]


async def test_an_effect_that_takes_long_is_answered_with_its_id(
    replica: Replica, person: Person, tools: ToolPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calling, "EFFECT_S", 0.3)
    monkeypatch.setattr(calling, "LOOK_EVERY_S", 0.1)
    tools.ending = ExecutionStatus.CLAIMED
    found = await result(replica, person, call("notes_send"))
    assert found["structuredContent"] == {"status": "claimed", "action_id": tools.commands[0][1].execution_id}
    assert "under way" in found["content"][0]["text"]


async def test_calls_with_one_key_are_one_effect_at_whatever_replica(
    replica: Replica, other_replica: Replica, person: Person, tools: ToolPeer
) -> None:
    body = call("notes_send", {"query": "x"}, idempotencyKey="key-1")
    answers = await asyncio.gather(*(result(at, person, body) for at in (replica, other_replica) * 3))
    later = await result(other_replica, person, body)
    assert {answer["structuredContent"]["action_id"] for answer in (*answers, later)} == {
        tools.commands[0][1].execution_id
    }
    assert len(tools.commands) == 1


async def test_a_key_belongs_to_one_call_and_to_one_user(
    replica: Replica, person: Person, join: Joins, tools: ToolPeer
) -> None:
    first = await result(replica, person, call("notes_send", {"query": "x"}, idempotencyKey="key-2"))
    other_call = await result(replica, person, call("notes_send", {"query": "y"}, idempotencyKey="key-2"))
    assert other_call["isError"] is True
    assert other_call["structuredContent"]["error"] == "idempotency_key_reused"
    somebody = await join()
    theirs = await result(replica, somebody, call("notes_send", {"query": "y"}, idempotencyKey="key-2"))
    assert theirs["structuredContent"]["action_id"] != first["structuredContent"]["action_id"]
    assert len(tools.commands) == 2


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "ä", 7, None, ["a"]])
async def test_a_key_that_is_none_does_nothing(replica: Replica, person: Person, tools: ToolPeer, key: Any) -> None:
    found = await result(replica, person, call("notes_send", idempotencyKey=key))
    if key is None:
        assert found["structuredContent"]["status"] == "proposed"
        return
    assert found["structuredContent"]["error"] == "malformed_idempotency_key"
    assert tools.commands == []


async def test_calls_without_a_key_are_effects_of_their_own(replica: Replica, person: Person, tools: ToolPeer) -> None:
    ids = {(await result(replica, person, call("notes_send")))["structuredContent"]["action_id"] for _ in range(3)}
    assert len(ids) == 3


async def test_what_became_of_somebody_elses_action_is_not_told(
    replica: Replica, person: Person, join: Joins, tools: ToolPeer
) -> None:
    action = (await result(replica, person, call("notes_send")))["structuredContent"]["action_id"]
    somebody = await join()
    for unknown in (action, new_id("x")):
        found = await result(replica, somebody, call("adjutant_action_status", {"action_id": unknown}))
        assert found["structuredContent"]["error"] == "execution_not_found"
    for nonsense in (None, 7, "x_", "../x", action.upper()):
        answer = await post(replica, person, call("adjutant_action_status", {"action_id": nonsense}))
        assert answer.json()["error"]["code"] == -32602


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # nats-py: of a lost connection
async def test_without_its_neighbours_the_answer_is_a_sentence_and_then_it_goes_on(
    platform: Platform, person: Person, tools: ToolPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calling, "AWAY_S", 0.2)
    server = urlsplit(platform.nats.url)
    assert server.hostname is not None
    assert server.port is not None
    async with (
        tcp_wire(server.hostname, server.port) as (wire, port),
        running(platform, GatewaySettings.explicit(), nats_url=f"nats://127.0.0.1:{port}") as here,
    ):
        await result(here, person, message("tools/list"))
        wire.cut()
        listed = (await post(here, person, message("tools/list"))).json()["error"]
        assert listed["code"] == -32603
        assert listed["data"]["error"] in ("bus_unavailable", "tool_unavailable")
        assert "Try again" in listed["message"]
        for tool in ("notes_count", "notes_send"):
            called = await result(here, person, call(tool))
            assert called["isError"] is True
            assert "Try again" in called["content"][0]["text"]
        wire.mend()
        async with asyncio.timeout(10):
            while (await result(here, person, call("notes_count")))["isError"]:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    assert tools.commands == []


@pytest.mark.parametrize("accept", [BOTH["Accept"], JSON["Accept"]])
async def test_whoever_leaves_is_not_waited_for(
    replica: Replica, person: Person, tools: ToolPeer, monkeypatch: pytest.MonkeyPatch, accept: str
) -> None:
    waiting, over = asyncio.Event(), asyncio.Event()
    settled = calling.Calls._settled

    async def watched(*given: Any) -> Any:
        waiting.set()
        try:
            return await settled(*given)
        finally:
            over.set()

    monkeypatch.setattr(calling.Calls, "_settled", watched)
    monkeypatch.setattr(calling, "EFFECT_S", 3600.0)
    tools.ending = ExecutionStatus.CLAIMED
    asking = asyncio.create_task(post(replica, person, call("notes_send"), Accept=accept))
    async with asyncio.timeout(10):
        await waiting.wait()
        asking.cancel()
        await over.wait()
    assert (await post(replica, person, call("notes_count"))).status_code == 200
