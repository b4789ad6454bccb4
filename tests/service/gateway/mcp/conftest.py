"""A gateway beside a tool service of a few lines."""

from collections.abc import AsyncIterator

import pytest

from contracts.tool import ExecutionStatus
from libs.bus import Bus
from libs.db import Database
from libs.vault import MasterKeys, TransitSeal
from tests.conftest import Platform
from tests.service.gateway.mcp.tool_peer import ROUTES, ToolPeer


@pytest.fixture(scope="module")
def schemas() -> tuple[str, ...]:
    return ("gateway", "tool")


@pytest.fixture(scope="module")
async def tool_peer(platform: Platform) -> AsyncIterator[ToolPeer]:
    bus = Bus("tool", platform.nats.url, user=platform.nats.user("tool"), password=platform.nats.password("tool"))
    await bus.connect()
    db = await Database.connect(platform.database.url("tool"), "tool", wait_s=10)
    peer = ToolPeer(bus, TransitSeal(MasterKeys.from_text(platform.master_keys)))
    await bus.start(ROUTES, peer, db)
    yield peer
    await bus.stop(1)
    await bus.close()
    await db.close()


@pytest.fixture
def tools(tool_peer: ToolPeer) -> ToolPeer:
    """The peer, with nothing asked yet."""
    tool_peer.reads.clear()
    tool_peer.commands.clear()
    tool_peer.ending = ExecutionStatus.PROPOSED
    tool_peer.result = {"text": "hello"}
    return tool_peer
