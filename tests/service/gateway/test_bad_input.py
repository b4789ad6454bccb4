"""Bad input is answered by a clear problem, with every header, and never by a 500."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.service.gateway.conftest import Person, Replica, Start
from tests.service.gateway.peers import ChatPeer

CHAT = "/api/ai/chat"
JSON = {"Content-Type": "application/json"}


def message(content: Any = "hi", **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}], **fields}


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        (b"", 400, "malformed_json"),
        (b"{", 400, "malformed_json"),
        (b'{"messages": NaN}', 400, "malformed_json"),
        (b'{"messages": [], "messages": []}', 400, "malformed_json"),
        (b'{"messages": "\xff"}', 400, "malformed_json"),
        (b'{"messages":' + b"[" * 50_000 + b"]" * 50_000 + b"}", 400, "malformed_json"),
        (b"[]", 422, "invalid_input"),
        (b'"x"', 422, "invalid_input"),
        (b"null", 422, "invalid_input"),
        (b'{"messages": []}', 422, "invalid_input"),
        (b'{"messages": [{"role": "user", "content": "\\ud800"}]}', 422, "invalid_input"),
        (b'{"messages": [{"role": "user", "content": 1e400}]}', 422, "invalid_input"),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_a_body_that_is_wrong_is_refused(body: bytes, status: int, slug: str, person: Person) -> None:
    refused = await person.browser.post(CHAT, content=body, headers={**JSON, **person.csrf})
    assert (refused.status_code, refused.json()["title"]) == (status, slug)
    assert refused.json()["request_id"] == refused.headers["x-request-id"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (message("a\0b"), "NUL"),
        (message("   "), "blank"),
        (message(""), "at least 1 character"),
        (message("x" * 32_001), "32000"),
        (message(5), "must be a text"),
        (message(extra=1), "is no field of this request"),
        (message(conversation_id="c_1"), "does not have the form"),
        (message(timezone="Mars/Olympus"), "timezone"),
        (message(timezone="../../etc/passwd"), "timezone"),
        (message(tone="a\r\nb"), "one line"),
        (message(specialization="magic"), "negotiation"),
        ({"messages": [{"role": "assistant", "content": "hi"}]}, "role user"),
        ({"messages": [{"role": "user", "content": "hi", "tool": "x"}]}, "is no field of this request"),
        ({"messages": [{"role": "root", "content": "hi"}]}, "user"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_field_that_is_wrong_is_named(body: dict[str, Any], says: str, person: Person) -> None:
    refused = await person.browser.post(CHAT, json=body, headers=person.csrf)
    assert (refused.status_code, refused.json()["title"]) == (422, "invalid_input")
    assert says in refused.json()["detail"]


async def test_a_body_of_two_megabytes_is_refused_with_and_without_its_length(person: Person) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b" " * 10_000

    headers = {**JSON, **person.csrf}
    declared = await person.browser.post(CHAT, content=b" " * 2_000_000, headers=headers)
    dripped = await person.browser.post(CHAT, content=chunks(), headers=headers)
    for refused in (declared, dripped):
        assert (refused.status_code, refused.json()["title"]) == (413, "body_too_large")
        assert refused.headers["x-content-type-options"] == "nosniff"


async def test_a_message_of_the_full_length_is_taken(person: Person, chat: ChatPeer) -> None:
    answer = await person.browser.post(CHAT, json=message("ä" * 32_000), headers=person.csrf)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "declared", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16"]
)
async def test_json_must_be_declared_as_json(declared: str, replica: Replica) -> None:
    async with replica.client() as client:
        refused = await client.post("/api/auth/log-in", content=b"{}", headers={"Content-Type": declared})
    assert (refused.status_code, refused.json()["title"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/api/../../etc/passwd", 404),
        ("GET", "/%2e%2e/%2e%2e/etc/passwd", 404),
        ("DELETE", "/api/ai/chat", 405),
        ("TRACE", "/api/health", 405),
        ("GET", "/api/auth/me", 401),
        ("GET", "/api/conversations/%00", 401),
    ],
)
async def test_every_answer_carries_the_security_headers(method: str, path: str, status: int, replica: Replica) -> None:
    async with replica.client() as client:
        answer = await client.request(method, path)
        healthy = await client.get("/api/health")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    for response in (answer, healthy):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["x-frame-options"] == "DENY"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in response.headers["content-security-policy"]
        assert len(response.headers["x-request-id"]) == 32
        assert "strict-transport-security" not in response.headers


async def test_hsts_is_sent_when_a_trusted_proxy_speaks_tls(start: Start) -> None:
    behind = await start(trusted_proxies=("127.0.0.0/8",))
    async with behind.client() as client:
        answer = await client.get("/api/health", headers={"X-Forwarded-Proto": "https"})
    assert answer.headers["strict-transport-security"].startswith("max-age=")


async def test_ids_with_anything_in_them_are_just_not_found(person: Person, chat: ChatPeer) -> None:
    for bad in ("%00", "C-1", "*", ">", "a.b", "'%20or%201=1", "%F0%9F%A6%84", "x" * 500):
        for path in (f"/api/conversations/{bad}", f"/api/integrations/{bad}/status", f"/api/ai/turns/{bad}"):
            assert (await person.browser.get(path)).status_code == 404


async def test_a_page_of_somebody_else_gets_no_cors_headers_and_an_allowed_one_does(start: Start) -> None:
    open_to_one = await start(cors_origins=("https://app.example.org",))
    async with open_to_one.client() as client:
        preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-csrf-token"}
        for origin, allowed in (("https://app.example.org", True), ("https://evil.example", False), ("null", False)):
            answer = await client.options(CHAT, headers={"Origin": origin, **preflight})
            assert (answer.headers.get("access-control-allow-origin") == origin) is allowed


async def test_passwords_never_come_back_in_an_error(replica: Replica) -> None:
    async with replica.client() as client:
        body = {"email": "x", "password": "short-pw", "extra": "s3cret"}
        refused = await client.post("/api/auth/sign-up", json=body)
    assert refused.status_code == 422
    assert "short-pw" not in refused.text
    assert "s3cret" not in refused.text


async def test_health_tells_the_state_of_each_neighbour(replica: Replica) -> None:
    async with replica.client() as client:
        health = (await client.get("/api/health")).json()
    assert health["status"] == "healthy"
    assert health["dependencies"]["database"]["healthy"]
    assert health["dependencies"]["bus"]["latency_ms"] < 500
    assert 0 <= health["cache"]["hit_rate"] <= 1


async def test_many_sign_ups_from_one_address_are_slowed_down(start: Start) -> None:
    strict = await start(sign_ups_per_hour=0)
    async with strict.client() as client:
        body = {"email": "one@example.org", "password": "long enough password"}
        answers = await asyncio.gather(*(client.post("/api/auth/sign-up", json=body) for _ in range(3)))
    assert {answer.status_code for answer in answers} == {429}
