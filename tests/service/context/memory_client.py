"""Memory as the gateway and the tools ask for it."""

import json
from collections.abc import Awaitable
from typing import Any

import pytest

from contracts.envelope import Scope
from contracts.ids import new_id
from contracts.memory import (
    AddMemory,
    ForgetMemories,
    ListMemories,
    MemoryView,
    NewMemory,
    RecalledMemories,
    RecallMemories,
    UpdateMemory,
)
from libs.bus import RemoteError
from libs.vault import TransitSeal
from tests.service.neighbours import Neighbours


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

    async def refused(self, asked: Awaitable[MemoryView]) -> str:
        with pytest.raises(RemoteError) as error:
            await asked
        return error.value.slug
