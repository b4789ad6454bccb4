"""What context does when memory is asked for or changed."""

import asyncio
import json
from datetime import UTC, datetime

from contracts.memory import (
    AddMemory,
    ForgetMemories,
    ForgottenMemories,
    ListMemories,
    Memories,
    MemoryChange,
    MemoryView,
    NewMemory,
    RecalledMemories,
    RecallMemories,
    UpdateMemory,
)
from libs.bus import Call
from services.context.deps import Context
from services.context.errors import NothingToForget
from services.context.memory import book
from services.context.memory.pages import page
from services.context.memory.relevance import recalled

MOST_RECALLED = 50


async def add_memory(query: AddMemory, call: Call, deps: Context) -> MemoryView:
    """Remember something."""
    scope, now = call.require_scope(), datetime.now(UTC)
    new = NewMemory.model_validate_json(deps.seal.open("memory", scope, query.sealed_memory))
    async with deps.db.transaction(scope) as tx:
        return await book.add(tx, deps.vault, query.memory_id, new, deps.max_memories, now)


async def update_memory(query: UpdateMemory, call: Call, deps: Context) -> MemoryView:
    """Other words, another kind or importance."""
    scope, now = call.require_scope(), datetime.now(UTC)
    change = MemoryChange.model_validate_json(deps.seal.open("memory", scope, query.sealed_change))
    async with deps.db.transaction(scope) as tx:
        return await book.update(tx, deps.vault, query.memory_id, change, now)


async def list_memories(query: ListMemories, call: Call, deps: Context) -> Memories:
    """All, or those of some keys or ids."""
    async with deps.db.reading(call.require_scope()) as tx:
        found = await book.listed(tx, deps.vault, query.keys, query.memory_ids)
    return page(found, query.limit, query.cursor)


async def recall_memories(query: RecallMemories, call: Call, deps: Context) -> RecalledMemories:
    """What has to do with a text, and why."""
    scope = call.require_scope()
    text = str(json.loads(deps.seal.open("memory_text", scope, query.sealed_text)))
    async with deps.db.reading(scope) as tx:
        entries = await book.listed(tx, deps.vault, (), ())
    limit = max(1, min(query.limit, MOST_RECALLED))
    # Hundreds of the longest entries take a tenth of a second, in which others are to be answered.
    found = await asyncio.to_thread(recalled, entries, text, limit, datetime.now(UTC))
    return RecalledMemories(memories=found)


async def forget_memories(query: ForgetMemories, call: Call, deps: Context) -> ForgottenMemories:
    """Some, or all. Raises NothingToForget when neither is asked for."""
    now = datetime.now(UTC)
    if not (query.keys or query.memory_ids or query.everything):
        raise NothingToForget("Nothing was named that is to be forgotten.")
    async with deps.db.transaction(call.require_scope()) as tx:
        if query.everything:
            return ForgottenMemories(count=await book.forget_everything(tx, now))
        return ForgottenMemories(count=await book.forget(tx, deps.vault, query.keys, query.memory_ids, now))
