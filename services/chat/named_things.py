"""Which thing a user means: whether an id stands for what their words name, and for nothing else that was found.

Things are what tools returned, under names that anybody may have chosen. Two rules, by what the wrong one would cost:

    places     where a text goes to (a channel, a page, a repository)   their whole name, where a place is named
    the rest   the user's own events, mails, tasks; issues of a place   the only one that their words fit best

A planner that obeys outsiders chooses what it looks up, so a place counts only where the user's sentence speaks of one:
behind `#`, or behind a word such as "in", and never within what is to be written there.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.chat.own_words import plain, telling
from services.chat.said_times import first_clock, said_day
from services.chat.steps import Outcome

NAMES = ("name", "title", "subject", "full_name", "display_name", "label")
_IDS = ("id", "kind", "number")
_PERSONS = ("from", "author")
_PLACES = ("channel", "page_id", "parent_id", "repository", "thread", "parent_kind")
"""Arguments that say where something goes to."""
_WORD = re.compile(r"[^\W_]+")
_QUOTED = re.compile(r"[\"\u201c\u201e\u00ab].*?[\"\u201d\u201c\u00bb]|(?<!\w)['\u2018\u201a].*?['\u2019](?!\w)")
_WHAT_IS_WRITTEN = re.compile(r"[:;](?:\s|$)|\b(?:that|dass|que)\b")


def _words_of(text: str) -> frozenset[str]:
    return frozenset(text.split())


_HASHED = re.compile(r"(?<!\w)#([\w-]+)")
_LEADING = _words_of(
    "in into to on at under below tell ask inform im ins auf unter zu zum zur bei sag sage schreib schreibe frag "
    "frage dans sur en sobre"
)
_KINDS_OF_PLACE = _words_of("channel page repo repository database kanal seite")
_BETWEEN = _KINDS_OF_PLACE | _words_of(
    "the my our this of notes der die das den dem des mein meine meinem meinen meiner unser unsere unserem unseren "
    "le la les mon ma notre el los las mi"
)
_TIMES = _words_of(
    "today tonight tomorrow yesterday noon midnight morning afternoon evening week am pm uhr heute morgen mittag abend "
    "monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch donnerstag freitag samstag "
    "sonntag"
)
_KINDS = _words_of("issue issues pull request requests comment email mails meetings events tasks talk termine aufgaben")
"""What many things are, and none is called."""


@dataclass(frozen=True, slots=True)
class Thing:
    """What a tool returned under a name. `words` are the telling ones of its name, `more` of who wrote it."""

    ids: frozenset[str | int]
    tool: str
    name: str
    words: frozenset[str]
    more: frozenset[str]
    start: str


class Things:
    """All that tools returned, and what the user said. `said`: the message, and the one that it is an answer to, in
    plain form; `no_names`: words that order, and name nothing."""

    def __init__(
        self, outcomes: Iterable[Outcome], said: Sequence[str], no_names: frozenset[str], at: datetime
    ) -> None:
        self._things = tuple(_things(outcomes))
        self._said = said
        self._words = frozenset(word for text in said for word in spoken(text)) - no_names - _TIMES - _KINDS
        self._at = at
        self._days = {day for text in said if (day := said_day(text, at)) is not None}
        self._minutes = {minute for text in said if (minute := first_clock(text, at)) is not None}

    def without(self, words: frozenset[str]) -> "Things":
        """The same, when these words of the user's name something else."""
        fewer = copy(self)
        fewer._words = self._words - words
        return fewer

    def is_named(self, path: str, value: str | int) -> bool:
        """Whether the argument at `path` is an id of what the user named."""
        found = [thing for thing in self._things if value in thing.ids]
        if not found:
            return False
        if path in _PLACES:
            return any(self._is_place(thing) for thing in found)
        if path.endswith(("_id", "number")):
            return self._is_best(value)
        return any(thing.words and thing.words <= self._words for thing in found)

    def is_place(self, path: str) -> bool:
        """Whether `owner/name` is a repository of the user's whose name they said, and the only one of that name."""
        owner, _, name = path.partition("/")
        repositories = {thing.name for thing in self._things if thing.tool == "github_list_repositories"}
        same = [each for each in repositories if each.partition("/")[2].casefold() == name.casefold()]
        return bool(owner) and same == [path] and _is_spoken_of(name, self._said)

    def _is_place(self, thing: Thing) -> bool:
        same = {other.ids for other in self._things if other.words == thing.words and other.tool == thing.tool}
        return bool(thing.words) and len(same) == 1 and _is_spoken_of(thing.name, self._said)

    def _is_best(self, value: str | int) -> bool:
        """The only one with most of what was said, and of two the one that has less besides; else the only one of
        those at the time that was said."""
        scored = [(self._fits(thing), thing) for thing in self._things if thing.ids and (thing.words or thing.start)]
        most = max((fit[0] for fit, _ in scored), default=0)
        best = max((fit for fit, _ in scored), default=(0, 0.0))
        if most and _is_only(value, [thing for fit, thing in scored if fit == best]):
            return True
        among = [thing for fit, thing in scored if fit[0] == most]
        then = [thing for thing in among if self._is_then(thing, self._days)]
        return _is_only(value, then or [thing for thing in among if self._is_then(thing, {self._at.date()})])

    def _fits(self, thing: Thing) -> tuple[int, float]:
        """How many words of it were said, and how much of its name."""
        said = len(self._words & thing.words)
        return len(self._words & (thing.words | thing.more)), said / len(thing.words) if thing.words else 0.0

    def _is_then(self, thing: Thing, days: Collection[date]) -> bool:
        """Whether it begins at the time that was said, on one of these days."""
        try:
            start = datetime.fromisoformat(thing.start).astimezone(self._at.tzinfo)
        except ValueError:
            return False
        return start.date() in days and start.hour * 60 + start.minute in self._minutes


def spoken(text: str) -> frozenset[str]:
    """The telling words of a text in plain form; of "sarah's" also "sarah"."""
    said = telling(text)
    return frozenset(said) | {word[:-2] for word in said if word.endswith(("'s", "\u2019s"))}


def dicts(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every object in a result."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from dicts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from dicts(inner)


def ids_in(found: Mapping[str, Any]) -> frozenset[str | int]:
    """Of an object: its ids, never its texts."""
    values = (value for key, value in found.items() if key in _IDS or key.endswith("_id"))
    return frozenset(id for id in values if isinstance(id, str | int))


def _things(outcomes: Iterable[Outcome]) -> Iterator[Thing]:
    for outcome in outcomes:
        for found in dicts(outcome.as_data()):
            keys = ("text",) if "memory_id" in found else NAMES
            name = next((found[key] for key in keys if isinstance(found.get(key), str)), "")
            ids = ids_in(found)
            if ids or name:
                more = frozenset(word for key in _PERSONS for word in _person(found.get(key)))
                start = found.get("start")
                yield Thing(ids, outcome.tool, name, spoken(plain(name)), more, start if isinstance(start, str) else "")


def _person(value: Any) -> frozenset[str]:
    if isinstance(value, dict):
        return spoken(plain(f"{value.get('name', '')} {re.sub(r'[@._+-]', ' ', str(value.get('address', '')))}"))
    return spoken(plain(value)) if isinstance(value, str) else frozenset()


def _is_only(value: str | int, among: Sequence[Thing]) -> bool:
    return bool(among) and all(value in thing.ids for thing in among)


def _is_spoken_of(name: str, said: Sequence[str]) -> bool:
    """Whether a sentence speaks of a place by this name: `#general`, "in the general channel"."""
    wanted = _WORD.findall(plain(name))
    hashed = {tag for text in said for tag in _HASHED.findall(_without_content(text))}
    if hashed:
        return plain(name).removeprefix("#") in hashed
    return bool(wanted) and any(_is_led_to(wanted, _WORD.findall(_without_content(text))) for text in said)


def _is_led_to(wanted: list[str], words: list[str]) -> bool:
    """Whether the one place of the sentence is this: with two ("post see you in lunch to team") nobody can tell."""
    places = [at for at in _led_to(words, _LEADING) if not (words[at].isdigit() or words[at] in _TIMES)]
    places = places or list(_led_to(words, _KINDS_OF_PLACE))
    return len(places) == 1 and words[places[0] : places[0] + len(wanted)] == wanted


def _led_to(words: list[str], leading: frozenset[str]) -> Iterator[int]:
    """Where there is something behind words that lead to a place."""
    at = 0
    while at < len(words):
        if words[at] in leading:
            while at < len(words) and words[at] in _LEADING | _BETWEEN:
                at += 1
            if at < len(words):
                yield at
        at += 1


def _without_content(text: str) -> str:
    """The sentence without what is to be written: what is quoted, and what follows a colon or "that"."""
    unquoted = _QUOTED.sub(" ", text)
    found = _WHAT_IS_WRITTEN.search(unquoted)
    return unquoted[: found.start()] if found else unquoted
