"""The tables of memory. SQL stands beside the function that runs it.

All entries of a user are opened at once: there are some hundred at most, and a key or a word can be looked for in
sealed content in no other way. Whoever writes holds the user's lock, so that what was read is still so.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import BaseModel, ConfigDict

from contracts.memory import MemoryKind, MemorySource, MemoryView
from libs.db import Row, Transaction
from libs.vault import CiphertextRejected, UserKey, Vault
from services.context.memory.origins import OF_ACTIVITY, of_sources

PURPOSE: Final = "memory"
GONE_KEPT: Final = timedelta(days=30)
"""How late a repeated request can be. Nothing is tried again for longer."""
ACTIVITY_GONE_KEPT: Final = timedelta(hours=1)
"""How late a request can be that was made from an activity which meanwhile went. There are many of these marks, and an
activity that only moved comes back."""


class _Content(BaseModel):
    model_config = ConfigDict(frozen=True)

    text: str
    key: str | None
    sources: tuple[MemorySource, ...]
    from_others: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """A user's entries, newest first, and the ids of those that no key opens any more."""

    entries: tuple[MemoryView, ...]
    unreadable: tuple[str, ...]


async def lock(tx: Transaction) -> None:
    """Until the end of this transaction nobody else changes this user's memory."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"memory {tx.require_scope().user_id}")


async def load(tx: Transaction, vault: Vault) -> Kept:
    """Everything. What was sealed with a key that is destroyed is not there any more."""
    key = await vault.user_key(tx)
    rows = await tx.fetch(
        """select memory_id, content, kind, importance, created_at, updated_at from memories
           order by updated_at desc, memory_id desc"""
    )
    entries, unreadable = [], []
    for row in rows:
        try:
            entries.append(_view(row, key))
        except CiphertextRejected:
            unreadable.append(row["memory_id"])
    return Kept(tuple(entries), tuple(unreadable))


async def save(tx: Transaction, vault: Vault, entry: MemoryView) -> None:
    """Write the entry, in the place of the one with its id."""
    content = _Content(text=entry.text, key=entry.key, sources=entry.sources, from_others=entry.from_others)
    sealed = (await vault.user_key(tx)).seal(PURPOSE, entry.memory_id, content.model_dump_json().encode())
    await tx.execute(
        """
        insert into memories (memory_id, content, kind, importance, origins, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (organization_id, user_id, memory_id) do update set
            content = excluded.content, kind = excluded.kind, importance = excluded.importance,
            origins = excluded.origins, updated_at = excluded.updated_at
        """,
        entry.memory_id,
        sealed,
        entry.kind,
        entry.importance,
        of_sources(entry.sources),
        entry.created_at,
        entry.updated_at,
    )


async def delete(tx: Transaction, memory_ids: Collection[str], now: datetime) -> int:
    """Delete these for good; how many there were."""
    rows = await tx.fetch("delete from memories where memory_id = any($1) returning memory_id", list(memory_ids))
    await mark_gone(tx, [row["memory_id"] for row in rows], now)
    return len(rows)


async def delete_all(tx: Transaction, now: datetime) -> int:
    """Delete every entry for good; how many there were."""
    rows = await tx.fetch("delete from memories returning memory_id")
    await mark_gone(tx, [row["memory_id"] for row in rows], now)
    return len(rows)


async def delete_of(tx: Transaction, origins: Collection[str], now: datetime) -> int:
    """These sources are gone: so is every entry that cites one of them. How many there were."""
    rows = await tx.fetch("delete from memories where origins && $1::text[] returning memory_id", list(origins))
    await mark_gone(tx, [row["memory_id"] for row in rows] + list(origins), now)
    return len(rows)


async def mark_gone(tx: Transaction, names: Collection[str], now: datetime) -> None:
    """These ids and origins do not come back; and old marks are swept."""
    if names:
        await _sweep(tx, now)
        await tx.execute(
            """insert into memories_gone (name, gone_at) select distinct unnest($1::text[]), $2::timestamptz
               on conflict (organization_id, user_id, name) do update set gone_at = excluded.gone_at""",
            list(names),
            now,
        )


async def gone_of(tx: Transaction, names: Collection[str], now: datetime) -> frozenset[str]:
    """Those of these ids and origins that are gone."""
    await _sweep(tx, now)
    rows = await tx.fetch("select name from memories_gone where name = any($1)", list(names))
    return frozenset(row["name"] for row in rows)


async def unmark_gone(tx: Transaction, name: str) -> None:
    """This origin is no longer gone."""
    await tx.execute("delete from memories_gone where name = $1", name)


async def _sweep(tx: Transaction, now: datetime) -> None:
    await tx.execute(
        "delete from memories_gone where gone_at < $1 or (gone_at < $2 and starts_with(name, $3))",
        now - GONE_KEPT,
        now - ACTIVITY_GONE_KEPT,
        OF_ACTIVITY,
    )


def _view(row: Row, key: UserKey) -> MemoryView:
    content = _Content.model_validate_json(key.open(PURPOSE, row["memory_id"], row["content"]))
    return MemoryView(
        memory_id=row["memory_id"],
        text=content.text,
        kind=MemoryKind(row["kind"]),
        key=content.key,
        importance=row["importance"],
        sources=content.sources,
        from_others=content.from_others,
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
