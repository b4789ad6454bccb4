"""When an appointment may begin: open hours, minus what is taken, on the owner's clock. A function of values.

Moments are whole seconds since 1970 inside: 10,000 stretches are sorted and joined in milliseconds. The owner's clock
is a list of periods with one offset each, so that a local time which the clock skips has no moment and one which it
shows twice has two.
"""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.tool.delegation.constraints import Constraints

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY = date(1970, 1, 1)
_MINUTE, _DAY = 60, 86_400
_LOOK_EVERY = _DAY // 4
"""No zone changes its clock twice within six hours."""


class Span(NamedTuple):
    """A stretch of time between two aware moments; the end is no part of it."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """What stands in the way: `busy` times, held and booked ones with their buffers among them, and the beginnings of
    the bookings that count for the most a day."""

    busy: Sequence[Span] = ()
    booked: Sequence[datetime] = ()


def free_starts(
    taken: Taken, constraints: Constraints, zone: ZoneInfo, window: Span, minutes: int, now: datetime
) -> list[datetime]:
    """Every moment of the window (UTC, in order) at which an appointment of `minutes` may begin.

    `taken.busy` must reach from the window's start less the buffer before to its end plus `minutes` and the buffer
    after. `minutes` need not be on offer.
    """
    length = minutes * _MINUTE
    first = max(_ceiling(window.start), _ceiling(now) + constraints.notice_minutes * _MINUTE)
    furthest = _number(now.astimezone(zone).date()) + constraints.days_ahead
    last = min(_ceiling(window.end), (furthest + 3) * _DAY)  # no clock is further from UTC than a day
    if first >= last:
        return []
    clock = _Clock(zone, first - _DAY, last + length + _DAY)
    openings = _Openings(constraints, clock, first, last + length)
    free = _without(openings.joined(), _widened(taken.busy, constraints, first, last + length))
    full = _full_days(taken.booked, constraints.max_per_day, clock)

    def may_be_booked(day: int) -> bool:
        return day <= furthest and day not in full

    return [
        _moment(start)
        for start in openings.starts(first, last)
        if _fits(free, start, start + length) and may_be_booked(clock.day(start))
    ]


def slot_range(start: datetime, minutes: int, constraints: Constraints) -> Span:
    """What an appointment takes, buffers included."""
    before = timedelta(minutes=constraints.buffer_before_minutes)
    after = timedelta(minutes=minutes + constraints.buffer_after_minutes)
    return Span(start - before, start + after)


def local_day(moment: datetime, zone: ZoneInfo) -> Span:
    """The owner's day in which the moment lies, as moments."""
    on = moment.astimezone(zone).date()
    clock = _Clock(zone, _ceiling(moment) - 3 * _DAY, _ceiling(moment) + 3 * _DAY)
    stretches = list(clock.moments(_number(on) * _DAY, (_number(on) + 1) * _DAY))
    return Span(_moment(stretches[0][0]), _moment(stretches[-1][1]))


class _Clock:
    """The owner's clock between two moments, as periods (from, to, offset)."""

    def __init__(self, zone: ZoneInfo, start: int, end: int) -> None:
        self._periods: list[tuple[int, int, int]] = []
        offset, began, at = _offset(zone, start), start, start
        while at < end:
            following = min(at + _LOOK_EVERY, end)
            if (changed := _offset(zone, following)) != offset:
                turn = _turn(zone, at, following, offset)
                self._periods.append((began, turn, offset))
                offset, began = changed, turn
            at = following
        self._periods.append((began, end, offset))
        self._starts = [period[0] for period in self._periods]

    def moments(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The stretches of time during which the clock shows a time from `start` up to `end`; in order."""
        for began, ended, offset in self._periods:
            first, last = max(start - offset, began), min(end - offset, ended)
            if first < last:
                yield first, last

    def shown(self, moment: int) -> int:
        """What the clock shows at a moment, in seconds of a clock that never changes."""
        return moment + self._periods[max(bisect_right(self._starts, moment) - 1, 0)][2]

    def day(self, moment: int) -> int:
        """The number of the day that the clock shows."""
        return self.shown(moment) // _DAY


class _Openings:
    """The open stretches from one moment to another, each with the time on the clock at which its opening began."""

    def __init__(self, constraints: Constraints, clock: _Clock, first: int, last: int) -> None:
        self._clock, self._step = clock, constraints.step_minutes * _MINUTE
        self._found: list[tuple[int, int, int]] = []
        by_weekday: dict[int, list[tuple[int, int]]] = {}
        for opening in sorted(constraints.openings):
            by_weekday.setdefault(opening.weekday, []).append((opening.start * _MINUTE, opening.end * _MINUTE))
        for day in range(clock.day(first) - 1, clock.day(last) + 2):
            for start, end in by_weekday.get((day + _FIRST_DAY.weekday()) % 7, ()):
                shown = day * _DAY + start
                for stretch in clock.moments(shown, day * _DAY + end):
                    self._found.append((*stretch, shown))
        self._found.sort()

    def joined(self) -> list[tuple[int, int]]:
        """What is open without a gap, also over midnight."""
        return _joined((start, end) for start, end, _ in self._found)

    def starts(self, first: int, last: int) -> Iterator[int]:
        """The moments on the grid, in order."""
        for start, end, opened in self._found:
            begin, until = max(start, first), min(end, last)
            if begin < until:
                # Within a stretch the clock runs evenly, so the grid does too.
                late = (self._clock.shown(begin) - opened) % self._step
                yield from range(begin + (self._step - late if late else 0), until, self._step)


def _widened(busy: Iterable[Span], constraints: Constraints, first: int, last: int) -> list[tuple[int, int]]:
    """Busy times that matter, with the buffers that a new slot needs on the side of each: then slots are compared
    without them."""
    before = constraints.buffer_after_minutes * _MINUTE
    after = constraints.buffer_before_minutes * _MINUTE
    from_, until = _moment(first - after), _moment(last + before)
    return _joined(
        (_floor(start) - before, _ceiling(end) + after)
        for start, end in busy
        if start < until and end > from_ and start < end
    )


def _joined(stretches: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """In order, without overlaps, touching ones as one."""
    joined: list[tuple[int, int]] = []
    begin = until = None
    for start, end in sorted(stretches):
        if until is None or begin is None:
            begin, until = start, end
        elif start <= until:
            until = max(until, end)
        else:
            joined.append((begin, until))
            begin, until = start, end
    if begin is not None and until is not None:
        joined.append((begin, until))
    return joined


def _without(free: list[tuple[int, int]], taken: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What is left of `free`; both in order and without overlaps."""
    left, at = [], 0
    for start, end in free:
        while at < len(taken) and taken[at][1] <= start:
            at += 1
        following = at
        while following < len(taken) and taken[following][0] < end:
            if start < taken[following][0]:
                left.append((start, taken[following][0]))
            start = taken[following][1]
            following += 1
        if start < end:
            left.append((start, end))
    return left


def _fits(free: list[tuple[int, int]], start: int, end: int) -> bool:
    at = bisect_right(free, (start, 1 << 62)) - 1
    return at >= 0 and end <= free[at][1]


def _full_days(booked: Iterable[datetime], most: int | None, clock: _Clock) -> set[int]:
    if most is None:
        return set()
    counts = Counter(clock.day(_floor(start)) for start in booked)
    return {day for day, count in counts.items() if count >= most}


def _number(day: date) -> int:
    """Days since 1970."""
    return (day - _FIRST_DAY).days


def _turn(zone: ZoneInfo, start: int, end: int, offset: int) -> int:
    """The moment in between at which the clock leaves `offset`."""
    while end - start > 1:
        middle = (start + end) // 2
        start, end = (middle, end) if _offset(zone, middle) == offset else (start, middle)
    return end


def _offset(zone: ZoneInfo, moment: int) -> int:
    offset = datetime.fromtimestamp(moment, zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def _moment(seconds: int) -> datetime:
    return _EPOCH + timedelta(seconds=seconds)


def _floor(moment: datetime) -> int:
    return math.floor(moment.timestamp())


def _ceiling(moment: datetime) -> int:
    return math.ceil(moment.timestamp())
