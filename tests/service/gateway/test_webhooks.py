"""Providers' notifications through a running gateway: genuine ones are durable before the answer, all others refused.

Signatures follow the vendors' documentation; that of Slack is checked against the example there (`test_vectors`).
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from contracts.ids import new_id
from contracts.sync import Hint, TakeNotification
from libs.providers.account_ref import account_ref
from libs.vault import HookSecrets, MasterKeys
from tests.conftest import Platform
from tests.service.gateway.conftest import Replica, Start

DISCORD_KEY = Ed25519PrivateKey.generate()
GOOGLE_KEY = RSAKey.generate_key(2048, {"kid": "k1", "alg": "RS256", "use": "sig"})
GOOGLES_KEYS = KeySet([GOOGLE_KEY]).as_dict(private=False)
SECRETS = {
    "github_webhook_secret": "github-secret",
    "slack_signing_secret": "slack-secret",
    "notion_verification_token": "notion-token",
    "discord_public_key": DISCORD_KEY.public_key().public_bytes_raw().hex(),
    "zoom_secret_token": "zoom-secret",
    "gmail_audience": "https://adjutant.example/webhooks/gmail",
    "gmail_service_account": "push@project.iam.gserviceaccount.com",
}


@dataclass
class Sent:
    """A request as a provider would send it, and what has to become of it."""

    provider: str
    body: bytes
    headers: dict[str, str]
    concerns: dict[str, Any] = field(default_factory=dict)
    query: str = ""


def hexmac(secret: str, text: bytes) -> str:
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def slack(content: dict[str, Any], at: int | None = None) -> Sent:
    body, stamp = json.dumps(content).encode(), str(at or int(time.time()))
    signature = "v0=" + hexmac("slack-secret", f"v0:{stamp}:".encode() + body)
    headers = {"x-slack-request-timestamp": stamp, "x-slack-signature": signature}
    return Sent("slack", body, headers, {"account_ref": account_ref("slack", "T1"), "stream": "channel:C1"})


def github(content: dict[str, Any], event: str = "push", secret: str = "github-secret", query: str = "") -> Sent:
    body = json.dumps(content).encode()
    headers = {
        "x-hub-signature-256": "sha256=" + hexmac(secret, body),
        "x-github-event": event,
        "x-github-delivery": new_id("evt"),
    }
    concerns = {"account_ref": account_ref("github", "7"), "stream": "repository:ada/engine"}
    return Sent("github", body, headers, concerns, query)


def notion(content: dict[str, Any]) -> Sent:
    body = json.dumps(content).encode()
    headers = {"x-notion-signature": "sha256=" + hexmac("notion-token", body)}
    return Sent("notion", body, headers, {"account_ref": account_ref("notion", "W1"), "stream": "pages"})


def discord(content: dict[str, Any], at: int | None = None) -> Sent:
    body, stamp = json.dumps(content).encode(), str(at or int(time.time()))
    signature = DISCORD_KEY.sign(stamp.encode() + body).hex()
    headers = {"x-signature-ed25519": signature, "x-signature-timestamp": stamp}
    concerns = {"account_ref": account_ref("discord", "42"), "hint": Hint.ACCESS_ENDED}
    return Sent("discord", body, headers, concerns)


def zoom(content: dict[str, Any], at: int | None = None) -> Sent:
    body, stamp = json.dumps(content).encode(), str(at or int(time.time()))
    headers = {
        "x-zm-request-timestamp": stamp,
        "x-zm-signature": "v0=" + hexmac("zoom-secret", f"v0:{stamp}:".encode() + body),
    }
    return Sent("zoom", body, headers, {"account_ref": account_ref("zoom", "H1"), "stream": "meetings"})


def gmail(**claims: Any) -> Sent:
    data = base64.b64encode(json.dumps({"emailAddress": "Ada@example.com", "historyId": 9}).encode()).decode()
    body = json.dumps({"message": {"data": data, "messageId": new_id("evt")}}).encode()
    given = {
        "iss": "https://accounts.google.com",
        "aud": SECRETS["gmail_audience"],
        "exp": int(time.time()) + 600,
        "email": SECRETS["gmail_service_account"],
        "email_verified": True,
        **claims,
    }
    token = jwt.encode({"alg": "RS256", "kid": "k1"}, given, GOOGLE_KEY)
    concerns = {"account_ref": account_ref("google", "ada@example.com"), "stream": "mailbox"}
    return Sent("gmail", body, {"authorization": f"Bearer {token}"}, concerns)


def calendar(hooks: HookSecrets, state: str = "exists") -> Sent:
    watch_id = new_id("w")
    headers = {
        "x-goog-channel-id": watch_id,
        "x-goog-channel-token": hooks.make("calendar", watch_id),
        "x-goog-resource-state": state,
        "x-goog-message-number": "5",
    }
    return Sent("calendar", b"", headers, {"watch_id": watch_id})


def graph(hooks: HookSecrets, *more: dict[str, Any], **fields: Any) -> Sent:
    watch_id = new_id("w")
    entry = {"clientState": f"{watch_id}.{hooks.make('outlook_mail', watch_id)}", **fields}
    return Sent("outlook_mail", json.dumps({"value": [entry, *more]}).encode(), {}, {"watch_id": watch_id})


PUSH = {"repository": {"full_name": "ada/engine", "owner": {"id": 7}}, "sender": {"id": 7}}
GENUINE: dict[str, Callable[[HookSecrets], Sent]] = {
    "slack": lambda hooks: slack({"team_id": "T1", "event_id": new_id("evt"), "event": {"type": "m", "channel": "C1"}}),
    "github": lambda hooks: github(PUSH),
    "notion": lambda hooks: notion({"id": new_id("evt"), "type": "page.created", "workspace_id": "W1"}),
    "discord": lambda hooks: discord(
        {"type": 1, "event": {"type": "APPLICATION_DEAUTHORIZED", "data": {"user": {"id": "42"}, "n": new_id("evt")}}}
    ),
    "zoom": lambda hooks: zoom(
        {"event": "meeting.created", "payload": {"object": {"host_id": "H1", "n": new_id("x")}}}
    ),
    "gmail": lambda hooks: gmail(),
    "calendar": calendar,
    "graph": graph,
}
SIGNATURES = {
    "slack": "x-slack-signature",
    "github": "x-hub-signature-256",
    "notion": "x-notion-signature",
    "discord": "x-signature-ed25519",
    "zoom": "x-zm-signature",
    "gmail": "authorization",
    "calendar": "x-goog-channel-token",
}


@pytest.fixture(scope="module")
async def gateway(start: Start) -> Replica:
    """One replica that knows all secrets."""
    replica = await start(**SECRETS)
    _give_keys(replica)
    return replica


@pytest.fixture
def hooks(platform: Platform) -> HookSecrets:
    """As sync makes them."""
    return HookSecrets(MasterKeys.from_text(platform.master_keys))


@pytest.fixture
async def commands(platform: Platform) -> AsyncIterator[Callable[[], Any]]:
    """What lies in the stream for sync since the test began."""
    admin = await platform.nats.admin()
    before = (await admin.jetstream.stream_info("CMD_SYNC")).state.last_seq

    async def since() -> list[TakeNotification]:
        last = (await admin.jetstream.stream_info("CMD_SYNC")).state.last_seq
        found = [await admin.jetstream.get_msg("CMD_SYNC", seq=number) for number in range(before + 1, last + 1)]
        return [TakeNotification.model_validate_json(message.data or b"") for message in found]

    yield since
    await admin.close()


def _give_keys(replica: Replica) -> None:
    keys = replica.gateway.google_keys
    keys._keys, keys._fetched_at = KeySet.import_key_set(GOOGLES_KEYS), time.monotonic()


async def post(replica: Replica, sent: Sent, **changed: Any):
    async with replica.client() as client:
        return await client.post(
            f"/webhooks/{sent.provider}{sent.query}",
            content=changed.get("body", sent.body),
            headers={"content-type": "application/json", **changed.get("headers", sent.headers)},
        )


@pytest.mark.parametrize("name", GENUINE)
async def test_a_genuine_notification_is_durable_before_the_answer_and_repeated_ones_are_one(
    name: str, gateway: Replica, hooks: HookSecrets, commands: Any
) -> None:
    sent = GENUINE[name](hooks)
    answers = [(await post(gateway, sent)).status_code for _ in range(2)]

    assert answers == [200, 200]
    handed_over = await commands()
    assert len(handed_over) == (2 if name == "graph" else 1), "Graph names no delivery; sync makes them one run"
    for what, value in sent.concerns.items():
        assert getattr(handed_over[0], what) == value
    assert handed_over[0].provider == sent.provider


@pytest.mark.parametrize("name", SIGNATURES)
async def test_a_forged_unsigned_or_changed_notification_is_refused(
    name: str, gateway: Replica, hooks: HookSecrets, commands: Any
) -> None:
    sent, header = GENUINE[name](hooks), SIGNATURES[name]
    unsigned = {key: value for key, value in sent.headers.items() if key != header}
    forged = sent.headers | {header: sent.headers[header][:-4] + "0000"}
    attempts = [{"headers": unsigned}, {"headers": forged}]
    if name not in ("calendar", "gmail"):  # they sign no body: it says nothing that is believed
        attempts += [{"body": sent.body + b" "}, {"body": sent.body[:-1]}, {"body": b""}]
    for attempt in attempts:
        refused = await post(gateway, sent, **attempt)
        assert (refused.status_code, refused.json()["title"]) == (401, "webhook_refused")
    assert await commands() == []


@pytest.mark.parametrize("age_s", [-400, 400])
async def test_an_old_or_future_notification_is_refused_however_well_signed(
    age_s: int, gateway: Replica, commands: Any
) -> None:
    at = int(time.time()) - age_s
    for sent in (slack({"team_id": "T1"}, at), discord({"type": 0}, at), zoom({"event": "x"}, at)):
        assert (await post(gateway, sent)).status_code == 401
    assert await commands() == []


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://elsewhere.example"},
        {"iss": "https://evil.example"},
        {"email": "other@project.iam.gserviceaccount.com"},
        {"email_verified": False},
        {"exp": 1},
    ],
)
async def test_a_push_signed_by_google_for_somebody_else_is_refused(
    claims: dict[str, Any], gateway: Replica, commands: Any
) -> None:
    assert (await post(gateway, gmail(**claims))).status_code == 401
    assert await commands() == []


async def test_signed_nonsense_is_malformed(gateway: Replica, commands: Any) -> None:
    for body in (b"", b"[]", b'{"a": "\x00"}', b"\xff\xfe", b"{" * 2000):
        signature = {"x-hub-signature-256": "sha256=" + hexmac("github-secret", body), "x-github-event": "push"}
        answer = await post(gateway, Sent("github", body, signature))
        assert (answer.status_code, answer.json()["title"]) == (400, "webhook_malformed")
    assert await commands() == []


async def test_a_body_over_the_limit_is_refused_unread(gateway: Replica) -> None:
    assert (await post(gateway, Sent("github", b"x" * 1_100_000, {}))).status_code == 413


async def test_handshakes_are_answered_as_each_provider_wants(gateway: Replica, commands: Any) -> None:
    challenge = await post(gateway, slack({"type": "url_verification", "challenge": "c4"}))
    assert (challenge.status_code, challenge.text) == (200, "c4")
    crc = await post(gateway, zoom({"event": "endpoint.url_validation", "payload": {"plainToken": "p"}}))
    assert crc.json() == {"plainToken": "p", "encryptedToken": hexmac("zoom-secret", b"p")}
    assert (await post(gateway, discord({"type": 0}))).status_code == 204
    assert (await post(gateway, discord({"type": 1, "token": "t"}))).json() == {"type": 1}
    async with gateway.client() as client:
        validated = await client.post("/webhooks/outlook_mail?validationToken=a%20b%3Cscript%3E")
    assert validated.text == "a b<script>"
    assert validated.headers["content-type"].startswith("text/plain")
    assert await commands() == []


async def test_a_channel_that_says_hello_and_a_ping_are_taken_without_work(
    gateway: Replica, hooks: HookSecrets, commands: Any
) -> None:
    assert (await post(gateway, calendar(hooks, "sync"))).status_code == 200
    assert (await post(gateway, github({"zen": "…"}, "ping"))).status_code == 200
    assert await commands() == []


async def test_of_a_batch_only_the_genuine_notifications_count(
    gateway: Replica, hooks: HookSecrets, commands: Any
) -> None:
    forged = {"clientState": f"{new_id('w')}.{'A' * 43}"}
    ended = graph(hooks, forged, lifecycleEvent="subscriptionRemoved")
    assert (await post(gateway, ended)).status_code == 200
    assert [(each.watch_id, each.hint) for each in await commands()] == [(ended.concerns["watch_id"], Hint.WATCH_ENDED)]
    only_forged = Sent("outlook_mail", json.dumps({"value": [forged]}).encode(), {})
    assert (await post(gateway, only_forged)).status_code == 401


async def test_the_secret_of_one_watch_is_worth_nothing_for_another(
    gateway: Replica, hooks: HookSecrets, commands: Any
) -> None:
    mine, other = new_id("w"), new_id("w")
    sent = github(PUSH, secret=hooks.make("github", mine), query=f"?watch={other}")
    assert (await post(gateway, sent)).status_code == 401
    sent = github(PUSH, secret=hooks.make("github", mine), query=f"?watch={mine}")
    assert (await post(gateway, sent)).status_code == 200
    assert [each.watch_id for each in await commands()] == [mine]


@pytest.mark.parametrize("name", ["slack", "github", "notion", "discord", "zoom", "gmail"])
async def test_without_a_secret_nothing_is_genuine(name: str, start: Start, hooks: HookSecrets) -> None:
    bare = await start()
    refused = await post(bare, GENUINE[name](hooks))
    assert (refused.status_code, refused.json()["title"]) == (503, "webhooks_not_configured")


async def test_notions_first_request_is_kept_for_the_operator_and_believed_by_nobody(start: Start) -> None:
    bare = await start()
    first = Sent("notion", b'{"verification_token": "secret_1"}', {})
    assert (await post(bare, first)).status_code == 200
    later = Sent("notion", b'{"verification_token": "of somebody else"}', {})
    assert (await post(bare, later)).status_code == 200
    async with bare.gateway.db.reading(None) as tx:
        assert await tx.fetchval("select body from webhook_handshakes where provider = 'notion'") == first.body
    configured = await start(**SECRETS)
    assert (await post(configured, first)).status_code == 401


async def test_an_unknown_provider_is_not_found(gateway: Replica) -> None:
    assert (await post(gateway, Sent("myspace", b"{}", {}))).status_code == 404


async def test_one_event_at_two_hooks_reaches_both(gateway: Replica, hooks: HookSecrets, commands: Any) -> None:
    """GitHub gives both deliveries the same id."""
    watches = [new_id("w"), new_id("w")]
    both = [github(PUSH, secret=hooks.make("github", watch), query=f"?watch={watch}") for watch in watches]
    for sent in both:
        answer = await post(gateway, sent, headers=sent.headers | {"x-github-delivery": "one-event"})
        assert answer.status_code == 200
    assert [each.watch_id for each in await commands()] == watches


async def test_json_nested_too_deep_is_malformed_and_no_defect(gateway: Replica) -> None:
    answer = await post(gateway, Sent("outlook_mail", b'{"value":' + b"[" * 100_000, {}))
    assert (answer.status_code, answer.json()["title"]) == (400, "webhook_malformed")


async def test_an_unsigned_handshake_writes_nothing(gateway: Replica) -> None:
    async with gateway.client() as client:
        await client.post("/webhooks/outlook_mail?validationToken=", content=b"anything")
    async with gateway.gateway.db.reading(None) as tx:
        assert await tx.fetchval("select count(*) from webhook_handshakes where provider = 'outlook_mail'") == 0


def test_vectors() -> None:
    """The example of Slack's documentation, "Verifying requests from Slack"."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    signature = hexmac("8f742231b10e8888abcd99yyyzzz85a5", b"v0:1531420618:" + body)
    assert signature == "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
