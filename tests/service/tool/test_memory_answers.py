"""Where context's answer is lost, what became of the request is looked up before anything is done again.

Context is played by a peer of ours: the real one cannot be made to lose an answer at will (`test_memory_tools` has it).
"""

from collections.abc import AsyncIterator

import pytest

from contracts.ids import new_id
from contracts.tool import ExecutionStatus
from services.tool.deps import ToolDeps
from tests.conftest import Platform
from tests.service.providers.vendor_server import Told, vendor
from tests.service.tool.memory_peer import MemoryPeer
from tests.service.tool.world import World


@pytest.fixture(scope="module")
async def google() -> AsyncIterator[str]:
    """No provider."""
    async with vendor(lambda asked: Told({}, 404)) as running:
        yield running.url


@pytest.fixture(scope="module")
async def peer(platform: Platform) -> AsyncIterator[MemoryPeer]:
    made = await MemoryPeer.start(platform.nats)
    yield made
    await made.client.close()


@pytest.fixture
def memory(world: World, tool: ToolDeps, peer: MemoryPeer) -> MemoryPeer:
    world.oauth.connected = set()
    peer.reset()
    return peer


async def test_what_was_remembered_without_an_answer_is_remembered_once(world: World, memory: MemoryPeer) -> None:
    memory.failing = 1

    added = await world.done("memory_add", text="Something")

    assert (list(memory.entries), memory.asked, added["is_new"]) == ([added["memory_id"]], 1, True)


async def test_what_was_forgotten_without_an_answer_is_forgotten(world: World, memory: MemoryPeer) -> None:
    entry = memory.put(new_id("me"))
    memory.failing = 1

    assert (await world.done("memory_forget", memory_id=entry.memory_id))["forgotten"]
    assert (memory.entries, memory.asked) == ({}, 1)


async def test_an_entry_that_never_was_is_not_said_to_be_forgotten(world: World, memory: MemoryPeer) -> None:
    outcome = await world.execute(world.asked("memory_forget", {"memory_id": new_id("me")}))

    assert (outcome.status, outcome.error) == (ExecutionStatus.FAILED, "memory_not_found")
