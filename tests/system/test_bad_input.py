"""Bad input, through the whole system: a clear problem with a request id, never a 500."""

import base64
import json
import time

import httpx
import pytest

from libs.sandbox.google_login import log_in
from libs.testing.client import AdjutantClient
from libs.testing.running import RunningAdjutant
from tests.system.conftest import Connected

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

CHAT = "/api/ai/chat"


def is_problem(response: httpx.Response, status: int) -> None:
    """Hold an answer against what is promised of every refusal."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("application/problem+json")
    problem = response.json()
    assert problem["status"] == status
    assert problem["detail"]
    assert problem["request_id"] == response.headers["x-request-id"]
    assert "Traceback" not in response.text


def csrf(client: AdjutantClient) -> dict[str, str]:
    return {"X-CSRF-Token": client.http.cookies["adjutant_csrf"], "Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b'{"messages": [', 400, id="malformed"),
        pytest.param(b" " * 2_000_000, 413, id="two-megabytes"),
        pytest.param(b'{"messages":[{"role":"user","content":"hi"}],"nonsense":1}', 422, id="unknown-field"),
        pytest.param(b'{"messages":[{"role":"user","content":"a\\u0000b"}]}', 422, id="nul"),
    ],
)
async def test_a_wrong_body_is_refused_and_the_next_request_works(body: bytes, status: int, sign_up: Connected) -> None:
    client = await sign_up(f"body{status}-{len(body)}@example.com")

    is_problem(await client.http.post(CHAT, content=body, headers=csrf(client)), status)
    assert (await client.chat("Hello")).outcome == "turn.completed"


async def test_a_conversation_nobody_has_is_not_found(sign_up: Connected) -> None:
    client = await sign_up("unknown@example.com")
    body = {"messages": [{"role": "user", "content": "hi"}], "conversation_id": "0" * 32}

    is_problem(await client.http.get(f"/api/conversations/{'0' * 32}"), 404)
    refused = await client.post(CHAT, body)
    assert refused.status_code in (404, 422)
    is_problem(refused, refused.status_code)


def token(algorithm: str, expires_in: int, signature: str) -> str:
    """A JSON web token that nobody here has signed."""
    claims = {"sub": "u1", "iss": "adjutant", "aud": "adjutant", "exp": int(time.time()) + expires_in}
    parts = [{"alg": algorithm, "typ": "JWT"}, claims]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, signature])


@pytest.mark.parametrize(
    "bearer",
    [
        pytest.param(token("HS256", -60, "c2ln"), id="expired"),
        pytest.param(token("HS256", 60, "c2ln"), id="forged"),
        pytest.param(token("none", 60, ""), id="alg-none"),
        pytest.param("adj_" + "0" * 40, id="no-such-key"),
    ],
)
async def test_a_token_that_was_not_given_out_here_opens_nothing(bearer: str, adjutant: RunningAdjutant) -> None:
    async with AdjutantClient(adjutant.url) as stranger:
        refused = await stranger.http.get("/api/conversations", headers={"Authorization": f"Bearer {bearer}"})
        is_problem(refused, 401)
        assert bearer not in refused.text


async def back_from_google(client: AdjutantClient) -> str:
    """Path and query that the provider sends the browser to."""
    started = await client.post("/api/integrations/connect", {"type": "gmail"})
    return httpx.URL(await log_in(started.raise_for_status().json()["authUrl"])).raw_path.decode()


async def test_a_state_is_good_once(sign_up: Connected) -> None:
    client = await sign_up("state@example.com")
    path = await back_from_google(client)

    assert (await client.http.get(path)).status_code < 400
    again = await client.http.get(path)

    assert 400 <= again.status_code < 500
    is_problem(again, again.status_code)


async def test_the_browser_of_somebody_else_cannot_finish_a_connection(sign_up: Connected) -> None:
    owner = await sign_up("browser@example.com")
    stranger = await sign_up("other-browser@example.com")

    refused = await stranger.http.get(await back_from_google(owner))

    assert 400 <= refused.status_code < 500
    is_problem(refused, refused.status_code)
    connected = await stranger.get("/api/integrations/gmail/status")
    assert connected["status"] == "not_connected"
