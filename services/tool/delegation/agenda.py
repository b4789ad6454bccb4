"""The owner's calendar as bookings need it: when it is busy, and the one event of a booking."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.providers.errors import EntityExists, EntityNotFound
from libs.providers.google.calendar import Calendar, CalendarEvent, NewEvent
from services.tool.access import Access
from services.tool.delegation.availability import Span

PROVIDER = "calendar"
_AROUND = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Agenda:
    """One owner's calendar. Raises the provider's errors."""

    access: Access
    calendar: Calendar
    timeout_s: float

    async def busy(self, window: Span) -> tuple[Span, ...]:
        """When the owner is busy; times only."""
        found = await self.access.use(
            PROVIDER, lambda token: self.calendar.busy(token, *window, timeout_s=self.timeout_s)
        )
        return tuple(Span(busy.start, busy.end) for busy in found)

    async def busy_but_for(self, window: Span, event_ref: str, own: Span) -> tuple[Span, ...]:
        """When the owner would be busy without that event. Busy times carry no ids, so within it the events tell."""
        busy = _without(await self.busy(window), own)
        shared = Span(max(window.start, own.start), min(window.end, own.end))
        if shared.start >= shared.end:
            return busy
        events = await self._events(shared)
        timed = ((event.start, event.end) for event in events if event.id != event_ref)
        return busy + tuple(
            Span(start, end) for start, end in timed if isinstance(start, datetime) and isinstance(end, datetime)
        )

    async def put(self, event: NewEvent) -> CalendarEvent:
        """The event, made now or by an earlier attempt."""

        async def insert(token: str) -> CalendarEvent:
            try:
                return await self.calendar.insert(token, event, timeout_s=self.timeout_s)
            except EntityExists:
                found = await self.calendar.find_event(token, event, timeout_s=self.timeout_s)
                if found is None:
                    raise
                return found

        return await self.access.use(PROVIDER, insert)

    async def find(self, event: NewEvent) -> CalendarEvent | None:
        """What `put` made of it, unless it is gone again."""
        found = await self.access.use(
            PROVIDER, lambda token: self.calendar.find_event(token, event, timeout_s=self.timeout_s)
        )
        return found if found and found.status != "cancelled" else None

    async def move(self, event_ref: str, event: NewEvent) -> CalendarEvent:
        """Give the event new times. Where it cannot be changed (some servers have no such request), or is gone, it
        is made anew: first the old one goes, so that never two stand there."""
        try:
            return await self.access.use(
                PROVIDER, lambda token: self.calendar.move(token, event_ref, event, timeout_s=self.timeout_s)
            )
        except EntityNotFound:
            await self.remove(event_ref)
            return await self.put(event)

    async def find_moved(self, event_ref: str, event: NewEvent) -> CalendarEvent | None:
        """What `move` achieved."""
        near = await self._events(Span(event.start - _AROUND, event.end + _AROUND))
        moved = (found for found in near if found.id == event_ref and found.start == event.start)
        return next(moved, None) or await self.find(event)

    async def remove(self, event_ref: str) -> None:
        """Take the event out."""
        await self.access.use(PROVIDER, lambda token: self.calendar.delete(token, event_ref, timeout_s=self.timeout_s))

    async def holds(self, event_ref: str, time: Span) -> bool:
        """Whether the event is still there."""
        return any(
            event.id == event_ref for event in await self._events(Span(time.start - _AROUND, time.end + _AROUND))
        )

    async def _events(self, window: Span) -> tuple[CalendarEvent, ...]:
        return await self.access.use(
            PROVIDER, lambda token: self.calendar.events(token, *window, timeout_s=self.timeout_s)
        )


def _without(busy: tuple[Span, ...], own: Span) -> tuple[Span, ...]:
    """What is left of busy times beside `own`."""
    left = (
        part
        for stretch in busy
        for part in (Span(stretch.start, min(stretch.end, own.start)), Span(max(stretch.start, own.end), stretch.end))
    )
    return tuple(part for part in left if part.start < part.end)
