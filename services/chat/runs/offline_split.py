"""A goal split by its own words, without a model: "do A, then B and C". Pure, by the rules of the offline engine.

What stands before a "then" ends before what follows begins; what is joined by "and" or a comma goes side by side.
"""

import re
from datetime import datetime
from typing import Any

from contracts.runs import StepRequest
from services.chat import offline
from services.chat.offline_parts import spaced
from services.chat.offline_scheduling import ADDRESS
from services.chat.offline_understanding import MAX_CHARACTERS
from services.chat.runs.errors import NothingToPlan

_QUOTED = re.compile(r'"[^"]*"|“[^”]*”')
_THEN = re.compile(
    r"\s*(?:[,;.]\s*)?\b(?:and\s+)?(?:then|after\s+that|afterwards)\b[\s,:]*|\s*\n\s*\d*[.)]?\s*|\s*;\s*", re.I
)
_AND = re.compile(r"\s*,\s*(?:and\s+)?|\s+and\s+(?:also\s+)?", re.IGNORECASE)
_NAMES = {
    "mail_search": "Search your mail",
    "calendar_list": "Look at your calendar",
    "calendar_availability": "Check when you are free",
    "contacts_find": "Look up {name}",
    "calendar_create_event": "Create the event {title}",
    "tasks_list": "Look at your tasks",
    "tasks_create": "Write down {title}",
}
MOST_PARTS = 60
_HIDDEN = "\ue000"


def split(goal: str, now: datetime) -> tuple[StepRequest, ...]:
    """Steps for every part that the offline engine understands. Raises NothingToPlan, with its question, for others."""
    steps: list[StepRequest] = []
    before: tuple[str, ...] = ()
    for stage in _parts(_THEN, _bounded(goal)):
        ends: list[str] = []
        for intent in _intents(stage, now):
            made = _steps(intent, len(steps), before)
            steps += made
            ends.append(made[-1].id)
        before = tuple(ends)
    if not steps:
        raise NothingToPlan("There is nothing to do in that.")
    return tuple(steps)


def _bounded(goal: str) -> str:
    """With single spaces, and no longer than what is understood: a plan of half of it would be another one."""
    plain = spaced(goal)
    if len(plain) > MAX_CHARACTERS or len(_AND.findall(plain)) > MOST_PARTS:
        raise NothingToPlan(f"Without a language model, say it in {MAX_CHARACTERS:,} characters and few parts.")
    return plain


def _parts(separator: re.Pattern[str], text: str) -> list[str]:
    """Apart where the separator stands, but not within quotation marks."""
    quotes = [found[0] for found in _QUOTED.finditer(text)]
    masked = _QUOTED.sub(_HIDDEN, text)
    parts = []
    for part in separator.split(masked):
        while _HIDDEN in part:
            part = part.replace(_HIDDEN, quotes.pop(0), 1)
        if part.strip(" .,"):
            parts.append(part.strip(" ,"))
    return parts


def _intents(stage: str, now: datetime) -> list[offline.Intent]:
    """As many as there are; words that mean nothing of their own belong to what stands before them."""
    found: list[tuple[str, offline.Intent]] = []
    for part in _parts(_AND, stage):
        intent = offline.understand(part, now)
        if found and not _is_action(intent):
            joined = f"{found[-1][0]} and {part}"
            found[-1] = joined, offline.understand(joined, now)
        else:
            found.append((part, intent))
    for _, intent in found:
        if isinstance(intent, offline.Unclear):
            raise NothingToPlan(intent.question)
        if isinstance(intent, offline.Help):
            raise NothingToPlan("There is nothing to do in that.")
    return [intent for _, intent in found]


def _is_action(intent: offline.Intent) -> bool:
    return not isinstance(intent, offline.Unclear | offline.Help)


def _steps(intent: offline.Intent, made: int, before: tuple[str, ...]) -> list[StepRequest]:
    """One call, after the look-ups of the people it names."""
    if isinstance(intent, offline.CompleteTask | offline.Forget):
        raise NothingToPlan("Which one is meant has to be looked up first: ask for that in a conversation.")
    if not isinstance(intent, offline.Schedule):
        following = offline.next_step(intent, ())
        assert isinstance(following, offline.Call)
        return [_step(following.tool, following.arguments, made, before)]
    steps: list[StepRequest] = []
    guests: list[Any] = []
    for guest in dict.fromkeys(intent.guests):
        if ADDRESS.fullmatch(guest):
            guests.append(guest.lower())
        else:
            steps.append(_step("contacts_find", {"name": guest}, made + len(steps), before))
            guests.append({"$from": steps[-1].id, "path": "contacts[only].address"})
    arguments = {
        "title": intent.title,
        "start": intent.start.isoformat(),
        "duration_minutes": intent.duration_minutes,
        "guests": guests,
    }
    return [*steps, _step("calendar_create_event", arguments, made + len(steps), before)]


def _step(tool: str, arguments: dict[str, Any], made: int, before: tuple[str, ...]) -> StepRequest:
    name = _NAMES.get(tool, tool).format(name=arguments.get("name", ""), title=arguments.get("title", ""))
    return StepRequest(id=f"s{made + 1}", name=name[:200], tool=tool, arguments=arguments, depends_on=before)
