"""Memory, running: what is remembered, recalled, replaced and forgotten."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from contracts.envelope import Scope
from contracts.ids import new_id
from contracts.memory import (
    AddMemory,
    ForgetMemories,
    ListMemories,
    MemorySource,
    MemoryView,
    NewMemory,
    RecalledMemories,
    RecallMemories,
    UpdateMemory,
)
from libs.bus import RemoteError
from libs.vault import MasterKeys, TransitSeal
from services.context.app import service
from tests.conftest import Platform
from tests.service.neighbours import Neighbours, between_neighbours


class Memory:
    """What the gateway would ask of context."""

    def __init__(self, context: Neighbours, seal: TransitSeal) -> None:
        self.context, self.seal = context, seal

    async def add(self, scope: Scope, text: str, *, memory_id: str | None = None, **given: Any) -> MemoryView:
        sealed = self.seal.seal("memory", scope, NewMemory(text=text, **given).model_dump_json())
        query = AddMemory(memory_id=memory_id or new_id("me"), sealed_memory=sealed)
        return await self.context.ask(query, scope)

    async def update(self, scope: Scope, memory_id: str, **change: Any) -> MemoryView:
        sealed = self.seal.seal("memory", scope, json.dumps(change))
        return await self.context.ask(UpdateMemory(memory_id=memory_id, sealed_change=sealed), scope)

    async def texts(self, scope: Scope, **wish: Any) -> list[str]:
        return [entry.text for entry in (await self.context.ask(ListMemories(**wish), scope)).memories]

    async def recall(self, scope: Scope, text: str, **wish: Any) -> RecalledMemories:
        sealed = self.seal.seal("memory_text", scope, json.dumps(text))
        return await self.context.ask(RecallMemories(sealed_text=sealed, **wish), scope)

    async def forget(self, scope: Scope, **wish: Any) -> int:
        return (await self.context.ask(ForgetMemories(**wish), scope)).count


@pytest.fixture(scope="module")
async def memory(platform: Platform) -> AsyncIterator[Memory]:
    async with between_neighbours(service, platform, max_memories=20) as running:
        yield Memory(running, TransitSeal(MasterKeys.from_text(platform.master_keys)))


async def test_what_was_added_is_listed_by_its_key_and_recalled_by_its_words(memory: Memory, scope: Scope) -> None:
    added = await memory.add(scope, "Lives at 12 Elm Street", key="Home Address", kind="fact")
    await memory.add(scope, "Is allergic to peanuts", kind="preference")

    assert (added.key, added.from_others, added.sources) == ("home_address", False, (MemorySource(kind="user"),))
    assert await memory.texts(scope, keys=("home_address",)) == ["Lives at 12 Elm Street"]
    found = (await memory.recall(scope, "Find a restaurant without peanuts")).memories
    assert [one.memory.text for one in found] == ["Is allergic to peanuts"]
    assert found[0].score == pytest.approx(sum(part.weight * part.value for part in found[0].parts))


async def test_a_second_entry_of_a_key_takes_the_place_of_the_first(memory: Memory, scope: Scope) -> None:
    await memory.add(scope, "Elm Street", key="home_address")
    await memory.add(scope, "Oak Street", key="HOME ADDRESS")

    assert await memory.texts(scope) == ["Oak Street"]


async def test_asking_again_with_the_same_id_is_the_same_entry(memory: Memory, scope: Scope) -> None:
    memory_id = new_id("me")
    first = await memory.add(scope, "Likes tea", memory_id=memory_id)
    again = await memory.add(scope, "Likes tea", memory_id=memory_id)

    assert again == first
    assert await memory.texts(scope) == ["Likes tea"]


async def test_the_same_words_refresh_the_entry_that_has_them(memory: Memory, scope: Scope) -> None:
    first = await memory.add(scope, "Likes tea.")
    again = await memory.add(scope, " likes  TEA", importance=0.9)

    assert (again.memory_id, again.created_at, again.importance) == (first.memory_id, first.created_at, 0.9)
    assert len(await memory.texts(scope)) == 1


async def test_entries_are_forgotten_by_key_by_id_and_all_at_once(memory: Memory, scope: Scope) -> None:
    await memory.add(scope, "one", key="one")
    two = await memory.add(scope, "two")
    await memory.add(scope, "three")

    assert await memory.forget(scope, keys=("One",)) == 1
    assert await memory.forget(scope, memory_ids=(two.memory_id,)) == 1
    assert await memory.texts(scope) == ["three"]
    assert (await memory.forget(scope, everything=True), await memory.forget(scope, everything=True)) == (1, 0)
    with pytest.raises(RemoteError) as refused:
        await memory.forget(scope)
    assert (refused.value.slug, refused.value.status) == ("nothing_to_forget", 422)
