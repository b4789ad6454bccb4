"""Bookings in a Google calendar."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.providers.errors import EntityExists, EntityNotFound
from libs.providers.google.calendar import Calendar, CalendarEvent, NewEvent
from services.tool.access import Access
from services.tool.delegation.agenda import EventPlan
from services.tool.delegation.availability import Span

PROVIDER = "calendar"
_AROUND = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class GoogleAgenda:
    """Implements `Agenda`. The event's id follows from the mark, so that Google makes no second one."""

    access: Access
    calendar: Calendar
    timeout_s: float

    async def busy(self, window: Span) -> tuple[Span, ...]:
        """As Google's free/busy says."""
        found = await self.access.use(
            PROVIDER, lambda token: self.calendar.busy(token, *window, timeout_s=self.timeout_s)
        )
        return tuple(Span(busy.start, busy.end) for busy in found)

    async def busy_but_for(self, window: Span, event_ref: str, own: Span) -> tuple[Span, ...]:
        """Busy times carry no ids, so within the event's own time the events tell."""
        busy = _without(await self.busy(window), own)
        shared = Span(max(window.start, own.start), min(window.end, own.end))
        if shared.start >= shared.end:
            return busy
        events = await self._events(shared)
        timed = ((event.start, event.end) for event in events if event.id != event_ref)
        return busy + tuple(
            Span(start, end) for start, end in timed if isinstance(start, datetime) and isinstance(end, datetime)
        )

    async def put(self, plan: EventPlan) -> str:
        """An id that is taken means that it has been done."""
        event = _new_event(plan)

        async def insert(token: str) -> CalendarEvent:
            try:
                return await self.calendar.insert(token, event, timeout_s=self.timeout_s)
            except EntityExists:
                found = await self.calendar.find_event(token, event, timeout_s=self.timeout_s)
                if found is None:
                    raise
                return found

        return (await self.access.use(PROVIDER, insert)).id

    async def find(self, plan: EventPlan) -> str | None:
        """By id, or by the mark in its description."""
        event = _new_event(plan)
        found = await self.access.use(
            PROVIDER, lambda token: self.calendar.find_event(token, event, timeout_s=self.timeout_s)
        )
        return found.id if found and found.status != "cancelled" else None

    async def move(self, event_ref: str, plan: EventPlan) -> str:
        """Where it cannot be changed (some servers have no such request), or is gone, it is made anew: first the old
        one goes, so that never two stand there."""
        event = _new_event(plan)
        try:
            moved = await self.access.use(
                PROVIDER, lambda token: self.calendar.move(token, event_ref, event, timeout_s=self.timeout_s)
            )
        except EntityNotFound:
            await self.remove(event_ref)
            return await self.put(plan)
        return moved.id

    async def find_moved(self, event_ref: str, plan: EventPlan) -> str | None:
        """The same event at its new time, or a new one under the plan's mark."""
        near = await self._events(Span(plan.start - _AROUND, plan.end + _AROUND))
        if any(found.id == event_ref and _begins_at(found, plan.start) for found in near):
            return event_ref
        return await self.find(plan)

    async def remove(self, event_ref: str) -> None:
        """Google tells the guests."""
        await self.access.use(PROVIDER, lambda token: self.calendar.delete(token, event_ref, timeout_s=self.timeout_s))

    async def holds(self, event_ref: str, time: Span) -> bool:
        """Among the events of that time."""
        near = await self._events(Span(time.start - _AROUND, time.end + _AROUND))
        return any(event.id == event_ref for event in near)

    async def _events(self, window: Span) -> tuple[CalendarEvent, ...]:
        return await self.access.use(
            PROVIDER, lambda token: self.calendar.events(token, *window, timeout_s=self.timeout_s)
        )


def _new_event(plan: EventPlan) -> NewEvent:
    """The owner is a guest who need not be asked."""
    return NewEvent(
        id=_event_id(plan.mark),
        title=plan.title,
        start=plan.start.astimezone(plan.zone),
        end=plan.end.astimezone(plan.zone),
        timezone=plan.timezone,
        guests=tuple(dict.fromkeys(filter(None, (plan.guest, plan.host)))),
        description=plan.description,
        accepted_by=(plan.host,),
    )


def _begins_at(event: CalendarEvent, moment: datetime) -> bool:
    """As moments: in the hour that comes twice, Python calls no local time equal to any of another zone (PEP 495)."""
    return isinstance(event.start, datetime) and event.start.timestamp() == moment.timestamp()


def _event_id(mark: str) -> str:
    """A legal Google event id (a to v and 0 to 9); 160 bits."""
    digest = hashlib.sha256(f"adjutant booked event {mark}".encode()).digest()[:20]
    return base64.b32hexencode(digest).decode().lower()


def _without(busy: tuple[Span, ...], own: Span) -> tuple[Span, ...]:
    """What is left of busy times beside `own`."""
    left = (
        part
        for stretch in busy
        for part in (Span(stretch.start, min(stretch.end, own.start)), Span(max(stretch.start, own.end), stretch.end))
    )
    return tuple(part for part in left if part.start < part.end)
