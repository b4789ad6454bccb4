"""When and by whom an owner lets themselves be booked through one link: values and their rules, no I/O."""

from dataclasses import dataclass, field
from typing import Final

MINUTES_A_DAY: Final = 24 * 60
LONGEST_MINUTES: Final = 8 * 60
LONGEST_BUFFER_MINUTES: Final = 4 * 60
MOST_DAYS_AHEAD: Final = 365
MOST_GUESTS: Final = 100


@dataclass(frozen=True, slots=True, order=True)
class Opening:
    """Open from minute `start` to minute `end` of a weekday (0 is Monday), on the owner's clock; `end` may be 1440."""

    weekday: int
    start: int
    end: int


OFFICE_HOURS: Final = tuple(Opening(weekday, 9 * 60, 17 * 60) for weekday in range(5))


@dataclass(frozen=True, slots=True)
class Constraints:
    """The rules of one link. Raises ValueError, in words for the owner, when they make no sense."""

    openings: tuple[Opening, ...] = OFFICE_HOURS
    durations: tuple[int, ...] = (30,)
    """Lengths on offer, in minutes."""
    step_minutes: int = 30
    """Slots begin this often, counted from the beginning of an opening on the owner's clock."""
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    """Kept free around a slot; those of two neighbouring bookings add up."""
    notice_minutes: int = 60
    days_ahead: int = 60
    """The furthest day, counted on the owner's calendar from today."""
    max_per_day: int | None = None
    """Bookings through this link on one of the owner's days."""
    allowed_guests: tuple[str, ...] = field(default=(), repr=False)
    """Addresses, or domains written as example.com; empty: anyone."""

    def __post_init__(self) -> None:
        _check_openings(self.openings)
        _require(self.durations, "durations: offer at least one")
        for minutes in self.durations:
            _within("durations", minutes, 5, LONGEST_MINUTES)
        _within("step_minutes", self.step_minutes, 5, MINUTES_A_DAY)
        _within("buffer_before_minutes", self.buffer_before_minutes, 0, LONGEST_BUFFER_MINUTES)
        _within("buffer_after_minutes", self.buffer_after_minutes, 0, LONGEST_BUFFER_MINUTES)
        _within("notice_minutes", self.notice_minutes, 0, 60 * MINUTES_A_DAY)
        _within("days_ahead", self.days_ahead, 0, MOST_DAYS_AHEAD)
        if self.max_per_day is not None:
            _within("max_per_day", self.max_per_day, 1, 100)
        _require(len(self.allowed_guests) <= MOST_GUESTS, f"allowed_guests: at most {MOST_GUESTS}")

    def admits(self, address: str) -> bool:
        """Whether somebody with this address may book. Domains match whole: example.com is not notexample.com."""
        address = address.casefold()
        domain = address.rpartition("@")[2]
        allowed = {entry.casefold().removeprefix("@") for entry in self.allowed_guests}
        return not allowed or address in allowed or domain in allowed


def _check_openings(openings: tuple[Opening, ...]) -> None:
    _require(openings, "hours: name at least one")
    before: Opening | None = None
    for opening in sorted(openings):
        _within("weekday", opening.weekday, 0, 6)
        _require(0 <= opening.start < opening.end <= MINUTES_A_DAY, "hours: from must be before to, within a day")
        overlaps = before is not None and before.weekday == opening.weekday and opening.start < before.end
        _require(not overlaps, "hours: two of one weekday overlap")
        before = opening


def _within(name: str, value: int, least: int, most: int) -> None:
    _require(least <= value <= most, f"{name}: must be from {least} to {most}")


def _require(holds: object, complaint: str) -> None:
    if not holds:
        raise ValueError(complaint)
