"""Whether a moment is the one of the user's words: the offline engine's grammar, with the words of other languages."""

import re
from datetime import date, datetime

from services.chat.offline_clock import DAY_MINUTES, Clock, take_clock, take_duration
from services.chat.offline_days import NotClear, take_day

MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)?")
_DAYS = "monday tuesday wednesday thursday friday saturday sunday"
_MONTHS = "january february march april may june july august october december"


def _pairs(others: str, english: str) -> dict[str, str]:
    return dict(zip(others.split(), english.split(), strict=True))


_ENGLISH = (
    {
        "heute": "today",
        "morgen": "tomorrow",
        "ubermorgen": "day after tomorrow",
        "um": "at",
        "uhr": "o'clock",
        "auf": "to",
    }
    | {"von": "from", "bis": "to", "mittags": "noon", "mitternacht": "midnight", "nachsten": "next", "nachste": "next"}
    | {"aujourd'hui": "today", "demain": "tomorrow", "manana": "tomorrow"}
    | _pairs("montag dienstag mittwoch donnerstag freitag samstag sonntag", _DAYS)
    | _pairs("januar februar marz april mai juni juli august oktober dezember", _MONTHS)
    | _pairs("lundi mardi mercredi jeudi vendredi samedi dimanche", _DAYS)
    | _pairs("lunes martes miercoles jueves viernes sabado domingo", _DAYS)
)
USUAL = (30, 60)
"""Minutes."""
_WORD = re.compile(r"[^\W\d_][\w']*")
_DOTTED_DAY = re.compile(r"\b(\d{1,2})\.(\d{1,2})\.(\d{4})\b")
_ORDINAL = re.compile(r"\b(\d{1,2})\.\s+(?=[^\W\d_])")
_HOUR = re.compile(r"\ba\s+(\d{1,2})\s*(?:h|heures?)(?:\s*(\d\d))?\b")


def is_said_time(value: str, words: str, asked_at: datetime, *, is_end: bool = False) -> bool:
    """Whether `value`, a day or a moment in ISO form, is the day and the clock of `words` (lower case, no accents).

    A day alone is said with the day; a moment with its clock too, or where a stretch or a duration that was said ends.
    With `is_end` and neither, where something that begins then would usually end.
    """
    try:
        said_day, rest = take_day(_in_english(words), asked_at.date())
        lasts, rest = take_duration(rest)
        clock, _ = take_clock(rest)
        at = datetime.fromisoformat(value)
    except (NotClear, ValueError):
        return False
    if len(value) == 10:
        return said_day == at.date()
    if at.tzinfo is not None:
        at = at.astimezone(asked_at.tzinfo)  # another offset is another moment, whatever its digits
    if at.date() != (said_day or asked_at.date()):
        return False
    minute = at.hour * 60 + at.minute
    return (
        said_day is not None and minute == 0
        if clock is None
        else minute in _moments(clock, lasts, USUAL if is_end else ())
    )


def said_day(words: str, asked_at: datetime) -> date | None:
    """The day of the words, if they have one that is clear."""
    try:
        return take_day(_in_english(words), asked_at.date())[0]
    except (NotClear, ValueError):
        return None


def first_clock(words: str, asked_at: datetime) -> int | None:
    """Minutes after midnight: the clock of the words, of a stretch its beginning."""
    try:
        _, rest = take_day(_in_english(words), asked_at.date())
        clock, _ = take_clock(take_duration(rest)[1])
    except (NotClear, ValueError):
        return None
    return clock.minute if clock else None


def _moments(clock: Clock, lasts: int | None, usual: tuple[int, ...]) -> set[int]:
    """The minutes of the day at which it begins and ends."""
    ends = {clock.minute + each for each in (clock.lasts, lasts) if each is not None}
    ends = ends or {clock.minute + each for each in usual}
    return {clock.minute} | {end for end in ends if end < DAY_MINUTES}


def _in_english(words: str) -> str:
    """Days and clocks of German, French and Spanish in the words of the grammar. What stays unknown is not said."""
    text = _DOTTED_DAY.sub(lambda found: f"{found[3]}-{int(found[2]):02}-{int(found[1]):02}", words)
    text = _HOUR.sub(lambda found: f"at {found[1]}:{found[2] or '00'}", _ORDINAL.sub(r"\1 ", text))
    return _WORD.sub(lambda found: _ENGLISH.get(found[0], found[0]), text)
