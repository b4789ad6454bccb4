"""Chat on a real bus and database, between a context, a tool and a model that the test plays."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from libs.bus import Bus
from libs.db import Database
from libs.runtime.discovery import load_service
from libs.runtime.run import RunningService, start_service
from libs.vault import MasterKeys, TransitSeal
from tests.conftest import Platform
from tests.service.chat.model_peer import ModelPeer, model_peer
from tests.service.chat.peers import CONTEXT_ROUTES, RESULTS, TOOL_ROUTES, TOOLS, ContextPeer, ToolPeer
from tests.service.chat.world import World


@pytest.fixture(scope="module")
def schemas() -> tuple[str, ...]:
    """The peers need the tables that the bus keeps in their schemas."""
    return ("chat", "tool", "context")


@pytest.fixture(scope="module")
def seal(platform: Platform) -> TransitSeal:
    """The same keys as the service."""
    return TransitSeal(MasterKeys.from_text(platform.master_keys))


def bus_of(platform: Platform, service: str) -> Bus:
    """A connection with this service's rights."""
    account = platform.nats
    return Bus(service, account.url, user=account.user(service), password=account.password(service))


@pytest.fixture(scope="module")
async def world(platform: Platform, seal: TransitSeal) -> AsyncIterator[World]:
    """The gateway's side."""
    gateway, admin = bus_of(platform, "gateway"), await platform.nats.admin()
    await gateway.connect()
    yield World(gateway, admin, seal)
    await gateway.close()
    await admin.close()


@pytest.fixture(scope="module")
async def tool_peer(
    platform: Platform, seal: TransitSeal, connect: Callable[[str], Awaitable[Database]]
) -> AsyncIterator[ToolPeer]:
    """Tool, played."""
    bus = bus_of(platform, "tool")
    await bus.connect()
    peer = ToolPeer(bus, seal)
    await bus.start(TOOL_ROUTES, peer, await connect("tool"))
    yield peer
    await bus.stop(1)
    await bus.close()


@pytest.fixture(scope="module")
async def context_peer(
    platform: Platform, seal: TransitSeal, connect: Callable[[str], Awaitable[Database]]
) -> AsyncIterator[ContextPeer]:
    """Context, played."""
    bus = bus_of(platform, "context")
    await bus.connect()
    peer = ContextPeer(seal)
    await bus.start(CONTEXT_ROUTES, peer, await connect("context"))
    yield peer
    await bus.stop(1)
    await bus.close()


@pytest.fixture
def tools(tool_peer: ToolPeer) -> ToolPeer:
    """Tool as it is without a test's wishes."""
    fresh = ToolPeer(tool_peer.bus, tool_peer.seal)
    for name in ("before_effect", "after_effect", "fails", "silent", "missing", "holds", "sessions"):
        setattr(tool_peer, name, getattr(fresh, name))
    tool_peer.tools, tool_peer.results = TOOLS, dict(RESULTS)
    for kept in (
        tool_peer.reads,
        tool_peer.effects,
        tool_peer.deliveries,
        tool_peer.timezones,
        tool_peer.moments,
        tool_peer.outcomes,
        tool_peer.asked_by_link,
        tool_peer.proposed,
        tool_peer.decisions,
    ):
        kept.clear()
    return tool_peer


@pytest.fixture
def context(context_peer: ContextPeer) -> ContextPeer:
    """Context as it is without a test's wishes."""
    context_peer.timezone, context_peer.memories = "Europe/Berlin", ()
    return context_peer


@pytest.fixture
async def model() -> AsyncIterator[ModelPeer]:
    """A model, played."""
    async with model_peer() as peer:
        yield peer


Start = Callable[..., Awaitable[RunningService]]


@pytest.fixture
async def start_chat(platform: Platform, data_dir: Path) -> AsyncIterator[Start]:
    """`await start_chat(model_base_url=…)`: a replica in this process."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> RunningService:
            run = start_service(load_service("chat"), platform.settings("chat", data_dir), **settings)
            return await stack.enter_async_context(run)

        yield start


@pytest.fixture
async def offline_chat(start_chat: Start, tools: ToolPeer, context: ContextPeer) -> RunningService:
    """Chat without a model."""
    return await start_chat()


@pytest.fixture
async def chat(start_chat: Start, tools: ToolPeer, context: ContextPeer, model: ModelPeer) -> RunningService:
    """Chat with a model."""
    return await start_chat(model_base_url=model.url, model="gpt-5-mini")
