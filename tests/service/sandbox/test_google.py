"""The emulated Google: what is in it, and how one logs in. The emulator is emulate; it checks less than Google does."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from libs.sandbox import Sandbox
from libs.sandbox.google_login import LoginRefused, log_in
from libs.sandbox.seeds import CALLBACKS, google_seed, titles_tomorrow, unread_today
from tests.service.sandbox.conftest import PUBLIC_URL

VERIFIER = "v" * 64


def auth_url(sandbox: Sandbox, redirect_uri: str) -> str:
    settings = sandbox.settings()
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    query = {
        "client_id": settings["ADJUTANT_OAUTH_GOOGLE_CLIENT_ID"],
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": "openid email",
        "state": "a state",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return str(httpx.URL(settings["ADJUTANT_OAUTH_GOOGLE_AUTHORIZE_URL"], params=query))


async def redeem(sandbox: Sandbox, code: str, verifier: str, redirect_uri: str) -> httpx.Response:
    settings = sandbox.settings()
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": verifier,
        "redirect_uri": redirect_uri,
        "client_id": settings["ADJUTANT_OAUTH_GOOGLE_CLIENT_ID"],
        "client_secret": settings["ADJUTANT_OAUTH_GOOGLE_CLIENT_SECRET"],
    }
    async with httpx.AsyncClient() as http:
        return await http.post(settings["ADJUTANT_OAUTH_GOOGLE_TOKEN_URL"], data=form)


@pytest.mark.parametrize("path", CALLBACKS)
async def test_a_log_in_yields_a_code_that_only_the_right_verifier_redeems(sandbox: Sandbox, path: str) -> None:
    redirect_uri = PUBLIC_URL + path
    back = httpx.URL(await log_in(auth_url(sandbox, redirect_uri)))
    assert str(back).startswith(f"{redirect_uri}?")
    assert back.params["state"] == "a state"

    refused = await redeem(sandbox, back.params["code"], "w" * 64, redirect_uri)
    assert refused.status_code == 400

    tokens = (await redeem(sandbox, back.params["code"], VERIFIER, redirect_uri)).json()
    assert tokens["access_token"]
    assert tokens["refresh_token"]
    assert tokens["id_token"]


async def test_an_address_that_is_not_registered_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(LoginRefused):
        await log_in(auth_url(sandbox, "http://localhost:9/callback"))


@pytest.mark.parametrize("address", ["", "not an address", "http://127.0.0.1:1/o/oauth2/v2/auth"])
async def test_where_no_provider_answers_the_log_in_says_what_to_give_instead(address: str) -> None:
    with pytest.raises(LoginRefused) as refused:
        await log_in(address)
    assert "authUrl" in refused.value.advice


async def test_without_a_public_url_every_address_is_accepted(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with Sandbox(tmp_path_factory.mktemp("open"), with_model=False) as sandbox:
        back = httpx.URL(await log_in(auth_url(sandbox, "http://localhost:9/callback")))
        assert (await redeem(sandbox, back.params["code"], VERIFIER, "http://localhost:9/callback")).is_success
        assert "ADJUTANT_CHAT_MODEL_BASE_URL" not in sandbox.settings()


async def test_the_provider_tells_what_was_seeded(sandbox: Sandbox) -> None:
    mails = await sandbox.mails()
    events = await sandbox.calendar_events()
    newest = max(mail["date"] for mail in mails)
    today = newest[:10]
    assert [mail["subject"] for mail in mails if mail["unread"] and mail["date"][:10] == today] == unread_today()
    assert [mail for mail in mails if not mail["unread"] and mail["date"][:10] == today]
    tomorrow = f"{datetime.fromisoformat(newest) + timedelta(days=1):%Y-%m-%d}"
    assert [e["summary"] for e in events if e["start"]["dateTime"][:10] == tomorrow] == titles_tomorrow()


@pytest.mark.parametrize("clock", ["00:00:00", "00:00:01", "12:00:00", "23:59:59"])
def test_mail_of_today_is_of_today_at_every_hour(clock: str) -> None:
    now = datetime.fromisoformat(f"2026-11-20T{clock}").replace(tzinfo=UTC)
    dates = {m["subject"]: datetime.fromisoformat(m["date"]) for m in google_seed(now)["messages"]}
    assert len(dates) >= 12
    assert all(date <= now for date in dates.values())
    assert all(dates[subject].date() == now.date() for subject in unread_today())
