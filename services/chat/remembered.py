"""What a recall of the assistant's memory holds: entries in the user's own words, and such that others had a hand in.

Which is which is told by the result, from our own context service, and by nothing that a planner says. An entry is the
user's own only where it says so.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from contracts.memory import MemoryView
from services.chat.named_things import spoken
from services.chat.steps import Outcome

RECALL = "memory_recall"
ADD = "memory_add"
KIND = "kind"
"""One of four words, that say nothing."""


def shown_unasked(memories: Iterable[MemoryView]) -> Outcome:
    """What was put before the planner of its own accord, as if it had been recalled."""
    shown = [{"text": each.text, "key": each.key, "from_others": each.from_others} for each in memories]
    return Outcome("", RECALL, ok=True, effect=False, untrusted=False, result=json.dumps({"memories": shown}))


def has_others(outcome: Outcome) -> bool:
    """Whether texts of others are in anything that was recalled."""
    return any(not _is_own(entry) for entry in _entries(outcome))


def texts_of_others(outcome: Outcome) -> Iterator[str]:
    """Of the entries that are not the user's own."""
    yield from (
        str(entry.get(name, "")) for entry in _entries(outcome) if not _is_own(entry) for name in ("text", "key")
    )


def own_texts(outcomes: Iterable[Outcome], named: frozenset[str]) -> tuple[str, ...]:
    """The user's own entries that one of these words of theirs names: "my wife" for "My wife's address is …"."""
    own = (
        str(entry.get("text", ""))
        for outcome in outcomes
        for entry in _entries(outcome)
        if outcome.ok and _is_own(entry)
    )
    return tuple(text for text in own if named & spoken(text))


def _is_own(entry: Mapping[str, Any]) -> bool:
    return entry.get("from_others") is False


def _entries(outcome: Outcome) -> Iterator[Mapping[str, Any]]:
    found = outcome.as_data().get("memories") if outcome.tool == RECALL else None
    yield from (entry for entry in found if isinstance(entry, dict)) if isinstance(found, list) else ()
