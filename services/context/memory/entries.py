"""What becomes of an entry: made, said again, changed; and which others have to go for it. Pure."""

from collections.abc import Sequence
from datetime import datetime

from contracts.memory import MemoryChange, MemoryView, NewMemory
from services.context.errors import MemoryRejected
from services.context.memory import origins
from services.context.memory.importance import importance
from services.context.memory.words import plain_key, plain_text


def made(memory_id: str, new: NewMemory, now: datetime) -> MemoryView:
    """The entry that is asked for. Raises MemoryRejected for what may not be remembered."""
    text, key = _with_words(new.text), plain_key(new.key)
    origins.check(new.sources)
    from_others = new.from_others or origins.has_others(new.sources)
    if new.importance is None:
        weight = importance(text, new.kind, named=key is not None, from_others=from_others)
    else:
        weight = new.importance
    return MemoryView(
        memory_id=memory_id,
        text=text,
        kind=new.kind,
        key=key,
        importance=weight,
        sources=new.sources,
        from_others=from_others,
        created_at=now,
        updated_at=now,
    )


def twin(entries: Sequence[MemoryView], wanted: MemoryView) -> MemoryView | None:
    """The entry that says the same already. Two names make two facts of the same words; a missing name does not."""
    said = plain_text(wanted.text)
    same = [e for e in entries if plain_text(e.text) == said and (e.key is None or wanted.key in (None, e.key))]
    same = [entry for entry in same if entry.memory_id != wanted.memory_id]
    return next((entry for entry in same if entry.key == wanted.key), same[0] if same else None)


def said_again(first: MemoryView, wanted: MemoryView, *, weighed: bool) -> MemoryView:
    """The first entry, refreshed. It keeps its id, its kind, and a name it had.

    It has the words of where it was said last, and cites that, unless it stood on firmer ground before: what the user
    wrote down themselves does not go with a conversation in which they mention it. Nor does it get a name from others.
    """
    firmer = wanted if _standing(wanted) >= _standing(first) else first
    named = None if wanted.from_others and not first.from_others else wanted.key
    return first.model_copy(
        update={
            "text": firmer.text,
            "key": first.key or named,
            "importance": wanted.importance if weighed else max(first.importance, wanted.importance),
            "sources": firmer.sources,
            "from_others": firmer.from_others,
            "updated_at": wanted.updated_at,
        }
    )


def changed(entry: MemoryView, change: MemoryChange, now: datetime) -> MemoryView:
    """The entry in other words. It still cites its sources and goes with them: a correction does not undo them."""
    given = change.model_dump(exclude_none=True)
    if change.text is not None:
        given["text"] = _with_words(change.text)
    return entry.model_copy(update={**given, "updated_at": now})


def replaced_by(entries: Sequence[MemoryView], entry: MemoryView) -> list[MemoryView]:
    """Those whose name this entry has now."""
    return [e for e in entries if e.key is not None and e.key == entry.key and e.memory_id != entry.memory_id]


def beyond(entries: Sequence[MemoryView], bound: int) -> list[MemoryView]:
    """The least important, oldest ones: what is more than the bound."""
    by_worth = sorted(entries, key=lambda entry: (entry.importance, entry.updated_at, entry.memory_id))
    return by_worth[: max(0, len(entries) - bound)]


def _with_words(text: str) -> str:
    if not (trimmed := text.strip()):
        raise MemoryRejected("There is nothing to remember.")
    return trimmed


def _standing(entry: MemoryView) -> int:
    if entry.from_others:
        return 0
    return 2 if any(source.kind == "user" for source in entry.sources) else 1
