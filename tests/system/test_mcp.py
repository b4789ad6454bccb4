"""The official MCP client against a running Adjutant: the user's tools, under the same policy as in chat.

Two gateways answer at one address: whatever a client does goes to either.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.session import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult

from libs.sandbox import Sandbox
from libs.testing.client import AdjutantClient
from libs.testing.running import RunningAdjutant
from tests.system.conftest import Connected

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

PATIENCE_S = 40.0
START = f"{datetime.now(UTC) + timedelta(days=40):%Y-%m-%d}T10:00"
OURS = "adjutant_action_status"


async def key_of(user: AdjutantClient) -> str:
    """An API key that may chat, and nothing else."""
    made = await user.post("/api/keys", {"name": "mcp", "scopes": ["chat"]})
    key: str = made.json()["key"]
    return key


@asynccontextmanager
async def session(adjutant: RunningAdjutant, key: str, mode: str = "auto") -> AsyncIterator[Client]:
    """The official client. `auto` speaks the newest protocol, `legacy` begins with the handshake of earlier ones."""
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=60) as http:
        transport = streamable_http_client(f"{adjutant.url}/mcp", http_client=http)
        async with Client(transport, mode=mode) as client:
            yield client


def text_of(result: CallToolResult) -> str:
    """What a model would see."""
    (content,) = result.content
    assert content.type == "text"
    return content.text


async def events(sandbox: Sandbox, title: str) -> list[dict[str, Any]]:
    """What the provider holds under this title."""
    return [event for event in await sandbox.calendar_events() if event["summary"] == title]


async def ended(client: Client, action: str) -> CallToolResult:
    """What became of an action, once it has ended."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            result = await client.call_tool(OURS, {"action_id": action})
            if result.structured_content["status"] not in ("proposed", "held", "claimed"):
                return result
            await asyncio.sleep(0.5)  # each look is counted


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_lists_the_tools_and_reads_mail_that_is_marked_as_written_by_others(
    connected: Connected, adjutant: RunningAdjutant, mode: str
) -> None:
    user = await connected(f"mcp-reader-{mode}@example.com")
    async with session(adjutant, await key_of(user), mode) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        found = await client.call_tool("mail_search", {"query": "budget"})
        instructions = client.instructions

    assert instructions is not None
    assert "approves or declines" in instructions
    assert {"mail_search", "calendar_create_event", OURS} <= set(tools)
    search, create = tools["mail_search"].annotations, tools["calendar_create_event"].annotations
    assert search is not None
    assert create is not None
    assert (search.read_only_hint, search.destructive_hint) == (True, False)
    assert (create.read_only_hint, create.destructive_hint) == (False, True)
    assert not found.is_error
    assert found.meta is not None
    assert found.meta["adjutant/written-by-others"] is True
    assert found.structured_content["result"]["mails"][0]["subject"] == "Q3 budget review"
    assert "<data>{" in text_of(found)
    assert text_of(found).endswith("}</data>")


async def test_the_plain_session_of_the_sdk_works_too(connected: Connected, adjutant: RunningAdjutant) -> None:
    user = await connected("mcp-session@example.com")
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {await key_of(user)}"}) as http,
        streamable_http_client(f"{adjutant.url}/mcp", http_client=http) as (read, write),
        ClientSession(read, write) as client,
    ):
        begun = await client.initialize()
        await client.send_ping()
        found = await client.call_tool("calendar_list", {"day": "today"})
    assert begun.server_info.name == "adjutant"
    assert not found.is_error, text_of(found)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_an_effect_waits_for_its_user_and_happens_once_when_approved(
    connected: Connected, adjutant: RunningAdjutant, sandbox: Sandbox, mode: str
) -> None:
    user = await connected(f"mcp-approved-{mode}@example.com")
    title = f"Wanted by a program ({mode})"
    async with session(adjutant, await key_of(user), mode) as client:
        proposed = await client.call_tool("calendar_create_event", {"title": title, "start": START})
        action = proposed.structured_content["action_id"]
        assert proposed.structured_content == {"status": "proposed", "action_id": action}
        assert not proposed.is_error
        assert f"approve action {action}" in text_of(proposed)
        (waiting,) = await user.get("/api/actions")
        assert (waiting["action_id"], waiting["status"]) == (action, "proposed")
        assert "program" in " ".join(waiting["reasons"])
        assert await events(sandbox, title) == []

        assert (await user.post(f"/api/actions/{action}/approve")).status_code == 200
        done = await ended(client, action)

    assert done.structured_content["status"] == "done", text_of(done)
    assert len(await events(sandbox, title)) == 1


async def test_an_effect_that_its_user_declines_does_not_happen(
    connected: Connected, adjutant: RunningAdjutant, sandbox: Sandbox
) -> None:
    user = await connected("mcp-declined@example.com")
    async with session(adjutant, await key_of(user)) as client:
        proposed = await client.call_tool("calendar_create_event", {"title": "Unwanted", "start": START})
        action = proposed.structured_content["action_id"]
        assert (await user.post(f"/api/actions/{action}/decline")).status_code == 200
        over = await ended(client, action)
    assert over.is_error
    assert over.structured_content["status"] == "declined"
    assert await events(sandbox, "Unwanted") == []


async def test_what_the_user_has_allowed_for_good_is_done_and_what_they_ruled_out_is_not(
    connected: Connected, adjutant: RunningAdjutant, sandbox: Sandbox
) -> None:
    user = await connected("mcp-rules@example.com")
    rule = {"tool": "calendar_create_event", "recipient": "*"}
    async with session(adjutant, await key_of(user)) as client:
        assert (await user.post("/api/actions/rules", rule | {"verdict": "allow"})).status_code == 200
        done = await client.call_tool("calendar_create_event", {"title": "Allowed for good", "start": START})
        assert (await user.post("/api/actions/rules", rule | {"verdict": "never"})).status_code == 200
        refused = await client.call_tool("calendar_create_event", {"title": "Ruled out", "start": START})
    assert done.structured_content["status"] == "done", text_of(done)
    assert refused.is_error
    assert "ruled this out" in text_of(refused)
    assert len(await events(sandbox, "Allowed for good")) == 1
    assert await events(sandbox, "Ruled out") == []


async def test_calls_with_one_key_are_one_proposal(connected: Connected, adjutant: RunningAdjutant) -> None:
    user = await connected("mcp-repeats@example.com")
    call = {"title": "Once", "start": START}
    meta: Any = {"idempotencyKey": "mine-1"}
    async with session(adjutant, await key_of(user)) as client:
        tried = [client.call_tool("calendar_create_event", call, meta=meta) for _ in range(4)]
        first = await asyncio.gather(*tried)
        later = await client.call_tool("calendar_create_event", call, meta=meta)
        other = await client.call_tool("calendar_create_event", call | {"title": "Twice"}, meta=meta)
    assert len({each.structured_content["action_id"] for each in (*first, later)}) == 1
    assert other.structured_content["error"] == "idempotency_key_reused"
    assert len(await user.get("/api/actions")) == 1


async def test_wrong_keys_wrong_tools_and_wrong_arguments_are_told_apart(
    connected: Connected, adjutant: RunningAdjutant
) -> None:
    user = await connected("mcp-wrong@example.com")
    key = await key_of(user)
    for wrong in ("nonsense", key[:-1] + ("a" if key[-1] != "a" else "b")):
        with pytest.raises(BaseExceptionGroup) as refused:
            async with session(adjutant, wrong):
                raise AssertionError("nobody gets in")
        assert refused.group_contains(MCPError, match="API key")
    async with session(adjutant, key) as client:
        with pytest.raises(MCPError, match="Unknown tool") as unknown:
            await client.call_tool("mail_delete_everything", {})
        read = await client.call_tool("mail_search", {"question": "x"})
        effect = await client.call_tool("calendar_create_event", {"title": "No time"})
    assert unknown.value.code == -32602
    for each in (read, effect):
        assert each.is_error
        assert each.structured_content["error"] == "invalid_arguments"
    assert "question is not one of its arguments" in text_of(read)
    assert "start is missing" in text_of(effect)
    assert await user.get("/api/actions") == []


async def test_somebody_else_has_nothing_of_it(
    connected: Connected, sign_up: Connected, adjutant: RunningAdjutant
) -> None:
    user = await connected("mcp-owner@example.com")
    somebody = await sign_up("mcp-somebody@example.com")
    async with session(adjutant, await key_of(user)) as client:
        proposed = await client.call_tool("calendar_create_event", {"title": "Mine", "start": START})
    action = proposed.structured_content["action_id"]
    async with session(adjutant, await key_of(somebody)) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        with pytest.raises(MCPError, match="Unknown tool"):
            await client.call_tool("mail_search", {})
        theirs = await client.call_tool(OURS, {"action_id": action})
    assert "mail_search" not in names
    assert theirs.structured_content["error"] == "execution_not_found"
    assert await somebody.get("/api/actions") == []


async def test_many_clients_at_once_are_answered_each_with_their_own(
    connected: Connected, adjutant: RunningAdjutant
) -> None:
    users = [await connected(f"mcp-many-{number}@example.com") for number in range(3)]
    keys = [await key_of(user) for user in users]

    async def one(key: str) -> tuple[str, str]:
        async with session(adjutant, key) as client:
            found = await client.call_tool("mail_search", {"query": "budget"})
            assert not found.is_error, text_of(found)
            proposed = await client.call_tool("calendar_create_event", {"title": "Many", "start": START})
            return key, proposed.structured_content["action_id"]

    made = await asyncio.gather(*(one(key) for key in keys for _ in range(5)))
    for user, key in zip(users, keys, strict=True):
        waiting = {each["action_id"] for each in await user.get("/api/actions")}
        assert waiting == {action for owner, action in made if owner == key}
        assert len(waiting) == 5


async def test_a_tool_service_that_dies_is_waited_for(
    connected: Connected, adjutant: RunningAdjutant, sandbox: Sandbox
) -> None:
    user = await connected("mcp-killed@example.com")
    async with session(adjutant, await key_of(user)) as client:
        await client.list_tools()
        adjutant.kill("tool")
        found, proposed = await asyncio.gather(
            client.call_tool("mail_search", {"query": "budget"}),
            client.call_tool("calendar_create_event", {"title": "Outlived", "start": START}),
        )
        assert not found.is_error, text_of(found)
        assert proposed.structured_content["status"] == "proposed", text_of(proposed)
        await user.post(f"/api/actions/{proposed.structured_content['action_id']}/approve")
        adjutant.kill("tool")
        done = await ended(client, proposed.structured_content["action_id"])
    assert done.structured_content["status"] == "done", text_of(done)
    assert len(await events(sandbox, "Outlived")) == 1
