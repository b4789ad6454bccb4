"""What a connection may do: asked for when it is wanted, believed only as far as it was granted."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from contracts.envelope import Scope
from contracts.oauth import ConnectionView, Disconnect, FinishConnection, ListConnections, StartConnection
from libs.bus import Bus, RemoteError
from libs.db import Database
from libs.providers.registry import PROVIDERS
from libs.runtime.run import RunningService
from libs.vault import MasterKeys, Vault
from services.oauth import connections
from services.oauth.endpoints import NEVER, Tokens
from tests.conftest import Platform
from tests.service.oauth.buses import bus_of
from tests.service.oauth.token_endpoint import token_endpoint
from tests.service.providers.vendor_server import Asked, Told, vendor

Start = Callable[..., Awaitable[RunningService]]
READING = "user:read:user meeting:read:list_meetings"


@dataclass
class Zoom:
    """A log-in at a vendor that grants what `granted` says."""

    gateway: Bus
    scope: Scope
    granted: str = READING
    revoked: int = 0

    def told(self, asked: Asked) -> Told:
        """The vendor."""
        if asked.path == "/revoke":
            self.revoked += 1
            return Told({})
        if asked.path == "/me":
            return Told({"id": "z1", "email": "ada@example.com"})
        return Told({"access_token": "t", "refresh_token": "r", "expires_in": 3600, "scope": self.granted})

    async def begin(self, *capabilities: str) -> tuple[str, set[str]]:
        """(state, scopes asked for)."""
        query = StartConnection(provider="zoom", browser_binding="here", capabilities=capabilities)
        started = await self.gateway.ask(query, scope=self.scope)
        asked = parse_qs(urlsplit(started.auth_url).query)
        return asked["state"][0], set(asked["scope"][0].split())

    async def connect(self, *capabilities: str) -> ConnectionView:
        """The whole log-in."""
        state, _ = await self.begin(*capabilities)
        finish = FinishConnection(provider="zoom", state=state, browser_binding="here", code="code")
        return await self.gateway.ask(finish, scope=self.scope, timeout_s=10)


@pytest.fixture
async def zoom(start_service: Start, platform: Platform, scope: Scope) -> AsyncIterator[Zoom]:
    async with bus_of(platform, "gateway") as gateway:
        made = Zoom(gateway, scope)
        async with vendor(made.told) as server:
            server.is_open = True
            settings: dict[str, Any] = {
                "zoom_client_id": "client",
                "zoom_client_secret": "secret",
                "zoom_token_url": f"{server.url}/token",
                "zoom_revoke_url": f"{server.url}/revoke",
                "zoom_identity_url": f"{server.url}/me",
            }
            await start_service("oauth", **settings)
            yield made


async def test_a_first_connection_asks_for_reading_alone(zoom: Zoom) -> None:
    _, scopes = await zoom.begin()

    assert scopes == set(READING.split())
    assert (await zoom.connect()).capabilities == ("read",)


async def test_a_capability_is_added_later_and_stays(zoom: Zoom) -> None:
    first = await zoom.connect()
    zoom.granted = f"{READING} meeting:write:meeting"
    second = await zoom.connect("schedule")

    assert second.connection_id == first.connection_id
    assert second.capabilities == ("read", "schedule")
    _, asked_again = await zoom.begin()
    assert "meeting:write:meeting" in asked_again


async def test_what_was_unticked_is_not_believed(zoom: Zoom) -> None:
    assert (await zoom.connect("schedule")).capabilities == ("read",)


async def test_a_log_in_that_may_not_even_read_is_refused_and_given_back(zoom: Zoom) -> None:
    zoom.granted = "user:read:user"

    with pytest.raises(RemoteError) as refused:
        await zoom.connect()

    assert refused.value.slug == "permissions_missing"
    assert zoom.revoked == 1
    assert (await zoom.gateway.ask(ListConnections(), scope=zoom.scope)).connections == ()


async def test_a_capability_nobody_knows_is_refused_by_name(zoom: Zoom) -> None:
    with pytest.raises(RemoteError) as refused:
        await zoom.begin("fly")

    assert refused.value.slug == "unknown_capability"


async def test_what_the_operator_did_not_register_is_not_available(zoom: Zoom) -> None:
    assert (await zoom.gateway.ask(ListConnections(), scope=zoom.scope)).available == ("zoom",)


async def test_a_grant_shared_by_two_products_is_revoked_with_the_last(
    start_service: Start, platform: Platform, scope: Scope, connect: Callable[[str], Awaitable[Database]]
) -> None:
    vault, db = Vault(MasterKeys.from_text(platform.master_keys)), await connect("oauth")
    async with db.transaction(scope) as tx:
        key = await vault.user_key(tx)
        for provider in ("gmail", "calendar"):
            tokens = Tokens(f"access {provider}", f"refresh {provider}", NEVER, ("x",), None)
            await connections.save(tx, key, provider, "ada@example.com", tokens, NEVER)

    async with token_endpoint() as google, bus_of(platform, "gateway") as gateway:
        await start_service("oauth", google_client_id="client", google_revoke_url=f"{google.url}/revoke")
        first = await gateway.ask(Disconnect(provider="gmail"), scope=scope, timeout_s=10)
        assert (first.revoked_at_provider, first.grant_kept_for, google.revoked) == (False, ("calendar",), [])

        last = await gateway.ask(Disconnect(provider="calendar"), scope=scope, timeout_s=10)
        assert (last.revoked_at_provider, google.revoked) == (True, ["refresh calendar"])


def test_every_provider_grants_what_it_asks_for() -> None:
    for provider in PROVIDERS.values():
        assert provider.granted(provider.scopes_for(provider.capabilities)) == provider.capabilities
        assert provider.granted(provider.scopes_for(())) == ("read",)


def test_vendors_may_write_a_scope_with_or_without_its_address() -> None:
    assert PROVIDERS["outlook_mail"].granted(["https://graph.microsoft.com/Mail.Read"]) == ("read",)
    assert PROVIDERS["gmail"].granted(["openid", "https://www.googleapis.com/auth/userinfo.email"]) == ()
