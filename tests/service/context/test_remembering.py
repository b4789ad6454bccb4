"""What is remembered is put before the assistant: the user's own words that have to do with the message."""

import json
from collections.abc import AsyncIterator

import pytest

from contracts.context import AssembleContext
from contracts.envelope import Scope
from contracts.ids import new_id
from contracts.memory import MemorySource
from libs.vault import MasterKeys, TransitSeal
from services.context.app import service
from tests.conftest import Platform
from tests.service.context.memory_client import Memory
from tests.service.neighbours import between_neighbours


@pytest.fixture(scope="module")
async def memory(platform: Platform) -> AsyncIterator[Memory]:
    async with between_neighbours(service, platform) as running:
        yield Memory(running, TransitSeal(MasterKeys.from_text(platform.master_keys)))


async def test_own_entries_that_have_to_do_with_a_message_are_part_of_its_context(memory: Memory, scope: Scope) -> None:
    """And the receipt names each; what others had a hand in is not there of its own accord."""
    await memory.add(scope, "My dentist is Dr Braun in Munich")
    await memory.add(scope, "I like green")
    said_in = MemorySource(kind="conversation", id=new_id("c"))
    await memory.add(scope, "The dentist wants a deposit", from_others=True, sources=(said_in,))

    sealed = memory.seal.seal("memory_text", scope, json.dumps("When am I at the dentist?"))
    assembled = await memory.context.ask(AssembleContext(sealed_text=sealed), scope)

    (entry,) = assembled.memories
    assert entry.text == "My dentist is Dr Braun in Munich"
    assert (f"memory:{entry.memory_id}", "included") in [(line.source, line.outcome) for line in assembled.receipt]
    assert (await memory.context.ask(AssembleContext(), scope)).memories == ()


async def test_nothing_that_has_to_do_with_the_message_is_said_in_the_receipt(memory: Memory, scope: Scope) -> None:
    await memory.add(scope, "I like green")
    sealed = memory.seal.seal("memory_text", scope, json.dumps("When am I at the dentist?"))
    assembled = await memory.context.ask(AssembleContext(sealed_text=sealed), scope)
    assert [line.outcome for line in assembled.receipt if line.source == "memory"] == ["dropped"]
