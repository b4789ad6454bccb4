"""An owner's calendar as bookings need it, whoever keeps it: when it is busy, and the one event of a booking."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from services.tool.delegation.availability import Span

CALENDARS = ("calendar", "outlook_calendar")
"""Providers with a calendar. An owner's events go into the first that they have; all of them are asked when busy."""


@dataclass(frozen=True, slots=True, repr=False)
class EventPlan:
    """What a booking is to look like in a calendar. Whoever means the same event gives it the same `mark`."""

    mark: str
    title: str
    start: datetime
    end: datetime
    timezone: str
    guest: str
    host: str
    """Addresses: of the outsider, and of the owner as their calendar knows them."""
    description: str

    @property
    def zone(self) -> ZoneInfo:
        """The owner's clock."""
        return ZoneInfo(self.timezone)


class Agenda(Protocol):
    """One owner's calendar at one provider. Raises the provider's errors; events are named by the provider's id."""

    async def busy(self, window: Span) -> tuple[Span, ...]:
        """When the owner is busy; times only."""
        ...

    async def busy_but_for(self, window: Span, event_ref: str, own: Span) -> tuple[Span, ...]:
        """When the owner would be busy without that event, which stands at `own`."""
        ...

    async def put(self, plan: EventPlan) -> str:
        """The event, made now or by an earlier attempt."""
        ...

    async def find(self, plan: EventPlan) -> str | None:
        """What `put` made of it, unless it is gone again."""
        ...

    async def move(self, event_ref: str, plan: EventPlan) -> str:
        """Give the event the plan's times; one that cannot be changed is made anew."""
        ...

    async def find_moved(self, event_ref: str, plan: EventPlan) -> str | None:
        """What `move` achieved."""
        ...

    async def remove(self, event_ref: str) -> None:
        """Take the event out and tell its guests; one that is gone is fine."""
        ...

    async def holds(self, event_ref: str, time: Span) -> bool:
        """Whether the event is still there, at its time."""
        ...
