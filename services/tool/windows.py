"""Windows and lengths of time out of what people write, and moments as results show them. Decisions without I/O."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from services.tool import times
from services.tool.errors import InvalidArguments, TimeNotUnderstood

LONGEST_WINDOW = timedelta(days=62)
LONGEST_EVENT = timedelta(days=14)


def window(start: str, end: str, tz: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
    """From the beginning of the one to the end of the other; both are moments or days. Raises InvalidArguments."""
    first, last = _edge(start, tz, now, "start")[0], _edge(end, tz, now, "end")[1]
    if not timedelta() < last - first <= LONGEST_WINDOW:
        raise InvalidArguments(f"end must be after start, and at most {LONGEST_WINDOW.days} days later.")
    return first, last


def day_or_window(
    tool: str, day: str | None, start: str | None, end: str | None, tz: ZoneInfo, now: datetime
) -> tuple[datetime, datetime]:
    """A day (today when nothing is given), or from `start` to `end`. Raises InvalidArguments."""
    if start is None and end is None:
        return times.day_bounds(times.day(day or "today", tz, now), tz)
    if day is None and start and end:
        return window(start, end, tz, now)
    raise InvalidArguments(f"{tool}: give either day, or both start and end.")


def span(
    start: str, end: str | None, lasting: timedelta, tz: ZoneInfo, now: datetime
) -> tuple[datetime, datetime, list[str]]:
    """When an event begins and ends, and notes on what had to be decided. Without an end it lasts so long.

    An end in words is relative to the start. Raises InvalidArguments.
    """
    begins = times.moment(start, tz, now)
    if end is not None:
        ends = times.moment(end, tz, begins.at, what="end")
    else:
        # Added as real time: an event of 30 minutes lasts 30 minutes, also when the clocks change in it.
        ends = times.Moment((begins.at.astimezone(UTC) + lasting).astimezone(tz))
    if not timedelta() < ends.at.astimezone(UTC) - begins.at.astimezone(UTC) <= LONGEST_EVENT:
        raise InvalidArguments(f"end must be after start, and at most {LONGEST_EVENT.days} days later.")
    return begins.at, ends.at, [note for note in (begins.note, ends.note) if note]


def rfc3339(at: datetime | date, tz: ZoneInfo) -> str:
    """A moment in the user's zone, or a day."""
    return at.astimezone(tz).isoformat(timespec="seconds") if isinstance(at, datetime) else at.isoformat()


def in_words(at: datetime | date, tz: ZoneInfo) -> str:
    """`Monday, 03 March 2031, 14:00` in the user's zone, or a day."""
    return f"{at.astimezone(tz):%A, %d %B %Y, %H:%M}" if isinstance(at, datetime) else f"{at:%A, %d %B %Y}"


def _edge(text: str, tz: ZoneInfo, now: datetime, what: str) -> tuple[datetime, datetime]:
    """A moment, twice; or the first and last moment of a day."""
    try:
        at = times.moment(text, tz, now, what=what).at
    except TimeNotUnderstood as not_a_moment:
        try:
            return times.day_bounds(times.day(text, tz, now), tz)
        except TimeNotUnderstood:
            raise not_a_moment from None
    return at, at
