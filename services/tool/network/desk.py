"""What one user may say in negotiations: begin, propose other times, accept one, decline, cancel, look.

The mover's own scope finds the negotiation (a row policy shows it to the two and to nobody else); the move is written
in the scope of its owner, under a lock, by the rules of `services.tool.network.negotiation`. What follows in the
calendars is `services.tool.settlement`'s, which is told by a command in the same transaction.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from contracts.envelope import Scope
from contracts.network import ExpireNegotiation, NegotiationView, NetworkStep, Offer, SettleNegotiation, Topic
from libs.bus import publish, send_later
from libs.db import Database, Transaction
from libs.resilience.errors import AdjutantError
from libs.vault import UserKey, Vault
from services.tool.delegation.availability import Span
from services.tool.delegation.constraints import LONGEST_MINUTES
from services.tool.network import negotiation, rescheduling, sessions
from services.tool.network.circle import Circle
from services.tool.network.errors import NegotiationNotFound, ProposalRefused, TooManyNegotiations
from services.tool.network.free_time import FreeTime, Table
from services.tool.network.matter import Matter, Party, clean_note, clean_title, open_matter
from services.tool.network.negotiation import Negotiation, Phase, Side
from services.tool.network.openings import opened
from services.tool.network.rules import require_window
from services.tool.network.sessions import Entry, Session
from services.tool.network.telling import tell
from services.tool.network.views import negotiation_view

ANSWER_WITHIN: Final = timedelta(hours=48)
CLOCKS_DIFFER: Final = timedelta(seconds=30)
SETTLED_BY: Final = timedelta(minutes=15)
SHORTEST_MINUTES: Final = 5

Move = Callable[[Negotiation], Negotiation]
Told = Callable[[Matter], Matter]


@dataclass(frozen=True, slots=True)
class NetworkDesk:
    """One user's."""

    db: Database
    vault: Vault
    circle: Circle
    free_time: FreeTime
    scope: Scope

    async def listed(self, limit: int) -> list[NegotiationView]:
        """The user's negotiations, the last changed first."""
        async with self.db.reading(self.scope) as tx:
            found = await sessions.listed(tx, limit)
        now, shown = datetime.now(UTC), await opened(found, _opened, self.db, self.vault)
        return [negotiation_view(each, matter, self.scope, now) for each, matter in shown]

    async def start(
        self, session_id: str, connection_id: str, topic: Topic, offer: Offer, moved_by: str | None = None
    ) -> NegotiationView:
        """The first proposal; once for each id. Raises AcquaintanceNotFound, ProposalRefused, SlotsNotFree,
        TooManyNegotiations, CalendarDoesNotAnswer."""
        now = datetime.now(UTC)
        if (found := await self._seen(session_id)) is not None:
            return await self._view(found)
        known = await self.circle.require(connection_id)
        table, title = _table(topic, now), clean_title(topic.title)
        calendars = await self.free_time.calendars()
        slots = await self.free_time.offered(offer.slots, table, offer.rules, calendars, now)
        matter = Matter(
            title=title,
            note=clean_note(offer.note),
            initiator=Party(person=known.me, rules=offer.rules, calendars=calendars),
            responder=Party(person=known.other),
        )
        partner = known.connection.other(self.scope)
        assert partner is not None, "a connection has two"
        async with self.db.transaction(self.scope) as tx:
            if len(await sessions.open_over(tx, connection_id)) >= sessions.MOST_OPEN:
                raise TooManyNegotiations(f"You may negotiate {sessions.MOST_OPEN} times with one person at once.")
            new = Session(
                session_id=session_id,
                connection_id=connection_id,
                owner=self.scope,
                partner=partner,
                state=negotiation.begin(slots, _until(slots, now)),
                minutes=table.minutes,
                window=table.window,
                sealed=matter.seal(await self.vault.user_key(tx), session_id),
                is_undoing=False,
                entries={side: Entry("none", None) for side in Side},
                tries=0,
                error=None,
                created_at=now,
            )
            if await sessions.insert(tx, new, moved_by):
                await self._follow(tx, new, "proposed")
        return negotiation_view(new, matter, self.scope, now)

    async def counter(
        self, session_id: str, offer: Offer, moved_by: str | None = None, window: Span | None = None
    ) -> NegotiationView:
        """Other times; for a meeting that is confirmed they begin within `window`. Raises NegotiationNotFound,
        NegotiationOver, NotYourTurn, TooManyRounds, MeetingBegan, ProposalRefused, SlotsNotFree,
        CalendarDoesNotAnswer."""
        now, seen = datetime.now(UTC), await self._require(session_id)
        side, state = seen.side(self.scope), negotiation.expire(seen.state, now)
        is_anew = state.phase is Phase.CONFIRMED
        if is_anew:
            stands = negotiation.require_reopen(state, now)
            window = rescheduling.window_of(window, offer.slots, stands, now)
        else:
            negotiation.require_counter(state, side, now)
            window = seen.window
        matter = await self._matter(seen)
        others, own = matter.party(side.other).rules, rescheduling.own_event(seen, matter, side)
        calendars = rescheduling.kept_first(await self.free_time.calendars(), seen, matter, side)
        table = Table(window, seen.minutes, others, own)
        slots = await self.free_time.offered(offer.slots, table, offer.rules, calendars, now)

        def told(now_on_the_table: Matter) -> Matter:
            return now_on_the_table.told(side, offer.rules, calendars, offer.note)

        def move(state: Negotiation) -> Negotiation:
            say = negotiation.reopen if is_anew else negotiation.counter
            return say(state, side, slots, now, _until(slots, now))

        return await self._move(seen, move, told, moved_by, window)

    async def accept(
        self, session_id: str, start: datetime, offer: Offer, moved_by: str | None = None
    ) -> NegotiationView:
        """One of the times on the table. Said again for the same time it changes nothing. Raises NegotiationNotFound,
        NegotiationOver, NotYourTurn, SlotNotOffered, SlotsNotFree, CalendarDoesNotAnswer."""
        now, seen = datetime.now(UTC), await self._require(session_id)
        side = seen.side(self.scope)
        if seen.state.agreed == start and seen.state.turn is side:
            return await self._view(seen)
        negotiation.accept(seen.state, side, start, now)
        matter = await self._matter(seen)
        calendars = rescheduling.kept_first(await self.free_time.calendars(), seen, matter, side)
        own = rescheduling.own_event(seen, matter, side)
        await self.free_time.require(start, seen.minutes, offer.rules, calendars, own)

        def told(matter: Matter) -> Matter:
            return matter.told(side, offer.rules, calendars)

        def move(state: Negotiation) -> Negotiation:
            return negotiation.accept(state, side, start, now)

        return await self._move(seen, move, told, moved_by)

    async def end(
        self, session_id: str, how: Literal["decline", "cancel"], moved_by: str | None = None
    ) -> NegotiationView:
        """Nothing comes of it; what stands in the calendars is taken out when it is cancelled, and stays when only
        another time is declined. Raises NegotiationNotFound, NegotiationOver, NotYourTurn, MeetingBegan."""
        now, seen = datetime.now(UTC), await self._require(session_id)
        side = seen.side(self.scope)

        def move(state: Negotiation) -> Negotiation:
            return negotiation.decline(state, side, now) if how == "decline" else negotiation.cancel(state, now)

        return await self._move(seen, move, None, moved_by)

    async def end_over(self, connection_id: str) -> None:
        """End what is open over a connection that is no more. What stands in the calendars stays there."""
        async with self.db.reading(self.scope) as tx:
            found = await sessions.open_over(tx, connection_id)
        for each in found:
            if each.state.phase is not Phase.OPEN:
                continue
            try:
                await self.end(each.session_id, "cancel" if each.state.stands is None else "decline")
            except AdjutantError:
                continue  # agreed, or over meanwhile

    async def found(self, session_id: str) -> NegotiationView | None:
        """One of the user's negotiations."""
        seen = await self._seen(session_id)
        return await self._view(seen) if seen else None

    async def moved(self, session_id: str, execution_id: str) -> NegotiationView | None:
        """The negotiation, if that execution has moved it."""
        async with self.db.reading(self.scope) as tx:
            found = await sessions.find_moved(tx, session_id, execution_id)
        return await self._view(found) if found else None

    async def expire(self, session_id: str) -> None:
        """Whoever had the word did not use it; the scope is the owner's."""
        now = datetime.now(UTC)
        async with self.db.transaction(self.scope) as tx:
            found = await sessions.find(tx, session_id, lock=True)
            if found is None:
                return
            state = negotiation.expire(found.state, now)
            if state != found.state:
                await sessions.moved(tx, found, state)
                await _tell_both(tx, replace(found, state=state), _step(found.state, state), None)
            elif state.phase is Phase.OPEN and state.until <= now + CLOCKS_DIFFER:
                # The timer ran by PostgreSQL's clock, and ours is behind it.
                await send_later(tx, ExpireNegotiation(session_id=session_id), state.until + CLOCKS_DIFFER)

    async def _move(
        self, seen: Session, move: Move, told: Told | None, moved_by: str | None, window: Span | None = None
    ) -> NegotiationView:
        """Write the move, if it is still allowed, with what was said, and what follows from it."""
        if told is not None:
            await self.circle.require(seen.connection_id)
        async with self.db.transaction(seen.owner) as tx:
            found = await sessions.find(tx, seen.session_id, lock=True)
            if found is None:
                raise NegotiationNotFound
            state, key = move(found.state), await self.vault.user_key(tx)
            matter = open_matter(key, found.session_id, found.sealed)
            matter = told(matter) if told else matter
            after = replace(found, state=state, window=window or found.window)
            if state != found.state:
                await sessions.moved(tx, found, state, matter.seal(key, found.session_id), moved_by, window)
                await self._follow(tx, after, _step(found.state, state))
        return negotiation_view(after, matter, self.scope, datetime.now(UTC))

    async def _follow(self, tx: Transaction, session: Session, step: NetworkStep) -> None:
        """Timers, calendars, and a word to both; in the owner's transaction."""
        state = session.state
        if state.phase is Phase.OPEN:
            await send_later(tx, ExpireNegotiation(session_id=session.session_id), state.until)
        elif state.phase.is_settling:
            settle = SettleNegotiation(session_id=session.session_id)
            await publish(tx, settle)
            await send_later(tx, settle, datetime.now(UTC) + SETTLED_BY)  # should the first one have been given up
        await _tell_both(tx, session, step, self.scope)

    async def _seen(self, session_id: str) -> Session | None:
        async with self.db.reading(self.scope) as tx:
            return await sessions.find(tx, session_id)

    async def _require(self, session_id: str) -> Session:
        if (found := await self._seen(session_id)) is None:
            raise NegotiationNotFound
        return found

    async def _matter(self, session: Session) -> Matter:
        for _, matter in await opened((session,), _opened, self.db, self.vault):
            return matter
        raise NegotiationNotFound

    async def _view(self, session: Session) -> NegotiationView:
        return negotiation_view(session, await self._matter(session), self.scope, datetime.now(UTC))


def _opened(session: Session, key: UserKey) -> Matter:
    return open_matter(key, session.session_id, session.sealed)


async def _tell_both(tx: Transaction, session: Session, step: NetworkStep, mover: Scope | None) -> None:
    number, starts_at = session.number, session.state.agreed or session.state.stands
    for side in Side:
        whom = session.scope(side)
        await tell(tx, whom, session.session_id, step, by_me=whom == mover, number=number, starts_at=starts_at)


def _step(before: Negotiation, after: Negotiation) -> NetworkStep:
    """What is told of a move."""
    if after.is_called_off or after.phase is Phase.CANCELLING:
        return "called_off"
    if after.phase is Phase.OPEN:
        return "countered" if after.edition == before.edition else "move_proposed"
    return _STEPS[after.phase]


_STEPS: Final[dict[Phase, NetworkStep]] = {
    Phase.AGREED: "agreed",
    Phase.CONFIRMED: "stayed",
    Phase.DECLINED: "declined",
    Phase.CANCELLED: "cancelled",
    Phase.EXPIRED: "expired",
}


def _table(topic: Topic, now: datetime) -> Table:
    window = Span(max(topic.start, now), topic.end)
    require_window(window, now)
    if not SHORTEST_MINUTES <= topic.minutes <= LONGEST_MINUTES:
        raise ProposalRefused(f"A meeting lasts from {SHORTEST_MINUTES} to {LONGEST_MINUTES} minutes.")
    return Table(window, topic.minutes)


def _until(slots: tuple[datetime, ...], now: datetime) -> datetime:
    """When the last of the times begins there is nothing left to answer."""
    return min(now + ANSWER_WITHIN, slots[-1])
