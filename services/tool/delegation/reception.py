"""What an outsider's conversation can do: look for free times and take one. All that its tools are given."""

from datetime import datetime
from typing import Protocol

from services.tool.delegation.availability import Span
from services.tool.delegation.bookings import Booking
from services.tool.delegation.guests import Guest


class Reception(Protocol):
    """One link, on behalf of somebody outside. Raises the errors of `services.tool.delegation.errors`."""

    async def durations(self) -> tuple[int, ...]:
        """Lengths on offer, in minutes."""
        ...

    async def slots(self, window: Span, minutes: int, now: datetime, timeout_s: float) -> list[datetime]:
        """When an appointment may begin; UTC, in order."""
        ...

    async def schedule(self, execution_id: str, start: datetime, minutes: int, guest: Guest, now: datetime) -> Booking:
        """Book, once per execution; the booking is in the calendar. Raises SlotTaken, BookingUnavailable."""
        ...

    async def scheduled(self, execution_id: str) -> Booking | None:
        """What `schedule` achieved; None when nothing. Raises Unavailable while that is not certain."""
        ...
