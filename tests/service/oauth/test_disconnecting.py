"""Who disconnects: sync is asked to end its watches while the token still works, and never waited for long."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.envelope import Scope
from contracts.oauth import Disconnect
from contracts.sync import EndWatches, WatchesEnded
from libs.db import Database
from libs.runtime.run import RunningService
from libs.vault import MasterKeys, Vault
from services.oauth import connections, disconnecting
from services.oauth.endpoints import Tokens
from tests.conftest import Platform
from tests.service.oauth.buses import bus_of
from tests.service.oauth.token_endpoint import TokenEndpoint, token_endpoint

Start = Callable[..., Awaitable[RunningService]]


@pytest.fixture
async def endpoint() -> AsyncIterator[TokenEndpoint]:
    async with token_endpoint() as listening:
        yield listening


@pytest.fixture(autouse=True)
async def connected(
    platform: Platform,
    start_service: Start,
    connect: Callable[[str], Awaitable[Database]],
    scope: Scope,
    endpoint: TokenEndpoint,
) -> None:
    """Gmail, at a provider of ours."""
    await start_service(
        "oauth",
        google_client_id="client",
        google_client_secret="secret",
        google_token_url=f"{endpoint.url}/token",
        google_revoke_url=f"{endpoint.url}/revoke",
    )
    db, vault, now = await connect("oauth"), Vault(MasterKeys.from_text(platform.master_keys)), datetime.now(UTC)
    tokens = Tokens("access-0", "refresh-0", now + timedelta(hours=1), ("mail",), None)
    async with db.transaction(scope) as tx:
        await connections.save(tx, await vault.user_key(tx), "gmail", "ada@example.com", tokens, now)


@pytest.fixture
async def as_sync(platform: Platform) -> AsyncIterator[Client]:
    """Sync's place on the bus."""
    account = platform.nats
    client = await nats.connect(account.url, user=account.user("sync"), password=account.password("sync"))
    yield client
    await client.close()


async def test_watches_are_ended_before_the_token_is_revoked(
    platform: Platform, as_sync: Client, endpoint: TokenEndpoint, scope: Scope
) -> None:
    revoked_when_asked: list[list[str]] = []

    async def end(message: Msg) -> None:
        assert EndWatches.model_validate_json(message.data).provider == "gmail"
        revoked_when_asked.append(list(endpoint.revoked))
        await message.respond(WatchesEnded(ended=1, left=0).model_dump_json().encode())

    await as_sync.subscribe(EndWatches.subject, cb=end)
    await as_sync.flush()
    async with bus_of(platform, "gateway") as gateway:
        gone = await gateway.ask(Disconnect(provider="gmail"), scope=scope, timeout_s=15)

    assert gone.revoked_at_provider
    assert revoked_when_asked == [[]]
    assert endpoint.revoked == ["refresh-0"]


async def test_a_sync_that_hears_and_never_answers_does_not_keep_anybody_connected(
    platform: Platform, as_sync: Client, endpoint: TokenEndpoint, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disconnecting, "END_WATCHES_S", 0.3)
    heard = asyncio.Event()

    async def be_silent(message: Msg) -> None:
        heard.set()

    await as_sync.subscribe(EndWatches.subject, cb=be_silent)
    await as_sync.flush()
    async with bus_of(platform, "gateway") as gateway:
        gone = await gateway.ask(Disconnect(provider="gmail"), scope=scope, timeout_s=15)

    assert heard.is_set()
    assert gone.revoked_at_provider
    assert endpoint.revoked == ["refresh-0"]
