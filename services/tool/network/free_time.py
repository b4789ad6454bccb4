"""When one user could come: their own calendars, bookings and agreed times, within rules of both. Only the user's own
calendar is looked at; of the other one there are no more than the rules they gave."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from contracts.envelope import Scope
from contracts.network import Rules
from libs.db import Database
from libs.resilience.errors import AdjutantError
from services.tool.connected import Connected
from services.tool.delegation import bookings
from services.tool.delegation.agendas import Agendas, calendars_among
from services.tool.delegation.availability import Span
from services.tool.delegation.constraints import LONGEST_BUFFER_MINUTES
from services.tool.network.errors import CalendarDoesNotAnswer, ProposalRefused, SlotsNotFree
from services.tool.network.negotiation import MOST_SLOTS
from services.tool.network.rules import allows, hours_of, spread

CHOSEN = 5
_AROUND = timedelta(minutes=LONGEST_BUFFER_MINUTES)


@dataclass(frozen=True, slots=True, repr=False)
class Own:
    """The event of a meeting that is to move, where it stands now: it is not in its own way."""

    provider: str
    event_ref: str
    time: Span


@dataclass(frozen=True, slots=True)
class Table:
    """What the times are for: within the window, so long, and within the rules of the other one, if they gave any."""

    window: Span
    minutes: int
    others: Rules | None = None
    own: Own | None = None


@dataclass(frozen=True, slots=True)
class FreeTime:
    """One user's."""

    db: Database
    connected: Connected
    agendas: Agendas
    scope: Scope

    async def calendars(self) -> tuple[str, ...]:
        """Providers of the user's calendars; the first gets the event. Raises CalendarDoesNotAnswer."""
        try:
            found = calendars_among(await self.connected.of(self.scope))
        except AdjutantError as error:
            raise CalendarDoesNotAnswer from error
        if not found:
            raise CalendarDoesNotAnswer
        return found

    async def offered(
        self, named: Sequence[datetime], table: Table, rules: Rules, calendars: Sequence[str], now: datetime
    ) -> tuple[datetime, ...]:
        """The named times if all of them are free, or some free ones; in order. Raises ProposalRefused, SlotsNotFree,
        CalendarDoesNotAnswer."""
        hours = hours_of(rules, table.minutes)
        if not named:
            busy = await self._busy(table.window, table.minutes, hours.zone.key, calendars, table.own)
            found = [start for start in hours.starts(busy, table.window, now) if _suits(table, start, now)]
            if not found:
                raise SlotsNotFree("You have no time in this window that the rules of both allow.")
            return spread(found, CHOSEN)
        slots = tuple(sorted(set(named)))
        if any(_stands(table, slot) for slot in slots):
            raise ProposalRefused("The meeting is at one of these times already.")
        if len(slots) > MOST_SLOTS:
            raise ProposalRefused(f"At most {MOST_SLOTS} times are proposed at once.")
        if any(not table.window.start <= slot < table.window.end for slot in slots):
            raise ProposalRefused("A proposed time lies outside the window.")
        stretch = Span(slots[0], slots[-1])
        busy = await self._busy(stretch, table.minutes, hours.zone.key, calendars, table.own)
        for slot in slots:
            if not allows(rules, table.minutes, slot, now, busy):
                raise SlotsNotFree("You are not free at one of these times, or your own rules exclude it.")
            if not _suits(table, slot, now):
                raise SlotsNotFree("The other one is not to be met at one of these times.")
        return slots

    async def require(
        self, start: datetime, minutes: int, rules: Rules, calendars: Sequence[str], own: Own | None = None
    ) -> None:
        """That the user is free then, buffers included. Raises SlotsNotFree, CalendarDoesNotAnswer."""
        hours = hours_of(rules, minutes, named=True)
        wanted = hours.taken(start)
        busy = await self._busy(Span(start, start), minutes, hours.zone.key, calendars, own)
        if any(each.start < wanted.end and each.end > wanted.start for each in busy):
            raise SlotsNotFree("You are not free at this time.")

    async def _busy(
        self, window: Span, minutes: int, timezone: str, calendars: Sequence[str], own: Own | None
    ) -> list[Span]:
        zone = ZoneInfo(timezone)
        wide = Span(window.start - _AROUND, window.end + timedelta(minutes=minutes) + _AROUND)
        async with self.db.reading(self.scope) as tx:
            busy = list((await bookings.in_the_way(tx, wide)).busy)
        for provider in calendars:
            agenda = self.agendas.at(provider, zone)
            try:
                if own is not None and provider == own.provider:
                    busy += await agenda.busy_but_for(wide, own.event_ref, own.time)
                else:
                    busy += await agenda.busy(wide)
            except AdjutantError as error:
                raise CalendarDoesNotAnswer from error
        return busy


def _stands(table: Table, start: datetime) -> bool:
    return table.own is not None and table.own.time.start == start


def _suits(table: Table, start: datetime, now: datetime) -> bool:
    if _stands(table, start):
        return False
    return table.others is None or allows(table.others, table.minutes, start, now)
