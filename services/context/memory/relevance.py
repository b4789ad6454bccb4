"""Which entries have to do with a text, and why: a score that is the weighted sum of four parts, each from 0 to 1.

    key         0.35   how much of the entry's name the text says
    words       0.45   the words they share: a cosine in which a rare word counts more than a common one
    importance  0.12   of the entry
    recency     0.08   1 for what was said now, half of it every 90 days

An entry that shares neither a word nor a part of its name with the text is not relevant, however important it is.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from math import log, sqrt

from contracts.memory import MemoryView, RecalledMemory, ScorePart
from services.context.memory.words import words

WEIGHTS = {"key": 0.35, "words": 0.45, "importance": 0.12, "recency": 0.08}
HALF_LIFE = timedelta(days=90)
MOST_CHARS = 8_000
"""Of the text that are looked at."""


class Rarity:
    """What a word is worth among these entries: idf as in BM25 (Robertson and Zaragoza 2009, equation 3.3), plus 1
    under the logarithm, so that a word that all entries have is worth little and not less than nothing."""

    def __init__(self, documents: Sequence[frozenset[str]]) -> None:
        counts = Counter(word for document in documents for word in document)
        self._worth = {word: log(1 + (len(documents) - n + 0.5) / (n + 0.5)) for word, n in counts.items()}

    def known(self, text: frozenset[str]) -> frozenset[str]:
        """Those of the words that any entry has; the others can tell no entry from another."""
        return text & self._worth.keys()

    def of(self, some: Iterable[str]) -> float:
        """The worth of these known words."""
        return sum(self._worth[word] for word in some)


def recalled(entries: Sequence[MemoryView], text: str, limit: int, now: datetime) -> tuple[RecalledMemory, ...]:
    """The best first, at most `limit`; equal scores by the later change."""
    stems: dict[str, str] = {}
    asked = words(text[:MOST_CHARS], stems)
    documents = [words(entry.text, stems) for entry in entries]
    rarity = Rarity(documents)
    known = rarity.known(asked)
    scored = []
    for entry, document in zip(entries, documents, strict=True):
        key, shared = key_share(entry.key, asked), word_share(document, known, rarity)
        if key or shared:
            parts = {
                "key": key,
                "words": shared,
                "importance": entry.importance,
                "recency": recency(entry.updated_at, now),
            }
            scored.append((score(parts), entry, parts))
    scored.sort(key=lambda found: (found[0], found[1].updated_at, found[1].memory_id), reverse=True)
    return tuple(_explained(entry, parts) for _, entry, parts in scored[:limit])


def score(parts: dict[str, float]) -> float:
    """The weighted sum."""
    return sum(weight * parts[name] for name, weight in WEIGHTS.items())


def key_share(key: str | None, asked: frozenset[str]) -> float:
    """The share of the key's words that the text has."""
    name = words((key or "").replace("_", " "))
    return len(name & asked) / len(name) if name else 0.0


def word_share(document: frozenset[str], known: frozenset[str], rarity: Rarity) -> float:
    """The cosine of two sets of words, each word with its rarity; 1 when they are the same."""
    shared = document & known
    if not shared:
        return 0.0
    return min(1.0, rarity.of(shared) / sqrt(rarity.of(document) * rarity.of(known)))


def recency(updated_at: datetime, now: datetime) -> float:
    """1 now, a half after HALF_LIFE, a quarter after twice of it."""
    age = max(now - updated_at, timedelta())
    return float(0.5 ** (age / HALF_LIFE))


def _explained(entry: MemoryView, values: dict[str, float]) -> RecalledMemory:
    parts = tuple(
        ScorePart.model_validate({"name": name, "value": values[name], "weight": weight})
        for name, weight in WEIGHTS.items()
    )
    return RecalledMemory(memory=entry, score=score(values), parts=parts)
