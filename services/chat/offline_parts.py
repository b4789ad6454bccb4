"""Several things in one message: each is understood for itself, and what is not understood is named.

A part begins where a verb asks for something of its own; all else belongs to what stands before it ("with Sarah and
Tom"). As long as one part is unclear nothing is changed, because it may say more about the others; what only looks
something up is done all the same.
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import islice

from services.chat.offline_intents import (
    AddTask,
    CompleteTask,
    Forget,
    Help,
    Intent,
    Remember,
    Schedule,
    Unclear,
)
from services.chat.offline_plan import next_step
from services.chat.offline_steps import Call, Outcome, Say
from services.chat.offline_understanding import MAX_CHARACTERS, understand

CHANGING = (Schedule, AddTask, CompleteTask, Remember, Forget)
_QUOTED = re.compile(r'"[^"]*"|“[^”]*”|«[^»]*»')
_BETWEEN = re.compile(
    r" ?(?:\n|; ?|,? ?\b(?:and then|and also|after that|afterwards|and|then)\b|,|[.?!](?=[ \n])) ?,? ?", re.IGNORECASE
)
# In lower case: "with Sarah and Mark" names a person.
_ASKS = re.compile(
    r"(?:please\s+)?(?:find|show|block|reserve|remind\s+me|send|cancel|reply|forward|book|schedule|delete|move|mark\s+the"
    r"|tell\s+me|what(?:'?s|\s+is|\s+do|\s+are)|am\s+i|forget\s+that|write\s+to)\b"
)
_MAY_ASK = re.compile(
    r"(?:please\s+)?(?:add|create|make|put|arrange|organi[sz]e|plan|set\s?up|list|look|search|check|read|any|did|do\s+i"
    r"|remember|complete|finish|tick|note|write\s+down)\b"
)
_SURELY_ASKS = re.compile(r"(?:please\s+)?(?:(?:remind|show|tell)\s+me|what(?:'?s|\s+is|\s+are)|am\s+i)\b")
_ENDS = re.compile(r"[.?!;\n]|\bthen\b", re.IGNORECASE)
_MAY_OPEN = re.compile(f"{_ASKS.pattern}|{_MAY_ASK.pattern}", re.IGNORECASE)
MOST_OPENINGS = 12
Plan = Callable[[tuple[Outcome, ...]], Call | Say]


def plan(text: str, now: datetime) -> Plan:
    """What follows from what has been done, for everything that the message asks for."""
    said = parts(spaced(text[:MAX_CHARACTERS]), now)
    intents = [(part, understand(part, now)) for part in said]
    if len(intents) == 1:
        return lambda outcomes: next_step(intents[0][1], outcomes)
    wanted = [(part, intent) for part, intent in intents if not isinstance(intent, Help)]
    return lambda outcomes: _one_after_the_other(wanted, outcomes)


def spaced(text: str) -> str:
    """Line by line, with single spaces: what follows looks for no more than one."""
    return "\n".join(" ".join(each.split()) for each in text.splitlines() if each.strip())


def parts(text: str, now: datetime) -> list[str]:
    """The message in parts that each ask for something; a single one where that cannot be told apart."""
    masked = _QUOTED.sub(lambda quoted: "\ue000" * len(quoted[0]), text)
    found: list[str] = []
    begin = 0
    for between in _openings(masked):
        before = understand(text[begin : between.start()], now)
        if begin == 0 and _is_foreign(before):
            continue
        if _asks(between, text, masked, before, now):
            found.append(text[begin : between.start()].strip())
            begin = between.end()
    return [*found, text[begin:].strip()]


def _openings(masked: str) -> list[re.Match[str]]:
    """Where a request may begin; no more of them than anybody needs, since each is understood to be sure."""
    found = (each for each in _BETWEEN.finditer(masked) if _MAY_OPEN.match(masked, each.end()))
    return list(islice(found, MOST_OPENINGS))


def _asks(between: re.Match[str], text: str, masked: str, before: Intent, now: datetime) -> bool:
    """Whether a request of its own begins after this."""
    rest, masked_rest = text[between.end() :], masked[between.end() :]
    is_sentence = _ENDS.search(between[0]) is not None
    if is_sentence:
        masked_rest = masked_rest[:1].lower() + masked_rest[1:]
    if isinstance(before, AddTask | Remember) and not is_sentence:
        return _SURELY_ASKS.match(masked_rest) is not None  # "remind me to call Tom and book a table" is one task
    if _ASKS.match(masked_rest):
        return True
    return bool(_MAY_ASK.match(masked_rest)) and not isinstance(
        understand(_first(rest, masked_rest), now), Unclear | Help
    )


def _first(rest: str, masked: str) -> str:
    """Up to where another request begins."""
    for found in _BETWEEN.finditer(masked):
        if _ASKS.match(masked[found.end() :]):
            return rest[: found.start()]
    return rest


def _is_foreign(intent: Intent) -> bool:
    """Words before the first request, such as "If Sarah has written, show me her mail"."""
    return isinstance(intent, Unclear) and intent.question.startswith("I did not understand that.")


def _one_after_the_other(wanted: Sequence[tuple[str, Intent]], outcomes: tuple[Outcome, ...]) -> Call | Say:
    unclear = any(isinstance(intent, Unclear) for _, intent in wanted)
    answers: list[str] = []
    for part, intent in wanted:
        if isinstance(intent, Unclear):
            answers.append(f'About "{part}": {intent.question}')
        elif unclear and isinstance(intent, CHANGING):
            answers.append(f'Not done yet: "{part}". Please say it again by itself.')
        else:
            following, outcomes = _as_far_as(intent, outcomes)
            if isinstance(following, Call):
                return following
            answers.append(following.text)
    return Say("\n\n".join(answers))


def _as_far_as(intent: Intent, outcomes: tuple[Outcome, ...]) -> tuple[Call | Say, tuple[Outcome, ...]]:
    """The next call of this part, or its answer and the outcomes that are left for the others."""
    for used in range(len(outcomes) + 1):
        following = next_step(intent, outcomes[:used])
        if isinstance(following, Say):
            return following, outcomes[used:]
    return following, ()
