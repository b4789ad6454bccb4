"""From what people write to moments: RFC 3339, local ISO times, words. Decisions without I/O.

Words are split first: the time of day is read here, only the day is left to dateparser. Given the whole
phrase it guesses in silence: "tuesday at 10" became a 10 October, "tomorrow 2-3pm" this very time tomorrow.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.tool.errors import TimeNotUnderstood

LANGUAGES = ["en", "de", "fr", "es"]
"""Bounded: trying all of dateparser's locales on a text that is no date takes seconds."""
MAX_CHARACTERS = 80
EARLIEST_YEAR, LATEST_YEAR = 1971, 2199
"""Beyond them zones have no rules and arithmetic overflows."""

_CLOCK = re.compile(
    r"""(?:\b(?:at|um|à|a\ las)\s+|@\s*)?              # a word that introduces it
    (?<![\d./-])
    (?P<hour>[01]?\d|2[0-3])
    (?:[:.h](?P<minute>[0-5]\d)(?::[0-5]\d)?)?
    \s*(?P<half>am|pm|a\.m\.|p\.m\.)?
    (?P<mark>\s*(?:uhr|h|o'?clock))?
    (?![\d/:-]|\w)""",
    re.IGNORECASE | re.VERBOSE,
)
_INTRODUCED = re.compile(r"^(?:at|um|à|a las|@)", re.IGNORECASE)
_NAMED_CLOCK = re.compile(r"\b(?:at\s+)?(noon|midday|midnight|mittags?|mitternacht|midi|minuit)\b", re.IGNORECASE)
_NOON = frozenset({"noon", "midday", "mittag", "mittags", "midi"})
_SPAN_AHEAD = re.compile(r"^in\s+(\d{1,4})\s+(minute|hour|minuten?|stunden?)s?$", re.IGNORECASE)
_FILLER = re.compile(r"\b(?:on|am|le|el|the)\s+|[,;]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Moment:
    """An aware moment in the user's zone. `note` says in a sentence what had to be decided to get there."""

    at: datetime
    note: str | None = None


def load_words() -> None:
    """Load what reads words: 0.4 s of work, best done in a thread before the first user needs it."""
    _day_in_words("friday", ZoneInfo("UTC"), datetime(2026, 1, 1, tzinfo=UTC))


def zone(name: str) -> ZoneInfo:
    """The IANA zone of this name. Raises TimeNotUnderstood."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise TimeNotUnderstood("The timezone is not one of the IANA names such as Europe/Berlin.") from error


def moment(text: str, tz: ZoneInfo, now: datetime, *, what: str = "start") -> Moment:
    """The moment that `text` means to a person in `tz` at `now`. Raises TimeNotUnderstood, naming `what`."""
    text = text.strip()
    if not text or len(text) > MAX_CHARACTERS:
        raise _not_understood(what)
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        return _from_words(text, tz, now, what)
    if len(text) <= 10:
        raise TimeNotUnderstood(f"{what} has a day but no time of day; write for example {text}T14:00.")
    if not EARLIEST_YEAR <= given.year <= LATEST_YEAR:
        raise _not_understood(what)
    if given.tzinfo is not None:
        return Moment(given.astimezone(tz))
    return local(given, tz)


def local(wall_clock: datetime, tz: ZoneInfo) -> Moment:
    """A wall-clock time in a zone, also when the clock skips it (moved on) or shows it twice (the first counts)."""
    first = wall_clock.replace(tzinfo=tz, fold=0)
    second = wall_clock.replace(tzinfo=tz, fold=1)
    if first.utcoffset() == second.utcoffset():
        return Moment(first)
    there_and_back = first.astimezone(UTC).astimezone(tz)
    if there_and_back.replace(tzinfo=None) != wall_clock:
        note = f"The clocks skip {wall_clock:%H:%M} that day; taken as {there_and_back:%H:%M}."
        return Moment(there_and_back, note)
    return Moment(first, f"The clocks show {wall_clock:%H:%M} twice that day; taken as the first, before the change.")


def day(text: str, tz: ZoneInfo, now: datetime, *, what: str = "day") -> date:
    """The date that `text` names: today, yesterday, tomorrow, an ISO date, a weekday. Raises TimeNotUnderstood."""
    text = text.strip().lower()
    today = now.astimezone(tz).date()
    if text in (known := {"today": today, "yesterday": today - _DAY, "tomorrow": today + _DAY}):
        return known[text]
    try:
        return date.fromisoformat(text)
    except ValueError:
        found = _day_in_words(text, tz, now)
    if found is None or len(text) > MAX_CHARACTERS:
        raise TimeNotUnderstood(f"{what} is not a day; give today, yesterday, tomorrow or a date like 2026-11-24.")
    return found


def day_bounds(on: date, tz: ZoneInfo) -> tuple[datetime, datetime]:
    """From the first moment of a local day to the first of the next: 23 or 25 hours when the clocks change."""
    return _midnight(on, tz), _midnight(on + _DAY, tz)


_DAY = timedelta(days=1)


def _midnight(on: date, tz: ZoneInfo) -> datetime:
    # Some zones change their clocks at midnight: then the day begins at one o'clock.
    return local(datetime.combine(on, time()), tz).at


def _from_words(text: str, tz: ZoneInfo, now: datetime, what: str) -> Moment:
    ahead = _SPAN_AHEAD.match(text)
    if ahead:
        minutes = int(ahead[1]) * (60 if ahead[2].lower().startswith(("hour", "stunde")) else 1)
        at = (now + timedelta(minutes=minutes)).astimezone(tz)
        return Moment(at.replace(second=0, microsecond=0))
    clock, rest, note = _clock(text, what)
    here = now.astimezone(tz)
    if not rest:
        on = here.date() if local(datetime.combine(here.date(), clock), tz).at > now else here.date() + _DAY
    else:
        named = {"today": here.date(), "tomorrow": here.date() + _DAY}.get(rest.lower())
        on = named or _day_in_words(rest, tz, now) or _refuse(what)
    found = local(datetime.combine(on, clock), tz)
    return Moment(found.at, " ".join(filter(None, (note, found.note))) or None)


def _clock(text: str, what: str) -> tuple[time, str, str | None]:
    """The time of day, the rest of the text, and a note when the hour had to be interpreted."""
    named = _NAMED_CLOCK.search(text)
    if named:
        return time(12 if named[1].lower() in _NOON else 0), _rest(text, named), None
    found = [m for m in _CLOCK.finditer(text) if m["minute"] or m["half"] or m["mark"] or _INTRODUCED.match(m[0])]
    if len(found) != 1:
        raise _not_understood(what)
    match = found[0]
    hour, minute, half = int(match["hour"]), int(match["minute"] or 0), (match["half"] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            raise _not_understood(what)
        hour = hour % 12 + (12 if half.startswith("p") else 0)
        return time(hour, minute), _rest(text, match), None
    if 1 <= hour <= 6 and not match["mark"] and len(match["hour"]) == 1:
        said = f"{hour}:{minute:02}"
        return (
            time(hour + 12, minute),
            _rest(text, match),
            f"{said} without am or pm is taken as {hour + 12}:{minute:02}.",
        )
    return time(hour, minute), _rest(text, match), None


def _rest(text: str, match: re.Match[str]) -> str:
    return _FILLER.sub(" ", f"{text[: match.start()]} {text[match.end() :]} ").strip()


def _day_in_words(text: str, tz: ZoneInfo, now: datetime) -> date | None:
    import dateparser  # 0.3 s, see load_words

    here = now.astimezone(tz).replace(tzinfo=None)
    found = dateparser.parse(
        text,
        languages=LANGUAGES,
        settings={
            "RELATIVE_BASE": here,
            "PREFER_DATES_FROM": "future",
            "RETURN_AS_TIMEZONE_AWARE": False,
            "PARSERS": ["relative-time", "absolute-time"],
        },
    )
    return found.date() if found and EARLIEST_YEAR <= found.year <= LATEST_YEAR else None


def _not_understood(what: str) -> TimeNotUnderstood:
    return TimeNotUnderstood(
        f"{what} is not a time I understand; give one like 2026-11-24T14:00:00+01:00, 2026-11-24T14:00 "
        "in the user's timezone, or words with a day and a time of day such as 'tomorrow at 2pm'."
    )


def _refuse(what: str) -> date:
    raise _not_understood(what)
