"""When one of the two lets themselves be met: their hours, buffers and notice, on their own clock. No I/O."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from contracts.network import Rules
from services.tool import times
from services.tool.delegation.availability import Span, Taken, free_starts, slot_range
from services.tool.delegation.constraints import MINUTES_A_DAY, MOST_DAYS_AHEAD, Constraints, Opening
from services.tool.errors import TimeNotUnderstood
from services.tool.network.errors import ProposalRefused

ALWAYS: Final = tuple(Opening(weekday, 0, MINUTES_A_DAY) for weekday in range(7))
LONGEST_WINDOW: Final = timedelta(days=62)
_CHOSEN_EVERY, _GRID = 30, 5
"""Minutes between the times that are chosen, and between those that may be named."""
_INSTANT = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Hours:
    """One side's rules for a meeting of `minutes`. Made by `hours_of`."""

    constraints: Constraints
    timezone: str

    @property
    def zone(self) -> ZoneInfo:
        """The clock that the hours are read on."""
        return ZoneInfo(self.timezone)

    @property
    def minutes(self) -> int:
        """How long the meeting lasts."""
        return self.constraints.durations[0]

    def taken(self, start: datetime) -> Span:
        """What the meeting takes of this side's time, buffers included."""
        return slot_range(start, self.minutes, self.constraints)

    def starts(self, busy: Iterable[Span], window: Span, now: datetime) -> list[datetime]:
        """When it may begin within the window; in order. `busy` reaches as far around it as the buffers do."""
        return free_starts(Taken(tuple(busy)), self.constraints, self.zone, window, self.minutes, now)


def hours_of(rules: Rules, minutes: int, *, named: bool = False) -> Hours:
    """`named`: for times that somebody named, on a finer grid. Raises ProposalRefused in words for who made them."""
    try:
        times.zone(rules.timezone)
        given = Constraints(
            openings=tuple(Opening(each.weekday, each.start, each.end) for each in rules.hours) or ALWAYS,
            durations=(minutes,),
            step_minutes=_GRID if named else _CHOSEN_EVERY,
            buffer_before_minutes=rules.buffer_before_minutes,
            buffer_after_minutes=rules.buffer_after_minutes,
            notice_minutes=rules.notice_minutes,
            days_ahead=MOST_DAYS_AHEAD,
        )
    except TimeNotUnderstood as error:
        raise ProposalRefused(error.detail) from error
    except ValueError as error:
        raise ProposalRefused(f"{error}.") from error
    return Hours(given, rules.timezone)


def allows(rules: Rules, minutes: int, start: datetime, now: datetime, busy: Iterable[Span] = ()) -> bool:
    """Whether the meeting may begin just then."""
    found = hours_of(rules, minutes, named=True).starts(busy, Span(start, start + _INSTANT), now)
    return found == [start]


def spread(starts: list[datetime], most: int) -> tuple[datetime, ...]:
    """Some of the moments, evenly over all of them."""
    if len(starts) <= most:
        return tuple(starts)
    return tuple(starts[number * len(starts) // most] for number in range(most))


def require_window(window: Span, now: datetime) -> None:
    """Raises ProposalRefused."""
    if not timedelta() < window.end - window.start <= LONGEST_WINDOW:
        raise ProposalRefused(f"The window must be longer than nothing and at most {LONGEST_WINDOW.days} days.")
    if window.end <= now or window.start > now + timedelta(days=MOST_DAYS_AHEAD):
        raise ProposalRefused(f"The window must lie within the next {MOST_DAYS_AHEAD} days.")
