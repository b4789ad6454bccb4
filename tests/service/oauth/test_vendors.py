"""How each vendor's token endpoint is spoken to, and its answers understood: after the vendors' documentation.

Whole log-ins are driven against emulators in `tests/system`; here are the answers that emulators do not give.
"""

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from libs.http.outgoing import HttpClient
from libs.resilience.errors import Unavailable
from services.oauth import endpoints
from services.oauth.endpoints import NEVER, Client
from services.oauth.errors import CodeRefused, ProviderNotConfigured, ReauthorizationNeeded
from services.oauth.settings import OAuthSettings
from tests.service.providers.vendor_server import Asked, Told, Vendor, vendor

BASIC = "Basic " + base64.b64encode(b"client:secret").decode()


@dataclass
class Scene:
    """A vendor, and our way to it."""

    vendor: Vendor
    http: HttpClient

    def client(self, provider: str) -> Client:
        """As configured, at this server."""
        family = {"gmail": "google", "outlook_mail": "microsoft"}.get(provider, provider)
        settings: dict[str, Any] = {f"{family}_client_id": "client", f"{family}_client_secret": "secret"}
        addresses = {"token_url": "/token", "revoke_url": "/revoke/{client_id}"}
        given = {f"{family}_{name}": self.vendor.url + path for name, path in addresses.items()}
        return endpoints.find(provider, OAuthSettings.explicit(**settings, **given))[1]

    async def redeem(self, provider: str) -> endpoints.Tokens:
        """A code."""
        return await endpoints.redeem(self.http, self.client(provider), "code", "verifier", "https://a/cb", ("read",))

    async def refresh(self, provider: str) -> endpoints.Tokens:
        """A refresh token."""
        return await endpoints.refresh(self.http, self.client(provider), "old")

    async def revoke(self, provider: str) -> str:
        """Both tokens."""
        return await endpoints.revoke(self.http, self.client(provider), "access", "refresh")

    def answers(self, content: Any, status: int = 200) -> None:
        """From now on."""
        self.vendor.answer = lambda asked: Told(content, status)

    @property
    def asked(self) -> Asked:
        """The last request."""
        return self.vendor.asked[-1]


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with vendor(lambda asked: Told({})) as running, HttpClient("vendor", "") as http:
        running.is_open = True
        yield Scene(running, http)


async def test_a_refusal_that_comes_with_200_is_a_refusal(scene: Scene) -> None:
    for refusal in ({"error": "bad_verification_code"}, {"ok": False, "error": "invalid_code"}):
        scene.answers(refusal)
        with pytest.raises(CodeRefused):
            await scene.redeem("github")


async def test_slacks_user_token_lies_beside_the_bots_and_a_renewed_one_at_the_top(scene: Scene) -> None:
    scene.answers({"ok": True, "access_token": "bot", "authed_user": {"access_token": "user", "scope": "a,b"}})
    first = await scene.redeem("slack")
    scene.answers({"ok": True, "access_token": "user-2", "refresh_token": "next", "expires_in": 43_200})
    renewed = await scene.refresh("slack")

    assert (first.access_token, first.scopes) == ("user", ("a", "b"))
    assert (renewed.access_token, renewed.refresh_token) == ("user-2", "next")


async def test_notion_wants_json_and_our_name_in_the_header(scene: Scene) -> None:
    scene.answers({"access_token": "t"})
    await scene.redeem("notion")

    assert scene.asked.body == {"grant_type": "authorization_code", "code": "code", "redirect_uri": "https://a/cb"}
    assert scene.asked.headers["authorization"] == BASIC
    assert "secret" not in str(scene.asked.body)


async def test_google_wants_a_form_with_the_verifier(scene: Scene) -> None:
    scene.answers({"access_token": "t", "expires_in": 3600})
    await scene.redeem("gmail")

    assert scene.asked.form["code_verifier"] == "verifier"
    assert scene.asked.form["client_secret"] == "secret"


async def test_tokens_without_an_end_never_expire_and_are_told_apart(scene: Scene) -> None:
    scene.answers({"access_token": "t"})
    one, other = await scene.redeem("github"), await scene.redeem("github")

    assert NEVER <= one.expires_at != other.expires_at >= NEVER


async def test_an_answer_that_names_no_scopes_means_those_asked_for(scene: Scene) -> None:
    scene.answers({"access_token": "t"})
    assert (await scene.redeem("zoom")).scopes == ("read",)
    assert (await scene.refresh("zoom")).scopes is None


@pytest.mark.parametrize(
    ("content", "status", "raised"),
    [
        ({"error": "invalid_grant"}, 400, ReauthorizationNeeded),
        ({"error": "bad_refresh_token"}, 200, ReauthorizationNeeded),
        ({"error": "invalid_client"}, 401, ProviderNotConfigured),
        ({"error": "temporarily_unavailable"}, 400, Unavailable),
        ({}, 503, Unavailable),
        ({"nothing": "here"}, 200, Unavailable),
    ],
)
async def test_only_a_dead_refresh_token_asks_for_the_user(
    scene: Scene, content: dict[str, str], status: int, raised: type[Exception]
) -> None:
    scene.answers(content, status)
    with pytest.raises(raised):
        await scene.refresh("zoom")


@pytest.mark.parametrize(
    ("provider", "method", "authorization", "sent"),
    [
        ("gmail", "POST", None, {"token": "refresh", "client_id": "client", "client_secret": "secret"}),
        ("zoom", "POST", BASIC, {"token": "refresh"}),
        ("notion", "POST", BASIC, {"token": "refresh"}),
        ("github", "DELETE", BASIC, {"access_token": "access"}),
        ("slack", "POST", "Bearer access", None),
    ],
)
async def test_each_vendor_is_told_to_revoke_in_its_own_way(
    scene: Scene, provider: str, method: str, authorization: str | None, sent: dict[str, str] | None
) -> None:
    proof = await scene.revoke(provider)

    assert (scene.asked.method, scene.asked.headers.get("authorization")) == (method, authorization)
    assert (scene.asked.body or scene.asked.form or None) == sent
    assert scene.asked.path == "/revoke/client"
    assert proof.endswith("200")


@pytest.mark.parametrize(
    ("provider", "content", "status"),
    [
        ("gmail", {"error": "invalid_token"}, 400),
        ("github", {"message": "Not Found"}, 404),
        ("slack", {"ok": False, "error": "token_revoked"}, 200),
    ],
)
async def test_a_token_that_is_dead_already_counts_as_revoked(
    scene: Scene, provider: str, content: dict[str, Any], status: int
) -> None:
    scene.answers(content, status)
    assert await scene.revoke(provider)


async def test_what_was_not_confirmed_is_not_called_revoked(scene: Scene) -> None:
    scene.answers({"message": "Not Found"}, 404)
    with pytest.raises(Unavailable):
        await scene.revoke("slack")
    with pytest.raises(Unavailable):
        await scene.revoke("outlook_mail")
