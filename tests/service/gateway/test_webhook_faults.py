"""What goes wrong around notifications: Google's keys, odd pushes, forgers, and a bus that is away or silent."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from contracts.ids import new_id
from libs.providers.account_ref import account_ref
from services.gateway.settings import GatewaySettings
from services.gateway.webhooks import google_keys, refusals
from services.gateway.webhooks.refusals import Refusals
from tests.conftest import Platform
from tests.service.gateway.conftest import Start, running
from tests.service.gateway.relay import tcp_wire
from tests.service.gateway.test_webhooks import GENUINE, PUSH, SECRETS, Sent, commands, github, hooks, post
from tests.service.providers.vendor_server import Asked, Told, vendor

__all__ = ["commands", "hooks"]

# nats-py drops the stream of a lost connection without closing it.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

SLACK_WAITS_S = 3.0
OLD, NEW = (RSAKey.generate_key(2048, {"kid": kid, "alg": "RS256", "use": "sig"}) for kid in ("old", "new"))


@dataclass
class Google:
    """Where its keys are fetched."""

    answer: Told = field(default_factory=lambda: Told(KeySet([OLD]).as_dict(private=False)))
    fetched: int = 0

    def told(self, asked: Asked) -> Told:
        """One fetch."""
        self.fetched += 1
        return self.answer


@pytest.fixture
async def google() -> AsyncIterator[tuple[Google, str]]:
    made = Google()
    async with vendor(made.told) as server:
        server.is_open = True
        yield made, server.url


def push(key: RSAKey, header: dict[str, Any] | None = None, address: str = "ada@example.com", **message: Any) -> Sent:
    """A Gmail notification signed with `key`."""
    data = base64.b64encode(json.dumps({"emailAddress": address, "historyId": 9}).encode()).decode()
    claims = {
        "iss": "https://accounts.google.com",
        "aud": SECRETS["gmail_audience"],
        "exp": int(time.time()) + 600,
        "email": SECRETS["gmail_service_account"],
        "email_verified": True,
    }
    token = jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)
    if header:
        encoded = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
        token = f"{encoded}.{token.partition('.')[2]}"
    body = json.dumps({"message": {"data": data, "messageId": new_id("evt"), **message}}).encode()
    return Sent("gmail", body, {"authorization": f"Bearer {token}"})


async def test_keys_are_fetched_once_and_serve_while_google_is_broken(
    start: Start, google: tuple[Google, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    at, url = google
    replica = await start(**SECRETS, google_jwks_url=url)
    assert [(await post(replica, push(OLD))).status_code for _ in range(3)] == [200, 200, 200]
    assert at.fetched == 1

    monkeypatch.setattr(google_keys, "KEPT_S", 0.0)
    monkeypatch.setattr(google_keys, "ASK_AGAIN_S", 0.0)
    for broken in (Told({"error": "no"}, 404), Told({"keys": "none"}), Told([1]), Told(None, raw=b"<html>")):
        at.answer = broken
        assert (await post(replica, push(OLD))).status_code == 200, broken
    at.answer = Told(KeySet([NEW]).as_dict(private=False))
    assert (await post(replica, push(NEW))).status_code == 200


async def test_without_any_keys_google_is_told_to_come_back(start: Start, google: tuple[Google, str]) -> None:
    at, url = google
    at.answer = Told({}, 500)
    replica = await start(**SECRETS, google_jwks_url=url)

    refused = await post(replica, push(OLD))

    assert refused.status_code == 503
    at.answer = Told(KeySet([OLD]).as_dict(private=False))
    assert (await post(replica, push(OLD))).status_code == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (push(OLD, {"alg": "RS256", "kid": "old", "crit": 5}), 401),
        (push(OLD, {"alg": "none"}), 401),
        (push(OLD, data="\u2603"), 400),
        (push(OLD, data=[1]), 400),
        (push(OLD, data=base64.b64encode(b"[" * 2000).decode()), 400),
    ],
)
async def test_an_odd_push_is_refused_and_no_defect(
    sent: Sent, status: int, start: Start, google: tuple[Google, str]
) -> None:
    replica = await start(**SECRETS, google_jwks_url=google[1])
    assert (await post(replica, sent)).status_code == status


async def test_a_long_mailbox_address_is_read_whole(start: Start, google: tuple[Google, str], commands: Any) -> None:
    replica = await start(**SECRETS, google_jwks_url=google[1])
    address = f"{'a' * 64}@{'b' * 180}.example.com"

    assert (await post(replica, push(OLD, address=address))).status_code == 200

    assert [each.account_ref for each in await commands()] == [account_ref("google", address)]


async def test_an_empty_unsigned_batch_is_not_accepted(start: Start) -> None:
    replica = await start(**SECRETS)
    assert (await post(replica, Sent("outlook_mail", b'{"value": []}', {}))).status_code == 401


async def test_a_public_key_that_is_none_counts_as_not_configured(start: Start, hooks: Any) -> None:
    replica = await start(**SECRETS | {"discord_public_key": "not hexadecimal"})
    refused = await post(replica, GENUINE["discord"](hooks))
    assert (refused.status_code, refused.json()["title"]) == (503, "webhooks_not_configured")


async def test_a_forger_is_not_listened_to_for_a_while(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "MOST", 3)
    replica = await start(**SECRETS)
    forged = Sent("github", b"{}", {"x-hub-signature-256": "sha256=00"})

    answers = [await post(replica, forged) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert (await post(replica, Sent("slack", b"{}", {}))).status_code == 401, "other providers are not concerned"


def test_the_window_ends_and_others_are_not_concerned() -> None:
    now = [0.0]
    seen = Refusals(lambda: now[0])
    for _ in range(refusals.MOST):
        seen.note("192.0.2.1", "github")
    with pytest.raises(Exception, match="could not be verified"):
        seen.check("192.0.2.1", "github")
    seen.check("192.0.2.2", "github")
    now[0] = refusals.WINDOW_S + 1
    seen.check("192.0.2.1", "github")


async def test_while_the_bus_is_silent_or_away_the_provider_is_told_in_time_to_come_back(
    platform: Platform, commands: Any
) -> None:
    server = urlsplit(platform.nats.url)
    assert server.hostname is not None
    assert server.port is not None
    async with (
        tcp_wire(server.hostname, server.port) as (wire, port),
        running(platform, GatewaySettings.explicit(**SECRETS), nats_url=f"nats://127.0.0.1:{port}") as here,
    ):
        sent = github(PUSH)
        wire.silence()
        async with asyncio.timeout(SLACK_WAITS_S):
            silent = await post(here, sent)
        wire.speak()
        again = await post(here, sent)
        wire.cut()
        away = await post(here, github(PUSH))

    assert (silent.status_code, silent.json()["title"]) == (503, "bus_unavailable")
    assert int(silent.headers["retry-after"]) >= 1
    assert again.status_code == 200
    assert away.status_code == 503
    assert len(await commands()) == 1, "what was held back on the wire and what was sent again are one"


async def test_a_batch_is_published_whole(start: Start, hooks: Any, commands: Any) -> None:
    replica = await start(**SECRETS)
    watches = [new_id("w") for _ in range(150)]
    entries = [{"clientState": f"{watch}.{hooks.make('teams', watch)}"} for watch in watches]

    answer = await post(replica, Sent("teams", json.dumps({"value": entries}).encode(), {}))

    assert answer.status_code == 200
    assert sorted(each.watch_id for each in await commands()) == sorted(watches)
