"""One emulated Google for the module, a front before it, one tool replica, and a fresh user per test."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from contracts.envelope import Scope
from libs.bus import Bus
from libs.vault import MasterKeys, TransitSeal
from services.tool.deps import ToolDeps
from tests.conftest import Platform
from tests.service.tool.emulator import emulated_google
from tests.service.tool.front import Front
from tests.service.tool.mailbox import seed
from tests.service.tool.oauth_peer import OAuthPeer
from tests.service.tool.visitors import Owner
from tests.service.tool.world import World, running_tool


@pytest.fixture(scope="module")
async def google(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The emulated Google itself, past the front."""
    async with emulated_google(tmp_path_factory.mktemp("google"), seed(datetime.now(UTC))) as url:
        yield url


@pytest.fixture(scope="module")
async def front(google: str) -> AsyncIterator[Front]:
    """Where the tool service believes Google to be."""
    async with Front(google) as front:
        yield front


@pytest.fixture(scope="module")
async def oauth(platform: Platform) -> AsyncIterator[OAuthPeer]:
    """The oauth service of this module."""
    peer = await OAuthPeer.start(platform.nats, TransitSeal(MasterKeys.from_text(platform.master_keys)))
    yield peer
    await peer.client.close()


@pytest.fixture(scope="module")
async def chat(platform: Platform) -> AsyncIterator[Bus]:
    """A connection with chat's permissions."""
    account = platform.nats
    bus = Bus("chat", account.url, user=account.user("chat"), password=account.password("chat"))
    await bus.connect()
    yield bus
    await bus.close()


@pytest.fixture(scope="module")
async def tool(platform: Platform, front: Front) -> AsyncIterator[ToolDeps]:
    """One replica of the tool service."""
    async with running_tool(platform, front.url) as deps:
        yield deps


@pytest.fixture
def world(chat: Bus, oauth: OAuthPeer, front: Front, google: str, scope: Scope) -> World:
    """Everything, with no fault and no memory of earlier tests. The replica is asked for by `tool`."""
    front.reset()
    oauth.reset()
    return World(chat, oauth.seal, oauth, front, google, scope)


@pytest.fixture(scope="module")
async def gateway(platform: Platform) -> AsyncIterator[Bus]:
    """A connection with the gateway's permissions."""
    account = platform.nats
    bus = Bus("gateway", account.url, user=account.user("gateway"), password=account.password("gateway"))
    await bus.connect()
    yield bus
    await bus.close()


@pytest.fixture
def owner(gateway: Bus, world: World) -> Owner:
    """Who gives out links."""
    return Owner(gateway, world.seal, world.scope, world.google)
