"""Busy times asked a moment ago: a page that lists slots week after week does not ask the provider each time.

Whole days in UTC are asked for, so that neighbouring windows share. What is booked here is never read from this: it
stands in the table, and each booking that is made, moved or cancelled, by whichever replica, makes its owner's answers
worthless. A slot that the calendar has filled meanwhile is refused when it is booked.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from contracts.ids import UserId
from services.tool.delegation.agenda import Agenda
from services.tool.delegation.availability import Span

REMEMBERED = 1_000
_DAY = timedelta(days=1)


class Calendar(NamedTuple):
    """Whose calendar, where, and when a booking of theirs last changed."""

    owner: UserId
    provider: str
    changed_at: datetime | None
    agenda: Agenda


class BusyTimes:
    """One process's memory, by owner, calendar and window; `trusted_s` bounds its age."""

    def __init__(self, trusted_s: float = 15.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._trusted_s, self._clock = trusted_s, clock
        self._known: OrderedDict[tuple[UserId, str, Span], _Answer] = OrderedDict()

    async def of(self, calendar: Calendar, window: Span) -> tuple[Span, ...]:
        """When its owner is busy, from the window's first day to its last. Raises the provider's errors."""
        days = Span(_midnight(window.start), _midnight(window.end + _DAY))
        key, changed_at = (calendar.owner, calendar.provider, days), calendar.changed_at
        known = self._known.get(key)
        if known and known.until > self._clock() and known.changed_at == changed_at:
            return known.busy
        asked_at = self._clock()
        busy = await calendar.agenda.busy(days)
        self._known[key] = _Answer(asked_at + self._trusted_s, changed_at, busy)
        self._known.move_to_end(key)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return busy


class _Answer(NamedTuple):
    until: float
    changed_at: datetime | None
    busy: tuple[Span, ...]


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
