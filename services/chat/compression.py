"""A long conversation within the room there is: the newest messages whole, of the older ones the sentences that matter.

Without a model, so it costs nothing, waits for nobody and always gives the same: a sentence matters by the words it
shares with the question and what was said last (rare words more), by figures, dates, names and addresses in it, and
because the user said it. What is left out is marked, so that a model knows that there was more.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from services.chat.turn_rows import Said

GAP = "[…]"
WHOLE_SHARE = 0.6
"""Of the room, for messages that stay as they are; the rest is for the sentences of older ones."""
ANCHORS = 4
"""So many of the last messages say, beside the question, what the conversation is about."""
LONGEST_SENTENCE = 400
_SENTENCE = re.compile(r"(?:[^.!?\n。！？]|[.!?](?!\s|$))+(?:[.!?。！？]+|(?=\n|$))")  # noqa: RUF001 - CJK
_WORD = re.compile(r"\w[\w@.+-]*\w|\w")
_TELLING = re.compile(r"\d|@|\b[A-Z][a-z]+ [A-Z][a-z]+|[A-Z]{2,}")


@dataclass(frozen=True, slots=True)
class _Sentence:
    message: int
    place: int
    text: str
    score: float


def compressed(history: Sequence[Said], question: str, characters: int) -> list[Said]:
    """The conversation in its order, at most so many characters; unchanged when it fits."""
    if sum(len(said.text) for said in history) <= characters:
        return list(history)
    whole = _newest(history, int(characters * WHOLE_SHARE))
    older = history[: len(history) - len(whole)]
    room = characters - sum(len(said.text) for said in whole)
    kept = _kept(_scored(older, _topic(question, history[-ANCHORS:])), room)
    shortened = [Said(said.role, text) for number, said in enumerate(older) if (text := _joined(kept.get(number)))]
    return [*shortened, *whole]


def _newest(history: Sequence[Said], characters: int) -> list[Said]:
    kept: list[Said] = []
    for said in reversed(history):
        characters -= len(said.text)
        if characters < 0:
            break
        kept.append(said)
    return kept[::-1]


def _topic(question: str, last: Sequence[Said]) -> Counter[str]:
    topic = Counter({word: 3 for word in _words(question)})
    for said in last:
        topic.update(_words(said.text[:2_000]))
    return topic


def _scored(older: Sequence[Said], topic: Counter[str]) -> list[_Sentence]:
    parted = [[match.group().strip() for match in _SENTENCE.finditer(said.text)] for said in older]
    known = Counter(word for sentences in parted for text in sentences for word in _words(text))
    total = max(1, sum(known.values()))
    scored: list[_Sentence] = []
    for message, sentences in enumerate(parted):
        for place, text in enumerate(sentences):
            if not text:
                continue
            shared = sum(min(topic[word], 3) * math.log(total / known[word]) for word in _words(text) if word in topic)
            telling = 2.0 * len(_TELLING.findall(text[:LONGEST_SENTENCE]))
            by_user = 2.0 if older[message].role == "user" else 0.0
            newer = 3.0 * (message + 1) / len(older)
            score = (shared + telling + by_user + newer) / math.sqrt(len(text) + 20)
            scored.append(_Sentence(message, place, _bounded(text), score))
    return scored


def _kept(scored: list[_Sentence], room: int) -> dict[int, list[_Sentence]]:
    """The best sentences that fit, by message."""
    kept: dict[int, list[_Sentence]] = {}
    for sentence in sorted(scored, key=lambda each: (-each.score, each.message, each.place)):
        # Room for a mark before and one after it, though neighbours share them.
        needed = len(sentence.text) + 2 * (len(GAP) + 1)
        if needed <= room:
            room -= needed
            kept.setdefault(sentence.message, []).append(sentence)
    return kept


def _joined(sentences: list[_Sentence] | None) -> str:
    if not sentences:
        return ""
    parts = [GAP]
    last = -1
    for sentence in sorted(sentences, key=lambda each: each.place):
        if sentence.place == 0:
            parts.clear()
        elif sentence.place != last + 1 and parts[-1:] != [GAP]:
            parts.append(GAP)
        parts.append(sentence.text)
        last = sentence.place
    return " ".join([*parts, GAP])


def _bounded(text: str) -> str:
    return text if len(text) <= LONGEST_SENTENCE else f"{text[: LONGEST_SENTENCE - len(GAP)]}{GAP}"


def _words(text: str) -> set[str]:
    return {word for word in _WORD.findall(text.casefold()) if len(word) > 2}
