"""One user's memory: add, change, list, recall, forget. Each function is called in a transaction of that user."""

from collections.abc import Collection
from datetime import datetime

from contracts.memory import MemoryChange, MemoryView, NewMemory
from libs.db import Transaction
from libs.vault import Vault
from services.context.errors import MemoryExists, MemoryNotFound, MemoryRejected
from services.context.memory import entries, origins, store
from services.context.memory.store import Kept
from services.context.memory.words import plain_key


async def add(tx: Transaction, vault: Vault, memory_id: str, new: NewMemory, bound: int, now: datetime) -> MemoryView:
    """Remember it, once per id; the entry that stands for it afterwards. Raises MemoryRejected."""
    wanted = entries.made(memory_id, new, now)
    named = origins.of_sources(wanted.sources)
    await store.lock(tx)
    kept = await store.load(tx, vault)
    if there := _by_id(kept, memory_id):
        return there
    twin = entries.twin(kept.entries, wanted)
    gone = await store.gone_of(tx, [memory_id, *named], now)
    if memory_id in gone:
        # Asked a second time, and replaced or forgotten in between: it stays so.
        return twin or wanted
    if gone:
        raise MemoryRejected("Where it was said is gone.")
    if twin is None:
        return await _keep(tx, vault, kept, wanted, bound, now)
    await store.mark_gone(tx, [memory_id], now)
    return await _keep(
        tx, vault, kept, entries.said_again(twin, wanted, weighed=new.importance is not None), bound, now
    )


async def update(tx: Transaction, vault: Vault, memory_id: str, change: MemoryChange, now: datetime) -> MemoryView:
    """Change what is given. Raises MemoryNotFound, MemoryExists, MemoryRejected."""
    await store.lock(tx)
    kept = await store.load(tx, vault)
    entry = _by_id(kept, memory_id)
    if entry is None:
        raise MemoryNotFound("There is no such entry.")
    changed = entries.changed(entry, change, now)
    if change.text is not None and entries.twin(kept.entries, changed):
        raise MemoryExists("Another entry says that already.")
    await store.save(tx, vault, changed)
    return changed


async def listed(
    tx: Transaction, vault: Vault, keys: Collection[str], memory_ids: Collection[str]
) -> tuple[MemoryView, ...]:
    """Those of any of these keys or ids, newest first; all where neither is given."""
    kept = await store.load(tx, vault)
    return kept.entries if not (keys or memory_ids) else _of(kept, keys, memory_ids)


async def forget(
    tx: Transaction, vault: Vault, keys: Collection[str], memory_ids: Collection[str], now: datetime
) -> int:
    """Forget those of any of these keys or ids; how many there were."""
    await store.lock(tx)
    named = {entry.memory_id for entry in _of(await store.load(tx, vault), keys, ())} if keys else set()
    return await store.delete(tx, named | set(memory_ids), now)


async def forget_everything(tx: Transaction, now: datetime) -> int:
    """Forget all of it; how many there were."""
    await store.lock(tx)
    return await store.delete_all(tx, now)


async def forget_sources(tx: Transaction, names: Collection[str], now: datetime) -> None:
    """These origins are gone: what cites one of them goes too, and nothing that cites them comes any more."""
    await store.lock(tx)
    await store.delete_of(tx, names, now)


async def source_is_back(tx: Transaction, name: str) -> None:
    """This origin, which was gone, is there again: what is said from now on may cite it."""
    await store.lock(tx)
    await store.unmark_gone(tx, name)


async def _keep(tx: Transaction, vault: Vault, kept: Kept, entry: MemoryView, bound: int, now: datetime) -> MemoryView:
    """Save it; what had its name goes, and the least of what is too much. What was added last always stays."""
    leaving = {other.memory_id for other in entries.replaced_by(kept.entries, entry)}
    others = [other for other in kept.entries if other.memory_id not in {entry.memory_id, *leaving}]
    # What nobody can read any more is worth least of all.
    unreadable = kept.unreadable[: max(0, len(others) + len(kept.unreadable) + 1 - bound)]
    room = bound - 1 - (len(kept.unreadable) - len(unreadable))
    leaving.update(unreadable, (other.memory_id for other in entries.beyond(others, room)))
    if leaving:
        await store.delete(tx, leaving, now)
    await store.save(tx, vault, entry)
    return entry


def _by_id(kept: Kept, memory_id: str) -> MemoryView | None:
    return next((entry for entry in kept.entries if entry.memory_id == memory_id), None)


def _of(kept: Kept, keys: Collection[str], memory_ids: Collection[str]) -> tuple[MemoryView, ...]:
    names = {plain_key(key) for key in keys} - {None}
    return tuple(entry for entry in kept.entries if entry.key in names or entry.memory_id in memory_ids)
