"""Bookings in an Outlook calendar. Its owner is the organizer of every event and needs no invitation."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from libs.providers.errors import EntityNotFound
from libs.providers.microsoft.agenda import OutlookAgenda as Calendar
from libs.providers.microsoft.agenda import OutlookEvent
from libs.providers.microsoft.event_actions import EventChange, NewOutlookEvent, OutlookEventActions
from services.tool.access import Access
from services.tool.delegation.agenda import EventPlan
from services.tool.delegation.availability import Span

PROVIDER = "outlook_calendar"


@dataclass(frozen=True, slots=True)
class OutlookAgenda:
    """Implements `Agenda`. `zone` says where the owner's whole days begin."""

    access: Access
    calendar: Calendar
    actions: OutlookEventActions
    zone: ZoneInfo
    timeout_s: float

    async def busy(self, window: Span) -> tuple[Span, ...]:
        """From the events themselves: Graph's schedule does not serve personal accounts."""
        found = await self.access.use(
            PROVIDER, lambda token: self.calendar.busy(token, *window, self.zone, timeout_s=self.timeout_s)
        )
        return tuple(Span(start, end) for start, end in found)

    async def busy_but_for(self, window: Span, event_ref: str, own: Span) -> tuple[Span, ...]:
        """The other events tell."""
        events = await self.access.use(
            PROVIDER, lambda token: self.calendar.events(token, *window, self.zone, timeout_s=self.timeout_s)
        )
        others = (event for event in events if event.keeps_busy and event.id != event_ref)
        return tuple(Span(*event.stretch(self.zone)) for event in others)

    async def put(self, plan: EventPlan) -> str:
        """Graph makes no second one for the same mark."""
        guests = (plan.guest,) if plan.guest else ()
        new = NewOutlookEvent(plan.title, plan.start, plan.end, guests, plan.description, plan.mark)
        made = await self.access.use(PROVIDER, lambda token: self.actions.create(token, new, timeout_s=self.timeout_s))
        return made.id

    async def find(self, plan: EventPlan) -> str | None:
        """By the mark among its properties."""
        found = await self.access.use(
            PROVIDER, lambda token: self.actions.find_created(token, plan.mark, timeout_s=self.timeout_s)
        )
        return found.id if found and not found.is_cancelled else None

    async def move(self, event_ref: str, plan: EventPlan) -> str:
        """Graph tells the guests. What somebody has taken out is made anew."""
        change = EventChange(None, (plan.start, plan.end), None, None, plan.mark)
        try:
            await self.access.use(
                PROVIDER, lambda token: self.actions.change(token, event_ref, change, timeout_s=self.timeout_s)
            )
        except EntityNotFound:
            return await self.put(plan)
        return event_ref

    async def find_moved(self, event_ref: str, plan: EventPlan) -> str | None:
        """An event tells which mark changed it last."""

        async def find(token: str) -> OutlookEvent | None:
            try:
                return await self.actions.find_changed(token, event_ref, plan.mark, timeout_s=self.timeout_s)
            except EntityNotFound:
                return await self.actions.find_created(token, plan.mark, timeout_s=self.timeout_s)

        found = await self.access.use(PROVIDER, find)
        return found.id if found else None

    async def remove(self, event_ref: str) -> None:
        """A mail of Graph's tells the guest."""

        async def cancel(token: str) -> None:
            try:
                event = await self.calendar.read(token, event_ref, timeout_s=self.timeout_s)
                await self.actions.cancel(token, event, "", timeout_s=self.timeout_s)
            except EntityNotFound:
                return

        await self.access.use(PROVIDER, cancel)

    async def holds(self, event_ref: str, time: Span) -> bool:
        """An id may find what lies among the deleted items; that does not count."""
        return not await self.access.use(
            PROVIDER, lambda token: self.actions.is_gone(token, event_ref, timeout_s=self.timeout_s)
        )
