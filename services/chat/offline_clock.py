"""The offline engine's grammar of the clock: times of day, stretches between two of them, and durations."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from services.chat.offline_days import MASK, NotClear, spoken

DAY_MINUTES = 24 * 60
LONGEST_MINUTES, SHORTEST_MINUTES = DAY_MINUTES, 5
_FLAGS = re.IGNORECASE | re.ASCII
_ONE = (
    r"(?:noon|midday|midnight"
    r"|\d{1,2}(?:[:.]\d{2}(?::\d{2})?)?(?:\s*(?:[ap]\.m\.?|[ap]m\b))?(?:\s*o'?clock)?)"
)
_BEFORE, _AFTER = r"(?<![\w.:/+-])", r"(?![\w:/@]|\.\d)"
_RANGE = re.compile(
    rf"(?:\b(?:from|between|at)\s+|@\s*)?{_BEFORE}(?P<a>{_ONE})\s*(?:-|\bto\b|\band\b|\buntil\b|\btill\b)"
    rf"\s*(?P<b>{_ONE}){_AFTER}",
    _FLAGS,
)
_SINGLE = re.compile(
    rf"(?P<lead>\b(?:at|by|around|from|after|before|until)\s+|@\s*)?{_BEFORE}(?P<a>{_ONE}){_AFTER}", _FLAGS
)
_PARTS = re.compile(r"(\d{1,2})(?:[:.](\d{2})(?::\d{2})?)?\s*([ap])?", _FLAGS)
_TELLING = re.compile(r"[:.apck]|noon|mid", _FLAGS)
_DURATIONS = (
    (re.compile(r"\b(?:for\s+)?(?:an|one|1)\s+hour\s+and\s+a\s+half\b", _FLAGS), 90),
    (re.compile(r"\b(?:for\s+)?(?:a\s+)?half(?:[ -]an?)?[ -]hour\b", _FLAGS), 30),
    (re.compile(r"\b(?:for\s+)?(?:an|one)[ -]hour\b", _FLAGS), 60),
)
_COUNTED = re.compile(
    r"\b(?:for\s+)?(?:a\s+)?(?<![\w.:])(?:(?P<h>\d{1,2}(?:\.\d)?)[ -]?(?:hours?|hrs?|h)(?:\s*(?:and\s+)?"
    r"(?P<hm>\d{1,2})\s*(?:minutes?|mins?|m)?)?|(?P<m>\d{1,4})[ -]?(?:minutes?|mins?))(?![\w:])",
    _FLAGS,
)


@dataclass(frozen=True, slots=True)
class Clock:
    """Minutes after midnight, and how long when an end was given; `lead` is the word before ("after", "before")."""

    minute: int
    lasts: int | None = None
    lead: str = ""


@dataclass(frozen=True, slots=True)
class _Said:
    """One time as written; without `half` it may mean morning or afternoon."""

    minute: int
    half: str
    is_exact: bool


def take_clock(text: str) -> tuple[Clock | None, str]:
    """The time or stretch of time in the text, and the text without it. Raises NotClear."""
    if found := _RANGE.search(text):
        return _stretch(_said(found["a"]), _said(found["b"])), _without(text, found)
    told = [match for match in _SINGLE.finditer(text) if match["lead"] or _TELLING.search(match["a"])]
    if not told:
        return None, text
    times = {_assumed(_said(match["a"])) for match in told}
    if len(times) > 1:
        raise NotClear("I see more than one time of day. Which one do you mean?")
    lead = (told[0]["lead"] or "").strip().lower()
    return Clock(times.pop(), lead=lead), _without(text, told[0])


def take_duration(text: str) -> tuple[int | None, str]:
    """Minutes, and the text without them. Raises NotClear for what no meeting lasts."""
    for pattern, minutes in _DURATIONS:
        if found := pattern.search(text):
            return minutes, _without(text, found)
    counted = _COUNTED.search(text)
    if counted is None:
        return None, text
    hours, rest, minutes_only = counted["h"], counted["hm"], counted["m"]
    minutes = int(minutes_only) if minutes_only else int(float(hours) * 60) + int(rest or 0)
    if not SHORTEST_MINUTES <= minutes <= LONGEST_MINUTES:
        raise NotClear("A meeting can last from 5 minutes to 24 hours. How long should it be?")
    return minutes, _without(text, counted)


def moment(on: date, minute: int, zone: tzinfo) -> datetime:
    """A time of day in a zone; of two that look alike, the first. Raises NotClear when the clocks skip it."""
    days, minute = divmod(minute, DAY_MINUTES)
    wall = datetime.combine(on + timedelta(days=days), time(minute // 60, minute % 60))
    aware = wall.replace(tzinfo=zone)
    if aware.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall:
        raise NotClear(
            f"There is no {wall:%H:%M} on {spoken(wall.date())}: the clocks move on that day. Which time do you mean?"
        )
    return aware


def later(at: datetime, minutes: int) -> datetime:
    """So many real minutes later, also across a change of the clocks."""
    return (at.astimezone(UTC) + timedelta(minutes=minutes)).astimezone(at.tzinfo)


def _said(text: str) -> _Said:
    lowered = text.strip().lower()
    if not lowered[0].isdigit():
        return _Said(0 if lowered == "midnight" else 12 * 60, "", True)
    parts = _PARTS.match(lowered)
    hour, minute, half = (parts[1], parts[2] or "0", parts[3] or "") if parts else ("99", "0", "")
    if int(hour) > (12 if half else 23) or int(minute) > 59 or (half and int(hour) == 0):
        raise NotClear(f"{text.strip()} is not a time of day. Which time do you mean?")
    exact = bool(half) or int(hour) > 12 or (len(hour) == 2 and hour[0] == "0")
    return _Said(int(hour) * 60 + int(minute), half, exact)


def _in_half(said: _Said, half: str) -> int:
    return said.minute % (12 * 60) + (12 * 60 if half == "p" else 0)


def _assumed(said: _Said) -> int:
    """Without am or pm, one to six o'clock are in the afternoon: nobody meets at three in the night."""
    if said.half:
        return _in_half(said, said.half)
    return said.minute + 12 * 60 if not said.is_exact and 60 <= said.minute < 7 * 60 else said.minute


def _stretch(first: _Said, last: _Said) -> Clock:
    start, end = _assumed(first), _assumed(last)
    if last.half and not first.is_exact and first.minute < 13 * 60:
        # "2 to 4pm" is in one half of the day, "11 to 1pm" cannot be.
        same = _in_half(first, last.half)
        start = same if same < end else _in_half(first, "a")
    elif first.half and not last.is_exact and last.minute < 13 * 60:
        same = _in_half(last, first.half)
        end = same if same > start else same + 12 * 60
    elif end <= start and not last.is_exact:
        end += 12 * 60
    if end <= start:
        end += DAY_MINUTES
    return Clock(start, end - start)


def _without(text: str, found: re.Match[str]) -> str:
    return f"{text[: found.start()]} {MASK} {text[found.end() :]}"
