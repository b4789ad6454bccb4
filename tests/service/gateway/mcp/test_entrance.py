"""Who comes in at /mcp, with what, and how often."""

import pytest

from tests.service.gateway.conftest import Person, Replica, Start
from tests.service.gateway.mcp.asking import BOTH, JSON, call, message, post, result
from tests.service.gateway.mcp.tool_peer import ToolPeer


async def test_without_a_credential_or_with_a_wrong_one_the_answer_is_401_and_says_which_scheme(
    replica: Replica, person: Person
) -> None:
    async with replica.client() as client:
        for headers in ({}, {"Authorization": "Bearer adj_wrong"}, {"Authorization": "Basic YTpi"}):
            answer = await client.post("/mcp", json=message("tools/list"), headers=JSON | headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.json()["error"]["data"]["error"] == "unauthenticated"


async def test_a_key_that_may_not_chat_may_not_use_tools(replica: Replica, person: Person) -> None:
    made = await person.browser.post("/api/keys", json={"name": "r", "scopes": ["read"]}, headers=person.csrf)
    answer = await post(replica, person, message("tools/list"), Authorization=f"Bearer {made.json()['key']}")
    assert answer.status_code == 403
    assert answer.json()["error"]["data"]["error"] == "scope_missing"


async def test_a_browser_session_needs_its_csrf_token(replica: Replica, person: Person, tools: ToolPeer) -> None:
    bare = await person.browser.post("/mcp", json=message("tools/list"), headers=JSON)
    assert bare.status_code == 403
    assert bare.json()["error"]["data"]["error"] == "csrf_rejected"
    answer = await person.browser.post("/mcp", json=message("tools/list"), headers=JSON | person.csrf)
    assert answer.status_code == 200
    assert "result" in answer.json()


@pytest.mark.parametrize("page", ["https://evil.example", "null", "http://localhost:8081"])
async def test_a_page_of_somebody_else_is_refused_even_with_a_key(replica: Replica, person: Person, page: str) -> None:
    answer = await post(replica, person, message("tools/list"), Origin=page)
    assert answer.status_code == 403
    assert answer.json()["error"]["data"]["error"] == "foreign_page"


async def test_a_name_that_was_made_to_point_here_is_no_proof(replica: Replica, person: Person) -> None:
    rebound = {"Origin": "http://evil.example:8080", "Host": "evil.example:8080"}
    assert (await post(replica, person, message("tools/list"), **rebound)).status_code == 403


async def test_our_own_page_is_let_in(replica: Replica, person: Person, tools: ToolPeer) -> None:
    answer = await post(replica, person, message("tools/list"), Origin=replica.gateway.public_url)
    assert answer.status_code == 200


async def test_there_is_no_stream_to_open_and_no_session_to_end(replica: Replica, person: Person) -> None:
    async with replica.client() as client:
        for method in ("GET", "DELETE"):
            answer = await client.request(method, "/mcp", headers={**BOTH, **person.bearer})
            assert answer.status_code == 405
            assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, -32700),
        (b"\xff", 400, -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}', 400, -32700),
        (b"[" * 200 + b"]" * 200, 400, -32700),
        (b"[]", 400, -32600),
        (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', 400, -32600),
        (b"7", 400, -32600),
        (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', 400, None),
        (b'{"jsonrpc":"2.0","id":{},"method":"tools/call"}', 400, -32600),
        (b'{"jsonrpc":"2.0","id":null,"method":"tools/call"}', 400, -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"tools/call"}', 400, -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":"' + b"x" * 300_000 + b'"}', 413, -32600),
    ],
)
async def test_what_is_no_message_is_refused(
    replica: Replica, person: Person, body: bytes, status: int, code: int | None
) -> None:
    async with replica.client() as client:
        for version in ({}, {"MCP-Protocol-Version": "2025-11-25"}, {"MCP-Protocol-Version": "2026-07-28"}):
            answer = await client.post("/mcp", content=body, headers={**JSON, **person.bearer, **version})
            assert answer.status_code == status, answer.text
            assert code in (None, answer.json()["error"]["code"])


async def test_calls_are_counted_and_listing_is_not(start: Start, person: Person, tools: ToolPeer) -> None:
    strict = await start(mcp_calls_per_minute=2)
    for left in (1, 0):
        answer = await post(strict, person, call("notes_count"))
        assert answer.headers["x-ratelimit-limit"] == "2"
        assert answer.headers["x-ratelimit-remaining"] == str(left)
    refused = await post(strict, person, call("notes_count"))
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    told = refused.json()
    assert told["id"] == 7
    assert told["error"]["data"]["error"] == "rate_limited"
    assert (await post(strict, person, message("tools/list"))).status_code == 200
    assert len(tools.reads) == 2


async def test_effects_have_a_limit_of_their_own(start: Start, person: Person, tools: ToolPeer) -> None:
    strict = await start(mcp_effects_per_minute=1)
    await result(strict, person, call("notes_send"))
    refused = await result(strict, person, call("notes_send"))
    assert refused["isError"] is True
    assert refused["structuredContent"]["retry_after_s"] >= 1
    assert len(tools.commands) == 1
    assert (await result(strict, person, call("notes_count")))["structuredContent"]["status"] == "done"
