"""Tokens: fresh for whoever asks, refreshed once, told when they die, gone when disconnected."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.envelope import Scope
from contracts.oauth import ConnectionStatus, Disconnect, GetAccessToken, ListConnections
from libs.bus import Bus, RemoteError
from libs.db import Database
from libs.runtime.run import RunningService
from libs.vault import MasterKeys, TransitSeal, Vault
from services.oauth import connections
from services.oauth.endpoints import Tokens
from tests.conftest import Platform
from tests.service.oauth.buses import bus_of
from tests.service.oauth.token_endpoint import TokenEndpoint, token_endpoint

Start = Callable[..., Awaitable[RunningService]]


@pytest.fixture
async def endpoint() -> AsyncIterator[TokenEndpoint]:
    async with token_endpoint() as listening:
        yield listening


@pytest.fixture
async def replicas(start_service: Start, endpoint: TokenEndpoint) -> list[RunningService]:
    settings: dict[str, Any] = {
        "google_client_id": "client",
        "google_client_secret": "secret",
        "google_token_url": f"{endpoint.url}/token",
        "google_revoke_url": f"{endpoint.url}/revoke",
    }
    return [await start_service("oauth", **settings) for _ in range(3)]


@pytest.fixture
async def tool(platform: Platform) -> AsyncIterator[Bus]:
    async with bus_of(platform, "tool") as bus:
        yield bus


@pytest.fixture
async def gateway(platform: Platform) -> AsyncIterator[Bus]:
    async with bus_of(platform, "gateway") as bus:
        yield bus


@pytest.fixture
async def connected(
    platform: Platform, connect: Callable[[str], Awaitable[Database]], scope: Scope, replicas: list[RunningService]
) -> Database:
    """A gmail connection whose access token has one minute left."""
    db = await connect("oauth")
    vault = Vault(MasterKeys.from_text(platform.master_keys))
    now = datetime.now(UTC)
    tokens = Tokens("access-0", "refresh-0", now + timedelta(minutes=1), ("mail",), None)
    async with db.transaction(scope) as tx:
        await connections.save(tx, await vault.user_key(tx), "gmail", "ada@example.com", tokens, now)
    return db


async def test_five_hundred_callers_of_three_replicas_cause_one_refresh(
    connected: Database, endpoint: TokenEndpoint, tool: Bus, scope: Scope, platform: Platform
) -> None:
    query = GetAccessToken(provider="gmail")

    answers = await asyncio.gather(*(tool.ask(query, scope=scope, timeout_s=15) for _ in range(500)))

    seal = TransitSeal(MasterKeys.from_text(platform.master_keys))
    assert {seal.open("access_token", scope, answer.sealed_token) for answer in answers} == {"access-1"}
    assert endpoint.refreshed_with == ["refresh-0"]


async def test_a_rotated_refresh_token_is_the_one_used_next(
    connected: Database, endpoint: TokenEndpoint, tool: Bus, scope: Scope
) -> None:
    first = await tool.ask(GetAccessToken(provider="gmail"), scope=scope, timeout_s=15)

    rejected = GetAccessToken(provider="gmail", rejected_token_expires_at=first.expires_at)
    await tool.ask(rejected, scope=scope, timeout_s=15)

    assert endpoint.refreshed_with == ["refresh-0", "refresh-1"]


async def test_a_dead_refresh_token_asks_for_the_user_once(
    connected: Database, endpoint: TokenEndpoint, tool: Bus, gateway: Bus, scope: Scope
) -> None:
    endpoint.refusing = True

    for _ in range(3):
        with pytest.raises(RemoteError) as refused:
            await tool.ask(GetAccessToken(provider="gmail"), scope=scope, timeout_s=15)
        assert refused.value.slug == "reauthorization_required"

    assert endpoint.refreshed_with == ["refresh-0"]
    listed = await gateway.ask(ListConnections(), scope=scope)
    assert [connection.status for connection in listed.connections] == [ConnectionStatus.REAUTHORIZATION_REQUIRED]
    async with connected.reading(None) as tx:
        told = await tx.fetchval(
            "select count(*) from outbox where subject like 'evt.oauth.connection.reauthorization_required.v1.%'"
            " and headers->>'ce-user' = $1",
            scope.user_id,
        )
    assert told == 1


async def test_disconnecting_revokes_at_the_provider_and_forgets(
    connected: Database, endpoint: TokenEndpoint, tool: Bus, gateway: Bus, scope: Scope
) -> None:
    gone = await gateway.ask(Disconnect(provider="gmail"), scope=scope, timeout_s=15)

    assert gone.revoked_at_provider
    assert endpoint.revoked == ["refresh-0"]
    with pytest.raises(RemoteError) as refused:
        await tool.ask(GetAccessToken(provider="gmail"), scope=scope, timeout_s=15)
    assert refused.value.slug == "not_connected"


async def test_no_token_lies_readable_in_any_table(connected: Database, tool: Bus, scope: Scope) -> None:
    await tool.ask(GetAccessToken(provider="gmail"), scope=scope, timeout_s=15)

    async with connected.reading(scope) as tx:
        rows = await tx.fetch("select * from connections")
        written = repr([dict(row) for row in (*rows, *await tx.fetch("select * from outbox"))])
    assert rows
    assert not any(secret in written for secret in ("access-0", "access-1", "refresh-0", "refresh-1", "ada@example"))


async def test_a_stranger_has_no_connection(connected: Database, tool: Bus, stranger: Scope) -> None:
    with pytest.raises(RemoteError) as refused:
        await tool.ask(GetAccessToken(provider="gmail"), scope=stranger, timeout_s=15)

    assert refused.value.slug == "not_connected"
