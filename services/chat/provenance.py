"""Where a call's values come from: shown, not believed. A pure function of what was said and read before the decision.

Outsiders' sentences are in every tool result that is marked so, and in a conversation that has read such a result
before. A planner that obeys them can be made to call anything; what it cannot do is put a value into the user's own
words. So each value is looked for there first, then among the people the user has written to, then in what outsiders
wrote. What the assistant remembers is the user's where it says so itself (`services.chat.remembered`).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.actions import ArgumentOrigin, Origin, Provenance, ReadActivity, leaves
from contracts.tool import ToolDescription
from services.chat import remembered
from services.chat.named_things import NAMES, Things, dicts, spoken
from services.chat.own_words import composed, has_only_signs_of, plain, telling, words
from services.chat.said_times import MOMENT, is_said_time
from services.chat.steps import Outcome, ToolCall
from services.chat.wishes import asking, is_wished

LONGEST_SENTENCE = 300
MOST_SOURCES = 10
ENOUGH_SHARED = 0.6
"""Of a value's words; a sentence with so many of them is where it comes from."""
_SENTENCE = re.compile(r"(?:[^.!?\n]|[.!?](?!\s|$))+[.!?]*")
_ADDRESS = re.compile(r"[^\s@<>(),;]+@[^\s@<>(),;]+\.[^\s@<>(),;.]{2,}")
_PATH = re.compile(r"[^\s/]+/\S+")
_PLAIN_NAME = re.compile(r"[^\W\d_]+(?:['\u2019.-]+[^\W\d_]+)*\.?(?: [^\W\d_]+(?:['\u2019.-]+[^\W\d_]+)*\.?){0,3}")
_PLAIN_ADDRESS = re.compile(r"(?=[^@]{1,30}@)[^\W_]+(?:[._+-][^\W_]+){0,2}@(?=.{1,40}$)[^\W_]+(?:[.-][^\W_]+){1,4}")
CONTACTS = "contacts_find"
IN_ANY_ORDER = 3
"""So many words of one message may stand in another order than the user's; more could be made to say something else."""
_COUNTS = ("duration_minutes", "limit")
"""Numbers that choose nothing: all others have to be said, such as the number of an issue."""
_SAYS_OWN = frozenset(
    {"mail_send", "calendar_create_event", "outlook_calendar_create_event", "github_create_issue", "tasks_create"}
)
"""Tools whose actions are called after nothing but their own arguments; all others act on what has a name already."""
_SWITCHES = {
    "archive": ("archiv",),
    "read": ("read", "unread", "gelesen", "ungelesen"),
    "starred": ("star", "stern"),
    "important": ("important", "wichtig"),
}
"""Words that throw a switch, or give a label of the mailbox's own."""
_MAILS = {
    "mail_read": "gmail",
    "mail_search": "gmail",
    "outlook_mail_read": "outlook_mail",
    "outlook_mail_search": "outlook_mail",
}


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
    read = [outcome for outcome in heard.outcomes if outcome.untrusted or quotes_others(outcome)]
    has_read = (bool(read) or heard.has_read_before) and not heard.obeys_rules
    starts = tool.asked_with if tool else ()
    earlier = [plain(said) for said in heard.earlier_words[-1:]]
    return Provenance(
        via="turn",
        read_untrusted=has_read,
        is_asked=heard.obeys_rules or is_wished(plain(heard.words), earlier, starts),
        arguments=tuple(_Search(heard, read, starts).origins(call)),
        sources=tuple(_source(outcome) for outcome in read[:MOST_SOURCES]) if has_read else (),
        activities=_activities(read) if has_read else (),
    )


def origins_of_values(call: ToolCall, heard: Heard) -> tuple[ArgumentOrigin, ...]:
    """Of every value in a call's arguments."""
    return tuple(_Search(heard, (), ()).origins(call))


def quotes_others(outcome: Outcome) -> bool:
    """Of tools whose results tell: whether this one holds sentences that others may have written."""
    return outcome.ok and (_says_much(outcome) or remembered.has_others(outcome))


def _says_much(outcome: Outcome) -> bool:
    """Whether names and addresses of contacts, which anybody chooses for themselves, could hold more than that."""
    if outcome.tool != CONTACTS:
        return False
    contacts = [each for each in dicts(outcome.as_data()) if "address" in each]
    return not all(_is_plain(each, each.get("known") is True) for each in contacts)


def may_quote_others(effects: Iterable[Outcome]) -> bool:
    """Whether what is said of these in the conversation may hold names that outsiders gave to what they act on."""
    return any(outcome.action_id is not None and outcome.tool not in _SAYS_OWN for outcome in effects)


def _is_plain(contact: Mapping[str, Any], is_known: bool) -> bool:
    is_address = is_known or _PLAIN_ADDRESS.fullmatch(str(contact["address"])) is not None
    return is_address and _is_plain_name(str(contact.get("name", "")), is_known)


def _is_plain_name(name: str, is_known: bool) -> bool:
    """Letters only, and few of them; of people the user never wrote to, no more than a first and a last name."""
    is_name = _PLAIN_NAME.fullmatch(name) is not None and len(name) <= 48
    return not name or (is_name and (is_known or name.count(" ") <= 1))


class _Search:
    """For the origin of values; everything that is compared is prepared once."""

    def __init__(self, heard: Heard, read: Sequence[Outcome], asked_with: Sequence[str]) -> None:
        self._heard = heard
        messages = (heard.words, *heard.earlier_words)
        self._as_written = composed(" \n ".join(messages))
        self._asking = tuple(asking(plain(heard.words), [plain(said) for said in heard.earlier_words[-1:]]))
        self._messages = tuple(tuple(telling(message)) for message in messages)
        self._own_words = frozenset(word for message in self._messages for word in message)
        orders = frozenset(start.strip() for start in asked_with)
        self._names = frozenset(word for message in messages for word in spoken(plain(message))) - orders
        self._things = Things(heard.outcomes, self._asking, orders, heard.asked_at)
        self._known = dict(self._contacts())
        self._surnames = frozenset(word for name in self._known.values() for word in name)
        self._own_entries = remembered.own_texts(heard.outcomes, self._names)
        self._sentences = tuple(
            (sentence, words(sentence), outcome) for outcome in read for sentence in _sentences(outcome)
        )

    def origins(self, call: ToolCall) -> Iterator[ArgumentOrigin]:
        """Of every value in the arguments that says, chooses or switches something."""
        values = tuple(leaves("", _loaded(call.arguments)))
        self._things = self._things.without(self._names_of_guests(values))
        for path, value in values:
            if call.tool == remembered.ADD and path == remembered.KIND:
                continue
            if isinstance(value, str):
                if value.strip():
                    yield self._origin(path, value.strip())
            elif value is not None and path not in _COUNTS:
                is_said = self._is_switched(path) if isinstance(value, bool) else self._is_counted(path, value)
                yield ArgumentOrigin(argument=path, origin=Origin.USER if is_said else Origin.MODEL)

    def _names_of_guests(self, values: Iterable[tuple[str, Any]]) -> frozenset[str]:
        """Of people who are added to an event: their names say whom to add, not to what."""
        added = (str(value).lower() for path, value in values if "_guests" in path)
        return frozenset(word for address in added for word in self._known.get(address, ()))

    def _origin(self, path: str, value: str) -> ArgumentOrigin:
        if self._is_said(path, value) or self._things.is_named(path, value):
            return ArgumentOrigin(argument=path, origin=Origin.USER)
        if value.lower() in self._known:
            return ArgumentOrigin(argument=path, origin=Origin.CONTACT)
        if self._is_remembered(value):
            return ArgumentOrigin(argument=path, origin=Origin.MEMORY)
        if (found := self._sentence_of(value)) is not None:
            sentence, outcome = found
            activity = next(iter(_activities((outcome,), sentence)), None)
            where = {"source": _source(outcome, sentence), "activity": activity}
            return ArgumentOrigin(argument=path, origin=Origin.UNTRUSTED, sentence=sentence, **where)
        return ArgumentOrigin(argument=path, origin=Origin.MODEL)

    def _is_said(self, path: str, value: str) -> bool:
        if _ADDRESS.fullmatch(value):
            return self._stands(value)
        if _PATH.fullmatch(value):
            return self._stands(value) or (path == "repository" and self._things.is_place(value))
        if MOMENT.fullmatch(value):
            at, is_end = self._heard.asked_at, path == "end"
            return any(value in words(said) or is_said_time(value, said, at, is_end=is_end) for said in self._asking)
        if value.lower() in _SWITCHES and self._is_switched(value.lower()):
            return True
        if not has_only_signs_of(value, self._as_written):
            return False
        told = tuple(telling(value))
        return not told or self._are_said(told)

    def _stands(self, value: str) -> bool:
        """An address or a path, letter for letter and as a whole: one with an accent is another."""
        return _stands_in(value, self._as_written)

    def _are_said(self, wanted: tuple[str, ...]) -> bool:
        """In one message, with the whole names of people in it; many of them as they follow each other there."""
        if len(wanted) <= IN_ANY_ORDER:
            return any(set(wanted) <= {*message, *self._surnames} for message in self._messages)
        return any(_follow(wanted, message) for message in self._messages)

    def _is_counted(self, path: str, value: Any) -> bool:
        is_said = str(value) in self._own_words
        return is_said or (isinstance(value, int) and self._things.is_named(path, value))

    def _is_switched(self, path: str) -> bool:
        """`archive` by a word such as "archived" or "archiviere"."""
        name = path.rpartition(".")[2]
        starts = _SWITCHES.get(name, (name.partition("_")[0][:6],))
        return any(word.startswith(starts) for said in self._asking for word in words(said))

    def _contacts(self) -> Iterator[tuple[str, frozenset[str]]]:
        """Those the user has written to and named: addresses, and the words of their names."""
        for outcome in self._heard.outcomes:
            if outcome.tool != CONTACTS or not outcome.ok:
                continue
            for contact in dicts(outcome.as_data()):
                address, name = str(contact.get("address", "")).lower(), str(contact.get("name", ""))
                called = {*telling(name), *telling(re.sub(r"[._+-]", " ", address.partition("@")[0]))}
                if contact.get("known") is True and called & self._names:
                    yield address, frozenset(telling(name) if _is_plain_name(name, is_known=True) else ())

    def _is_remembered(self, value: str) -> bool:
        """Whether it stands in an entry in the user's own words, as a whole, and words of theirs name that entry."""
        if _ADDRESS.fullmatch(value) or _PATH.fullmatch(value):
            return any(_stands_in(value, composed(text)) for text in self._own_entries)
        told = telling(value)
        texts = (text for text in self._own_entries if told and has_only_signs_of(value, composed(text)))
        return any(_follow(told, telling(text)) for text in texts)

    def _sentence_of(self, value: str) -> tuple[str, Outcome] | None:
        """The sentence of others that has most of the value's words, and where it was read."""
        wanted, known = plain(value), set(telling(value))
        best: tuple[float, str, Outcome] | None = None
        for sentence, present, outcome in self._sentences:
            share = 1.0 if wanted in plain(sentence) else len(known & present) / len(known) if known else 0.0
            if share >= ENOUGH_SHARED and (best is None or share > best[0]):
                best = share, sentence, outcome
        return (best[1][:LONGEST_SENTENCE], best[2]) if best else None


def _activities(read: Iterable[Outcome], sentence: str | None = None) -> tuple[ReadActivity, ...]:
    """The mails that were read or found, as the copy of their mailbox knows them, in that order; or those of them that
    have the sentence."""
    found = (
        ReadActivity(provider=_MAILS[outcome.tool], external_id=mail["id"])
        for outcome in read
        if outcome.tool in _MAILS
        for mail in dicts(outcome.as_data())
        if isinstance(mail.get("id"), str) and (sentence is None or _holds(mail, sentence))
    )
    return tuple(dict.fromkeys(found))[:MOST_SOURCES]


def _stands_in(value: str, text: str) -> bool:
    """Letter for letter and as a whole; the text is composed."""
    exact = re.escape(composed(value))
    pattern = rf"(?<![\w.+/!#$%&*=?^`{{|}}~-])(?<!\w'){exact}(?![\w/-]|\.\w)|(?<=github\.com/){exact}(?![\w-]|\.\w)"
    return re.search(pattern, text) is not None


def _follow(wanted: Sequence[str], said: Sequence[str]) -> bool:
    """Whether these words follow each other there."""
    n = len(wanted)
    return any(list(wanted) == list(said[at : at + n]) for at in range(len(said) - n + 1))


def _source(outcome: Outcome, sentence: str | None = None) -> str:
    """`mail_read: Re: your invoice`; of several things, the one that has the sentence."""
    for inner in dicts(outcome.as_data()):
        called = next((inner[name] for name in NAMES if isinstance(inner.get(name), str) and inner[name].strip()), None)
        if called is not None and (sentence is None or _holds(inner, sentence)):
            return f"{outcome.tool}: {' '.join(called.split())[:80]}"
    return outcome.tool


def _holds(thing: Mapping[str, Any], sentence: str) -> bool:
    texts = (text for _, text in leaves("", thing) if isinstance(text, str))
    return any(sentence in " ".join(text.split()) for text in texts)


def _sentences(outcome: Outcome) -> Iterator[str]:
    values = (value for _, value in leaves("", outcome.as_data()))
    for value in remembered.texts_of_others(outcome) if outcome.tool == remembered.RECALL else values:
        if isinstance(value, str):
            for found in _SENTENCE.finditer(value):
                if sentence := " ".join(found.group().split()):
                    yield sentence


def _loaded(arguments_json: str) -> Any:
    try:
        return json.loads(arguments_json or "{}")
    except ValueError:
        return arguments_json  # the tool will refuse it
