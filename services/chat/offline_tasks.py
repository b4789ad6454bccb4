"""The offline engine and tasks: written down, listed, and marked as done.

A task is written as it was said, without the words that ask for it; which one is done has to be clear. English.
"""

import re
from datetime import UTC, date, datetime

from services.chat.offline_answers import failed, line, moment_of, rows
from services.chat.offline_clock import moment, take_clock
from services.chat.offline_days import MASK, NotClear, spoken, take_day
from services.chat.offline_intents import AddTask, CompleteTask, ReadTasks
from services.chat.offline_steps import Call, Outcome, Say
from services.chat.own_words import telling

MOST = 50
_PLEASE = (
    r"^(?:(?:please|hey|hi|hello|ok|okay|and|now|also|then|adjutant|(?:can|could|would|will)\s+you"
    r"|i\s+(?:want|need)\s+(?:you\s+)?to)\b[\s,!:]*)*"
)
_LIST_OF = r"(?:tasks?|to-?dos?|to\s+dos?|reminders?)(?:[\s-]+list)?"
_FLAGS = re.IGNORECASE
_ADD = (
    re.compile(
        _PLEASE + rf"(?:add|create|make|write\s+down|note|set)\s+(?:(?:an?|the|me|new|another)\s+)*{_LIST_OF}\b"
        r"\s*(?:[:,-]|\bto\b|\bthat\b|\bfor\s+me\s+to\b|\bfor\b)?\s*(?P<what>.*)$",
        _FLAGS,
    ),
    re.compile(_PLEASE + rf"(?:new\s+)?{_LIST_OF}\s*:\s*(?P<what>.*)$", _FLAGS),
    re.compile(
        _PLEASE + rf"(?:add|put)\s+(?P<what>.+?)\s+(?:to|on|onto)\s+(?:my|the)\s+{_LIST_OF}\b(?P<rest>.*)$", _FLAGS
    ),
    re.compile(_PLEASE + r"(?:remind\s+me|don'?t\s+let\s+me\s+forget)\b\s*(?P<what>.*)$", _FLAGS),
)
_DONE = (
    re.compile(
        _PLEASE + r"(?:mark|check|tick|cross)\s+(?P<off>off\s+)?(?P<what>.+?)"
        r"\s+(?:(?:as\s+)?(?:done|completed?|finished)|off)\W*$",
        _FLAGS,
    ),
    re.compile(_PLEASE + rf"(?:complete|finish|(?:tick|check|cross)\s+off)\s+(?P<what>.*\b{_LIST_OF}\b.*)$", _FLAGS),
    re.compile(_PLEASE + rf"(?P<what>.*\b{_LIST_OF}\b.*?)\s+is\s+(?:done|completed?|finished)\W*$", _FLAGS),
)
_LIST = re.compile(
    rf"\b(?:my|open|any|all|the)\s+(?:\w+\s+)?{_LIST_OF}\b|^{_LIST_OF}\W*$|\bdo\s+i\s+(?:still\s+)?have\s+to\s+do\b",
    _FLAGS,
)
_IS_OVER = re.compile(r"\b(?:done|completed|finished)\b", _FLAGS)
_TIME = re.compile(r"\bat\s+\d|\d\s*[ap]\.?m\b|\d:\d\d|\b(?:noon|midday|midnight)\b", _FLAGS)
_BEFORE = re.compile(rf"^(?:[\s,:{MASK}-]|\b(?:to|that|of|about|i\s+(?:have|need|must)(?:\s+to)?)\b(?!\s*$))+", _FLAGS)
_AFTER = re.compile(rf"(?:[\s,:;.!?{MASK}-]|\b(?:by|on|at|due|until|before|till|for|to|please)$)+$", _FLAGS)
_AROUND = re.compile(rf"\b(?:the|my|task|{_LIST_OF}|called|named|titled|of|from|on)\b|[\"“”']", _FLAGS)


def task_intent(text: str, quotes: tuple[str, ...], now: datetime) -> AddTask | CompleteTask | None:
    """A task to be written down or marked; a name in quotation marks has been put aside. Raises NotClear."""
    for pattern in _DONE:
        if found := pattern.search(text):
            if what := quotes[0] if quotes else " ".join(_AROUND.sub(" ", found["what"]).split()):
                return CompleteTask(what)
            raise NotClear('Which task is done? Please name it, for example: "Mark the task Call Tom as done".')
    for pattern in _ADD:
        if found := pattern.search(text):
            return _add(f"{found['what']} {found.groupdict().get('rest') or ''}", quotes, now)
    return None


def tasks_asked(text: str, now: datetime) -> ReadTasks | None:
    """Which tasks a message asks for, if any. Raises NotClear."""
    if not _LIST.search(text):
        return None
    day, _ = take_day(text, now.date())
    return ReadTasks(bool(_IS_OVER.search(text)), day.isoformat() if day else None)


def next_step(intent: AddTask | ReadTasks | CompleteTask, outcomes: tuple[Outcome, ...]) -> Call | Say:
    """The call, or the answer."""
    match intent:
        case AddTask(title, due):
            return _added(outcomes[0]) if outcomes else Call("tasks_create", {"title": title, "due": due or ""})
        case ReadTasks(is_over, due_by):
            wanted = {"status": "done" if is_over else "open", "due_by": due_by or "", "limit": MOST}
            return _listed(intent, outcomes[0]) if outcomes else Call("tasks_list", wanted)
        case CompleteTask(what):
            return _complete(what, outcomes)


def _add(said: str, quotes: tuple[str, ...], now: datetime) -> AddTask:
    day, rest = take_day(said, now.date())
    clock, rest = take_clock(rest) if _TIME.search(rest) else (None, rest)
    title = _AFTER.sub("", _BEFORE.sub("", rest.replace(MASK, " ").strip()))
    title = " ".join((quotes[0] if quotes else title).split())[:200]
    if not title:
        on = f" on {spoken(day)}" if day else ""
        raise NotClear(
            f'What should be written down{on}? Please say it, for example: "Remind me on Friday to call Tom".'
        )
    due = day.isoformat() if day else None
    if clock is not None:
        at = moment(day or now.date(), clock.minute, now.tzinfo or UTC)
        due = at.isoformat()
    if (due and not clock and day and day < now.date()) or (clock and at <= now):
        raise NotClear(f'That is in the past. When is "{title}" due?')
    return AddTask(title[0].upper() + title[1:], due)


def _added(created: Outcome) -> Say:
    if not created.ok:
        return Say(f"Nothing is written down yet. {line(created.detail)}")
    return Say(f'Done: "{line(created.result.get("title"))}" is in your tasks{_due(created.result.get("due"))}.')


def _listed(intent: ReadTasks, found: Outcome) -> Say:
    if not found.ok:
        return Say(failed(found.detail))
    tasks = rows(found.result, "tasks")
    until = f" due by {spoken(date.fromisoformat(intent.due_by))}" if intent.due_by else ""
    which = "done" if intent.is_over else "open"
    if not tasks:
        return Say(f"You have no {which} tasks{until}.")
    listed = [f"- {line(task.get('title'))}{_due(task.get('due'))}" for task in tasks]
    more = ["There are more."] if found.result.get("more") else []
    return Say("\n".join([f"Your {which} tasks{until}:", *listed, *more]))


def _complete(what: str, outcomes: tuple[Outcome, ...]) -> Call | Say:
    """Look for it, and mark it when it is clear which one is meant."""
    if not outcomes:
        return Call("tasks_list", {"status": "open", "limit": 200})
    found, *after = outcomes
    if not found.ok:
        return Say(failed(found.detail))
    tasks = rows(found.result, "tasks")
    wanted = set(telling(what)) or set(what.lower().split())
    meant = [task for task in tasks if wanted <= set(telling(str(task.get("title", ""))))]
    meant = [task for task in meant if telling(str(task.get("title", ""))) == telling(what)] or meant
    if len(meant) != 1:
        listed = [f"- {line(task.get('title'))}" for task in (meant or tasks)]
        asked = "Which of these do you mean?" if meant else f'There is no open task "{line(what)}".'
        these = ["Your open tasks:"] if listed and not meant else []
        return Say("\n".join([asked, *these, *listed]))
    if not after:
        return Call("tasks_complete", {"task_id": str(meant[0].get("task_id", ""))})
    if not after[0].ok:
        return Say(f"Nothing is marked yet. {line(after[0].detail)}")
    return Say(f'Done: "{line(meant[0].get("title"))}" is marked as done.')


def _due(due: object) -> str:
    at = moment_of(due)
    if at is None:
        return ""
    return f", due {spoken(at.date())}" + ("" if len(str(due)) == len("2026-11-24") else f" at {at:%H:%M}")
