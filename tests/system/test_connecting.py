"""Connecting a provider: a state works once, in the browser that began, and nowhere else."""

import httpx
import pytest

from libs.sandbox.google_login import log_in
from libs.testing.client import AdjutantClient
from tests.system.conftest import Connected

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]


async def callback_path(client: AdjutantClient) -> str:
    """Where the provider sends the browser after a log-in that this client began."""
    started = await client.post("/api/integrations/connect", {"type": "gmail"})
    return httpx.URL(await log_in(started.json()["authUrl"])).raw_path.decode()


def refused(answer: httpx.Response, slug: str) -> None:
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["title"] == slug
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


async def test_a_state_works_once(sign_up: Connected) -> None:
    client = await sign_up("once@example.com")
    callback = await callback_path(client)

    first, second = await client.http.get(callback), await client.http.get(callback)

    assert first.status_code == 200
    assert first.json()["account"] == "ada@example.com"
    refused(second, "state_refused")


async def test_a_log_in_that_somebody_else_began_is_worth_nothing_here(sign_up: Connected) -> None:
    attacker, victim = await sign_up("attacker@example.com"), await sign_up("victim@example.com")
    callback = await callback_path(attacker)

    refused(await victim.http.get(callback), "state_refused")
    status = await victim.get("/api/integrations/gmail/status")
    assert status["status"] == "not_connected"


async def test_another_session_of_the_same_user_cannot_finish_it(sign_up: Connected) -> None:
    client = await sign_up("twosessions@example.com")
    callback = await callback_path(client)
    body = {"email": client.email, "password": "correct horse battery staple"}
    client.http.cookies.clear()
    assert (await client.http.post("/api/auth/log-in", json=body)).status_code == 200

    refused(await client.http.get(callback), "state_refused")


async def test_declining_is_told_as_such(sign_up: Connected) -> None:
    client = await sign_up("declined@example.com")
    started = await client.post("/api/integrations/connect", {"type": "calendar"})
    state = httpx.URL(started.json()["authUrl"]).params["state"]

    answer = await client.http.get(
        "/api/integrations/calendar/callback", params={"state": state, "error": "access_denied"}
    )

    refused(answer, "authorization_declined")


async def test_disconnecting_ends_the_access_and_googles_grant_with_its_last_product(connected: Connected) -> None:
    client = await connected("leaver@example.com")

    first = (await client.post("/api/integrations/calendar/disconnect")).json()
    last = (await client.post("/api/integrations/gmail/disconnect")).json()

    assert (first["revoked_at_provider"], first["grant_kept_for"]) == (False, ["gmail"])
    assert (last["revoked_at_provider"], last["grant_kept_for"]) == (True, [])
    for provider in ("calendar", "gmail"):
        assert (await client.get(f"/api/integrations/{provider}/status"))["status"] == "not_connected"


async def test_the_list_says_what_can_be_connected_and_allowed(connected: Connected) -> None:
    client = await connected("lister@example.com")

    listed = {each["type"]: each for each in (await client.get("/api/integrations/connect"))["providers"]}

    assert (listed["gmail"]["connected"], listed["gmail"]["available"]) == (True, True)
    assert listed["gmail"]["capabilities"] == ["read", "send", "draft", "organize"]
    assert (listed["zoom"]["connected"], listed["zoom"]["available"]) == (False, False)


async def test_an_unknown_provider_is_not_found(sign_up: Connected) -> None:
    client = await sign_up("myspace@example.com")

    answer = await client.post("/api/integrations/connect", {"type": "myspace"})

    assert answer.status_code == 404
