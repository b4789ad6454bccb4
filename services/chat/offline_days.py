"""The offline engine's grammar of days. Small on purpose: a day it does not know is asked about, never guessed."""

import re
from datetime import date, timedelta

MASK = "|"
"""Stands where something was understood and taken out of the text, and ends a name on its left."""

EARLIEST_YEAR, LATEST_YEAR = 1971, 2199
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_NUMBER = r"(?P<number>\d{1,2})(?:st|nd|rd|th)?(?![\d:]|\s*(?:am|pm)\b)"
_YEAR = r"(?:,?\s+(?P<year>\d{4})\b(?!:))?"
# ASCII: the long s or a dotted capital I would match letters here and then be in none of the tables.
_FLAGS = re.IGNORECASE | re.ASCII
_ISO = re.compile(r"(?:\bon\s+)?(?<![\w-])(\d{4})-(\d{1,2})-(\d{1,2})(?:T(?=\d)|(?!\d|-))", _FLAGS)
_WORD = re.compile(
    r"\b(?:on\s+)?(day\s+after\s+tomorrow|day\s+before\s+yesterday|today|tonight|tomorrow|yesterday)(?:'s)?\b",
    _FLAGS,
)
_MONTH_FIRST = re.compile(rf"\b(?:on\s+)?(?:the\s+)?{_MONTH}\s+(?:the\s+)?{_NUMBER}{_YEAR}", _FLAGS)
_NUMBER_FIRST = re.compile(rf"\b(?:on\s+)?(?:the\s+)?{_NUMBER}\s+(?:of\s+)?{_MONTH}{_YEAR}", _FLAGS)
_AHEAD = re.compile(r"\bin\s+(\d{1,3}|a|one|two|three)\s+(day|week)s?\b", _FLAGS)
_WEEKDAY = re.compile(
    r"\b(?:on\s+)?(?:(this|next|last|coming)\s+)?"
    r"(mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:r(?:s(?:day)?)?)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?)"
    r"(?:'s)?\b(?!@)",
    _FLAGS,
)
_SPAN = re.compile(r"\b(?:(?:this|next|last)\s+(?:week(?:end)?|month|year)|week(?:end)?s?)\b", _FLAGS)
_STEPS = {
    "day after tomorrow": 2,
    "tomorrow": 1,
    "today": 0,
    "tonight": 0,
    "yesterday": -1,
    "day before yesterday": -2,
}
_COUNTS = {"a": 1, "one": 1, "two": 2, "three": 3}


class NotClear(Exception):
    """Something in the text cannot be decided; `question` asks the user for it."""

    def __init__(self, question: str) -> None:
        super().__init__(question)
        self.question = question


def take_day(text: str, today: date, *, past: bool = False) -> tuple[date | None, str]:
    """The day named first by the surest pattern, and the text without it. Raises NotClear.

    With `past`, days without a year or week are looked for backwards: mail has been received, meetings are ahead.
    """
    for pattern, meaning in _GRAMMAR:
        if found := pattern.search(text):
            on = meaning(found, today, past)
            if not EARLIEST_YEAR <= on.year <= LATEST_YEAR:
                raise NotClear("That day is too far away. Which day do you mean?")
            return on, f"{text[: found.start()]} {MASK} {text[found.end() :]}"
    if _SPAN.search(text):
        raise NotClear("I can look at one day at a time. Which day, for example tomorrow or 2026-12-01?")
    return None, text


def spoken(on: date) -> str:
    """As answers name a day: "Friday 20 November 2026"."""
    return f"{on:%A} {on.day} {on:%B %Y}"


def _iso(found: re.Match[str], _today: date, _past: bool) -> date:
    return _date(int(found[1]), int(found[2]), int(found[3]))


def _word(found: re.Match[str], today: date, _past: bool) -> date:
    return today + timedelta(days=_STEPS[" ".join(found[1].lower().split())])


def _in_month(found: re.Match[str], today: date, past: bool) -> date:
    month, number = 1 + _MONTHS.index(found["month"][:3].lower()), int(found["number"])
    if found["year"]:
        return _date(int(found["year"]), month, number)
    years = [today.year, today.year + (-1 if past else 1)]
    if (month, number) == (2, 29):
        years = [today.year + n * (-1 if past else 1) for n in range(9)]
    for year in years:
        try:
            on = date(year, month, number)
        except ValueError:
            continue
        if on <= today if past else on >= today:
            return on
    raise NotClear(f"There is no such day as {found[0].strip()}. Which day do you mean?")


def _ahead(found: re.Match[str], today: date, _past: bool) -> date:
    said = found[1].lower()
    count = _COUNTS.get(said) or int(said)
    return today + timedelta(days=count * (7 if found[2].lower() == "week" else 1))


def _weekday(found: re.Match[str], today: date, past: bool) -> date:
    which, wanted = (found[1] or "").lower(), _WEEKDAYS.index(found[2][:3].lower())
    if which == "next":
        # The one of the week after this, weeks beginning on Monday.
        return today + timedelta(days=7 - today.weekday() + wanted)
    if which == "last":
        return today - timedelta(days=(today.weekday() - wanted - 1) % 7 + 1)
    if past:
        return today - timedelta(days=(today.weekday() - wanted) % 7)
    return today + timedelta(days=(wanted - today.weekday()) % 7)


def _date(year: int, month: int, number: int) -> date:
    try:
        return date(year, month, number)
    except ValueError:
        raise NotClear(f"There is no such day as {year}-{month:02}-{number:02}. Which day do you mean?") from None


_GRAMMAR = (
    (_ISO, _iso),
    (_MONTH_FIRST, _in_month),
    (_NUMBER_FIRST, _in_month),
    (_WORD, _word),
    (_AHEAD, _ahead),
    (_WEEKDAY, _weekday),
)
