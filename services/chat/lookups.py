"""What a look-up may tell the provider it asks. A pure function of what was said and read before the decision.

A search is an outgoing message too: its words get to whoever answers it, and at places that several people share their
administrators may read along. So what was read elsewhere does not go there, however a planner was brought to it, nor
what the planner made of it. These do: the user's own words, whom they named, what the same house told in this turn, and
ids, addresses and names of people, which others choose for themselves and which hold nothing of the user's.

What a look-up needs else the planner can ask its user for: it is refused, not proposed, since nobody would be there to
read the answer. Programs and plans that their user has started are not asked: they say openly what goes where.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from contracts.actions import Origin, leaves
from contracts.tool import ToolDescription
from services.chat.named_things import dicts, ids_in
from services.chat.own_words import plain, words
from services.chat.provenance import CONTACTS, Heard, origins_of_values
from services.chat.steps import Outcome, ToolCall

KEPT_BY_ONE = frozenset({"google", "microsoft"})
"""Houses of the user's own mailbox and calendar: what the conversation said earlier may be looked for there."""
_TRUSTED = frozenset({Origin.USER, Origin.CONTACT, Origin.MEMORY})
_PERSONS = ("author", "address", "login")
_PERSON = re.compile(r"[^\W\d_]+(?:['\u2019.-]?[^\W\d_]+)*(?: [^\W\d_]+(?:['\u2019.-]?[^\W\d_]+)*){0,2}")
_LONGEST_NAME = 40
_TIMES_ONLY = ("_availability",)
_OPERATORS = re.compile(
    r"\b(?:from|to|cc|subject|body|received)\s*:|\b(?:is|in|has)\s*:\s*[a-z]{1,12}\b|\b(?:and|or)\b|"
    r"\b(?:after|before|older|newer|older_than|newer_than)\s*:\s*[\d/-]{1,10}[dmy]?(?!\w)"
)
"""Of the languages in which mailboxes are searched."""
_LONG_ID = 16


def told_too_much(call: ToolCall, tool: ToolDescription, heard: Heard, houses: Mapping[str, str]) -> str | None:
    """Why the look-up is not made, for the planner; None when it may be. `houses` of tools by name."""
    if not tool.tells or heard.obeys_rules or not _knows_of_elsewhere(tool, heard, houses):
        return None
    there = [outcome for outcome in heard.outcomes if tool.house and houses.get(outcome.tool) == tool.house]
    origins = {each.argument: each.origin for each in origins_of_values(call, heard)}
    for path, value in _told(call, tool):
        if origins.get(path) in _TRUSTED or _is_allowed(value, heard, there):
            continue
        return (
            f"Not looked up: `{path}` has words that neither the user said nor {tool.house} told, and {tool.house} "
            "would learn them. Look without them, or with the user's own words; else ask the user."
        )
    return None


def _knows_of_elsewhere(tool: ToolDescription, heard: Heard, houses: Mapping[str, str]) -> bool:
    """Whether anything was read that is not this house's."""
    if heard.has_read_before and tool.house not in KEPT_BY_ONE:
        return True
    read = (outcome for outcome in heard.outcomes if outcome.ok and not outcome.tool.endswith(_TIMES_ONLY))
    return any(houses.get(outcome.tool) != tool.house for outcome in read)


def _told(call: ToolCall, tool: ToolDescription) -> Iterator[tuple[str, str]]:
    try:
        arguments = json.loads(call.arguments or "{}")
    except ValueError:
        return  # the tool will refuse it
    for path, value in leaves("", arguments):
        if path.partition("[")[0].partition(".")[0] in tool.tells and isinstance(value, str) and value.strip():
            yield path, value.strip()


def _is_allowed(value: str, heard: Heard, there: Sequence[Outcome]) -> bool:
    """Without a search's own words: all of it the user's, or all of it from the house."""
    asked = words(" ".join((heard.words, *heard.earlier_words)))
    told = words(_OPERATORS.sub(" ", plain(value)))
    if told <= asked or any(told <= asked | _texts(outcome) for outcome in there):
        return True
    return _is_handed_on(value, heard) or _is_pasted(value, heard)


def _texts(outcome: Outcome) -> set[str]:
    values = (value for _, value in leaves("", outcome.as_data()) if isinstance(value, str))
    return {word for value in values for word in words(value)}


def _is_handed_on(value: str, heard: Heard) -> bool:
    """An id, an address or the name of a person as a tool returned it."""
    for outcome in heard.outcomes:
        for found in dicts(outcome.as_data()):
            if value in ids_in(found) or value in _persons(found, outcome):
                return True
    return False


def _persons(found: Mapping[str, Any], outcome: Outcome) -> set[str]:
    keys = (*_PERSONS, "name") if "address" in found or outcome.tool == CONTACTS else _PERSONS
    names = {str(found[key]) for key in keys if isinstance(found.get(key), str)}
    return {name for name in names if len(name) <= _LONGEST_NAME and ("@" in name or _PERSON.fullmatch(name))}


def _is_pasted(value: str, heard: Heard) -> bool:
    """An id out of an address that the user pasted, with or without its dashes."""
    bare = value.replace("-", "").lower()
    return len(bare) >= _LONG_ID and any(bare in said.replace("-", "").lower() for said in _said(heard))


def _said(heard: Heard) -> tuple[str, ...]:
    return (heard.words, *heard.earlier_words)
