"""Busy times asked a moment ago: a page that lists slots week after week does not ask the provider each time.

Whole days in UTC are asked for, so that neighbouring windows share. What is booked here is never read from this: it
stands in the table. And a slot that the calendar has filled meanwhile is refused when it is booked.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from contracts.ids import UserId
from services.tool.delegation.agenda import Agenda
from services.tool.delegation.availability import Span

REMEMBERED = 1_000
_DAY = timedelta(days=1)


class BusyTimes:
    """One process's memory, by owner and window; `trusted_s` bounds its age."""

    def __init__(self, trusted_s: float = 15.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._trusted_s, self._clock = trusted_s, clock
        self._known: OrderedDict[tuple[UserId, Span], tuple[float, tuple[Span, ...]]] = OrderedDict()

    async def of(self, owner: UserId, agenda: Agenda, window: Span) -> tuple[Span, ...]:
        """When the owner is busy, from the window's first day to its last. Raises the provider's errors."""
        days = Span(_midnight(window.start), _midnight(window.end + _DAY))
        until, busy = self._known.get((owner, days), (0.0, ()))
        if until > self._clock():
            return busy
        busy = await agenda.busy(days)
        self._known[owner, days] = self._clock() + self._trusted_s, busy
        self._known.move_to_end((owner, days))
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return busy

    def forget(self, owner: UserId) -> None:
        """This owner's calendar has changed by our own hand."""
        for key in [key for key in self._known if key[0] == owner]:
            del self._known[key]


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
