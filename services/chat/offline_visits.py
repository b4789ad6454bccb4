"""What an outsider at a booking link is told without a language model: the free times of the day they ask about. Pure.

Nothing is booked here: a sentence that is understood in part would book the wrong time, and the page beside this
conversation books with two clicks.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from services.chat.offline_days import NotClear, spoken, take_day
from services.chat.offline_intents import AskFree, Schedule, Unclear
from services.chat.offline_steps import Call, Outcome, Say
from services.chat.offline_understanding import MAX_CHARACTERS, understand

MOST = 12
ELSEWHERE = 5
BOOK = "To book one of them, choose it on this page."
CANNOT_CHANGE = "A booking is moved and cancelled on the page where it was made; I cannot do that in this conversation."
_CHANGES = re.compile(r"\b(?:cancel|move|reschedule|postpone|absagen|stornier\w*|verschieb\w*)\b", re.IGNORECASE)
FAILED = "I cannot look up free times at the moment. Please try again in a few minutes."


def asked_of(text: str, now: datetime) -> AskFree | Unclear:
    """Which stretch of which day is asked about, today when none is named. `now` is in the visitor's zone."""
    found = understand(text, now)
    if isinstance(found, AskFree):
        return found
    if _CHANGES.search(text[:MAX_CHARACTERS]):
        return Unclear(CANNOT_CHANGE)
    try:
        on = found.start.date() if isinstance(found, Schedule) else take_day(text[:MAX_CHARACTERS], now.date())[0]
    except NotClear as unclear:
        return Unclear(unclear.question)
    start = datetime.combine(on or now.date(), datetime.min.time(), now.tzinfo or UTC)
    return AskFree(start, start + timedelta(days=1))


def next_step(asked: AskFree | Unclear, outcomes: tuple[Outcome, ...]) -> Call | Say:
    """Look, then tell."""
    if isinstance(asked, Unclear):
        return Say(asked.question)
    if not outcomes:
        return Call("delegation_check_availability", {"day": asked.start.date().isoformat()})
    if not outcomes[0].ok:
        return Say(FAILED)
    return Say(_told(asked, outcomes[0].result))


def _told(asked: AskFree, result: dict[str, Any]) -> str:
    free = _moments(result.get("free"))
    on = asked.start.date()
    meant = [slot for slot in free if asked.start <= slot < asked.end]
    same_day = [slot for slot in free if slot.date() == on]
    zone = str(result.get("timezone") or "UTC")
    if meant or same_day:
        shown = meant or same_day
        intro = "Free" if meant else "That time is not free; these are"
        more = ", and more" if len(shown) > MOST else ""
        return f"{intro} on {spoken(on)} ({zone}): {_clocks(shown[:MOST])}{more}. {BOOK}"
    if free:
        listed = ", ".join(f"{spoken(slot.date())} at {slot:%H:%M}" for slot in free[:ELSEWHERE])
        return f"Nothing is free on {spoken(on)}. The next free times ({zone}): {listed}. {BOOK}"
    return f"Nothing is free on {spoken(on)} or in the week after. Please ask for a later day."


def _clocks(slots: Sequence[datetime]) -> str:
    return ", ".join(f"{slot:%H:%M}" for slot in slots)


def _moments(listed: object) -> list[datetime]:
    return [datetime.fromisoformat(str(each)) for each in listed] if isinstance(listed, list) else []
