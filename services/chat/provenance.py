"""Where a call's values come from: shown, not believed. A pure function of what was said and read before the decision.

Outsiders' sentences are in every tool result that is marked so, and in a conversation that has read such a result
before. A planner that obeys them can be made to call anything; what it cannot do is put a value into the user's own
words. So each value is looked for there first, then among the people the user has written to, then in what outsiders
wrote.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.actions import ArgumentOrigin, Origin, Provenance
from contracts.tool import ToolDescription
from services.chat.offline_clock import take_clock
from services.chat.offline_days import NotClear, take_day
from services.chat.steps import Outcome, ToolCall

LONGEST_SENTENCE = 300
MOST_SOURCES = 10
ENOUGH_SHARED = 0.6
"""Of a value's words; a sentence with so many of them is where it comes from."""
_WORD = re.compile(r"[^\W_][\w@.+'-]*[^\W_]|[^\W_]")
_SENTENCE = re.compile(r"(?:[^.!?\n]|[.!?](?!\s|$))+[.!?]*")
_ADDRESS = re.compile(r"[^\s@<>(),;]+@[^\s@<>(),;]+\.[^\s@<>(),;.]{2,}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)?$")
_NAMES = ("name", "title", "subject", "full_name", "display_name", "label")
_COMMON = frozenset(
    {
        "a",
        "an",
        "the",
        "and",
        "or",
        "with",
        "for",
        "at",
        "on",
        "in",
        "of",
        "to",
        "my",
        "me",
        "i",
        "is",
        "it",
        "re",
        "by",
    }
    | {
        "meeting",
        "call",
        "appointment",
        "event",
        "task",
        "mail",
        "message",
        "note",
        "lunch",
        "dinner",
        "coffee",
        "sync",
    }
    | {"der", "die", "das", "und", "mit", "fur", "um", "am", "im", "in", "zu", "termin", "treffen", "anruf", "aufgabe"}
)
"""Words that carry nothing: a title may have them though the user did not say them."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What was before the planner when it decided on a call."""

    words: str
    """The user's message of this turn."""
    earlier_words: tuple[str, ...]
    """The user's own messages before it, in this conversation."""
    outcomes: tuple[Outcome, ...]
    """What tools returned before the decision."""
    asked_at: datetime
    """In the user's zone."""
    has_read_before: bool = False
    """Whether an earlier turn of the conversation has read what outsiders wrote."""
    obeys_rules: bool = False
    """The offline engine planned it: a function of the user's words that reads no sentence of anybody."""


def provenance_of(call: ToolCall, tool: ToolDescription | None, heard: Heard) -> Provenance:
    """Of one call, before it is made."""
    read = [outcome for outcome in heard.outcomes if outcome.untrusted]
    has_read = (bool(read) or heard.has_read_before) and not heard.obeys_rules
    return Provenance(
        via="turn",
        read_untrusted=has_read,
        is_asked=heard.obeys_rules or _asks(heard, tool.asked_with if tool else ()),
        arguments=tuple(_Search(heard, read).origins(call.arguments)),
        sources=tuple(_source(outcome) for outcome in read[:MOST_SOURCES]) if has_read else (),
    )


class _Search:
    """For the origin of values; everything that is compared is prepared once."""

    def __init__(self, heard: Heard, read: Sequence[Outcome]) -> None:
        self._heard = heard
        own = " \n ".join((heard.words, *heard.earlier_words))
        self._own = _plain(own)
        self._own_words = _words(own)
        self._named = tuple(_named(heard.outcomes))
        self._sentences = tuple(
            (sentence, _words(sentence), _source(outcome)) for outcome in read for sentence in _sentences(outcome)
        )

    def origins(self, arguments_json: str) -> Iterator[ArgumentOrigin]:
        """Of every text in the arguments. Numbers and choices carry nothing and choose nobody."""
        for path, value in _leaves("", _loaded(arguments_json)):
            if isinstance(value, str) and value.strip():
                yield self._origin(path, value)

    def _origin(self, path: str, value: str) -> ArgumentOrigin:
        if self._is_said(value):
            return ArgumentOrigin(argument=path, origin=Origin.USER)
        if self._is_contact(value):
            return ArgumentOrigin(argument=path, origin=Origin.CONTACT)
        if (found := self._sentence_of(value)) is not None:
            sentence, source = found
            return ArgumentOrigin(argument=path, origin=Origin.UNTRUSTED, sentence=sentence, source=source)
        return ArgumentOrigin(argument=path, origin=Origin.MODEL)

    def _is_said(self, value: str) -> bool:
        if "@" in value and _ADDRESS.fullmatch(value.strip()):
            return bool(re.search(rf"(?<![\w.+-]){re.escape(_plain(value.strip()))}(?![\w-])", self._own))
        if _MOMENT.fullmatch(value.strip()):
            return self._is_said_time(value.strip())
        if words := _words(value) - _COMMON:
            return words <= self._own_words or self._is_named(value)
        return True

    def _is_named(self, value: str) -> bool:
        """An id of something whose name the user said: of a channel, a page, a task."""
        return any(value in ids and names and names <= self._own_words for ids, names in self._named)

    def _is_said_time(self, value: str) -> bool:
        """The day and the clock of the user's words, as the rules of the offline engine read them."""
        day, clock = value[:10], value[11:16]
        try:
            said_day, rest = take_day(self._heard.words, self._heard.asked_at.date())
            said_clock, _ = take_clock(rest)
        except NotClear:
            return False
        if (said_day or self._heard.asked_at.date()).isoformat() != day:
            return False
        if not clock or clock == "00:00":
            return said_day is not None
        minute = int(clock[:2]) * 60 + int(clock[3:])
        ends = () if said_clock is None or said_clock.lasts is None else (said_clock.minute + said_clock.lasts,)
        return said_clock is not None and minute in (said_clock.minute, *ends)

    def _is_contact(self, value: str) -> bool:
        """Somebody the user has written to, and whose name they said."""
        wanted = value.strip().lower()
        for outcome in self._heard.outcomes:
            if outcome.tool != "contacts_find" or not outcome.ok:
                continue
            for contact in _dicts(outcome.as_data()):
                is_it = str(contact.get("address", "")).lower() == wanted and contact.get("known") is True
                if is_it and (_words(str(contact.get("name", ""))) | _words(wanted)) & self._own_words:
                    return True
        return False

    def _sentence_of(self, value: str) -> tuple[str, str] | None:
        """The sentence of others that has most of the value's words."""
        plain, words = _plain(value), _words(value) - _COMMON
        best: tuple[float, str, str] | None = None
        for sentence, present, source in self._sentences:
            share = 1.0 if plain in _plain(sentence) else len(words & present) / len(words) if words else 0.0
            if share >= ENOUGH_SHARED and (best is None or share > best[0]):
                best = share, sentence, source
        return (best[1][:LONGEST_SENTENCE], best[2]) if best else None


def _asks(heard: Heard, asked_with: Iterable[str]) -> bool:
    """Whether the user's words of this turn, or the message before a short answer to a question, ask for it."""
    texts = [heard.words, *(heard.earlier_words[-1:] if len(heard.words) < 40 else ())]
    words = {word for text in texts for word in _words(text)}
    starts = tuple(start.strip() for start in asked_with)
    return any(word.startswith(starts) for word in words) if starts else False


def _source(outcome: Outcome) -> str:
    """`mail_read: Re: your invoice`."""
    for inner in _dicts(outcome.as_data()):
        for name in _NAMES:
            if isinstance(inner.get(name), str) and inner[name].strip():
                return f"{outcome.tool}: {' '.join(inner[name].split())[:80]}"
    return outcome.tool


def _sentences(outcome: Outcome) -> Iterator[str]:
    for _, value in _leaves("", outcome.as_data()):
        if isinstance(value, str):
            for found in _SENTENCE.finditer(value):
                if sentence := " ".join(found.group().split()):
                    yield sentence


def _named(outcomes: Iterable[Outcome]) -> Iterator[tuple[frozenset[str], set[str]]]:
    """Of each thing that tools returned: its texts, one of which may be its id, and the words of its name."""
    for outcome in outcomes:
        for inner in _dicts(outcome.as_data()):
            name = next((inner[key] for key in _NAMES if isinstance(inner.get(key), str)), "")
            yield frozenset(value for value in inner.values() if isinstance(value, str)), _words(name) - _COMMON


def _dicts(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _dicts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _dicts(inner)


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(f"{path}.{name}" if path else str(name), inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value, start=1):
            yield from _leaves(f"{path}[{number}]", inner)
    else:
        yield path, value


def _loaded(arguments_json: str) -> Any:
    try:
        return json.loads(arguments_json or "{}")
    except ValueError:
        return arguments_json  # the tool will refuse it


def _words(text: str) -> set[str]:
    return set(_WORD.findall(_plain(text)))


def _plain(text: str) -> str:
    """Lower case, without accents and without what cannot be seen."""
    if text.isascii():
        return text.lower()
    spread = unicodedata.normalize("NFKD", text)
    return "".join(c for c in spread if not unicodedata.combining(c) and unicodedata.category(c) != "Cf").casefold()
