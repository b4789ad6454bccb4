"""What all settlements share: the patience with calendars, the ids of steps, and their end."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from contracts.ids import ExecutionId
from contracts.network import NetworkStep, SettleNegotiation
from contracts.tool import ExecuteTool
from libs.bus import publish
from libs.db import Transaction
from services.tool import effects
from services.tool.arguments import Arguments
from services.tool.delegation.availability import Span
from services.tool.deps import ToolDeps
from services.tool.ledger import Ending
from services.tool.network import holds, negotiation, progress, sessions
from services.tool.network.matter import Matter, Party
from services.tool.network.negotiation import Negotiation, Phase, Side
from services.tool.network.reasons import LEFT_BEHIND
from services.tool.network.rules import Hours, hours_of
from services.tool.network.sessions import Session
from services.tool.network.telling import tell
from services.tool.registry import Audience
from services.tool.tools.delegation_steps import BookingEvent, WithdrawnEvent

MOST_TRIES: Final = 5
"""So often a calendar is asked to take an event before it counts as refused."""
MOST_UNDONE: Final = 20
"""So often a calendar is asked to give it back, over about ten hours, before somebody is told that it is left there."""
AGAIN_S, SLOWEST_S = 30, 1800
"""Before the second try, and before later ones at most."""


@dataclass(frozen=True, slots=True, repr=False)
class Settling:
    """One negotiation as it was found, and what is needed to bring it further."""

    session: Session
    matter: Matter
    deps: ToolDeps

    @property
    def agreed(self) -> datetime:
        """When the meeting is to begin, or to have begun."""
        assert self.session.state.agreed is not None, "it is agreed"
        return self.session.state.agreed

    def time(self, start: datetime) -> Span:
        """The meeting, if it begins then."""
        return Span(start, start + timedelta(minutes=self.session.minutes))

    def hours(self, side: Side) -> Hours:
        """That side's clock and buffers."""
        rules = self.matter.party(side).rules
        assert rules is not None, "both have said something when they agree"
        return hours_of(rules, self.session.minutes, named=True)

    def derived(self, side: Side, step: str) -> str:
        """An id of an execution or a mark that follows from the negotiation's."""
        said = f"adjutant negotiation {self.session.session_id} {side} {step}"
        return f"x_{hashlib.sha256(said.encode()).digest()[:16].hex()}"

    async def hold(self, side: Side, left: Span | None = None) -> bool:
        """Take that side's time, in their scope; False when something is in the way."""
        stretch = self.hours(side).taken(self.agreed)
        async with self.deps.db.transaction(self.session.scope(side)) as tx:
            return await holds.take(tx, self.session.hold_id, stretch, left)

    async def execute(self, tool: str, side: Side, arguments: Arguments, why: str = "") -> Ending:
        """How the step ended; each try is an execution of its own, and all of one try are the same."""
        session, scope = self.session, self.session.scope(side)
        command = ExecuteTool(
            execution_id=ExecutionId(self.derived(side, f"{tool} {session.tries} {why}")),
            tool=tool,
            sealed_arguments=self.deps.seal.seal("tool_arguments", scope, arguments.model_dump_json()),
            timezone="UTC",
        )
        return await effects.ensure_ended(command, session.created_at, scope, self.deps, audience=Audience.SERVICE)

    def event(self, side: Side, start: datetime, mark: str) -> BookingEvent:
        """The same for every attempt, but for `is_again`. The other one is named, and no guest: they have their own."""
        hours, other = self.hours(side), _named(self.matter.party(side.other))
        free, time = hours.taken(start), self.time(start)
        return BookingEvent(
            mark=self.derived(side, mark),
            title=f"{self.matter.title} ({other})" if other else self.matter.title,
            start=time.start,
            end=time.end,
            timezone=hours.timezone,
            guest="",
            host="",
            description=f"Agreed on with {other} in Adjutant." if other else "Agreed on in Adjutant.",
            calendars=self.matter.party(side).calendars,
            free_from=free.start,
            free_until=free.end,
            is_again=self.session.tries > 0,
        )

    def withdrawal(self, side: Side) -> WithdrawnEvent:
        """The event of that side, to be taken out."""
        time = self.time(self.agreed)
        return WithdrawnEvent(
            event_ref=self.session.entries[side].ref,
            mark=self.derived(side, "put"),
            start=time.start,
            end=time.end,
            timezone=self.hours(side).timezone,
            calendar=self.matter.party(side).calendars[0],
        )

    async def give_up(self, error: str) -> bool:
        """From now on it is undone."""
        async with self.deps.db.transaction(self.session.owner) as tx:
            await progress.undo(tx, self.session, error)
        return True

    async def later(self, tx: Transaction) -> None:
        """Try that again, after a while that grows."""
        await progress.try_again(tx, self.session)
        wait = timedelta(seconds=min(AGAIN_S * 2**self.session.tries, SLOWEST_S))
        again = SettleNegotiation(session_id=self.session.session_id)
        await publish(tx, again, deliver_at=datetime.now(UTC) + wait)

    async def conclude(self, *, is_in_both: bool, error: str | None) -> bool:
        """Time is given back first: the calendars say by now what is taken. Whether there is a next step: somebody may
        have called it off meanwhile. A second time nobody is told again."""
        for side in Side:
            async with self.deps.db.transaction(self.session.scope(side)) as tx:
                await holds.release(tx, self.session.hold_id)
        async with self.deps.db.transaction(self.session.owner) as tx:
            found = await sessions.find(tx, self.session.session_id, lock=True)
            if found is None or found.hold_id != self.session.hold_id:
                return False
            if found.state.phase is not self.session.state.phase:
                return False
            settled = _settled(found.state, is_in_both=is_in_both)
            if not await progress.conclude(tx, found, settled, error):
                return False
            for step in _steps(found.state, settled, error):
                await self._tell(tx, step, settled)
            return settled.phase.is_settling

    async def _tell(self, tx: Transaction, step: NetworkStep, settled: Negotiation) -> None:
        about, number = self.session.session_id, self.session.number
        for side in Side:
            await tell(tx, self.session.scope(side), about, step, by_me=False, number=number, starts_at=settled.agreed)


def _settled(state: Negotiation, *, is_in_both: bool) -> Negotiation:
    return (
        negotiation.leave(state)
        if state.phase is Phase.CANCELLING
        else negotiation.settle(state, is_in_both=is_in_both)
    )


def _steps(before: Negotiation, after: Negotiation, error: str | None) -> tuple[NetworkStep, ...]:
    """What is told of the end. That it was called off has been told at once."""
    if error == LEFT_BEHIND and (before.stands is not None or after.phase is Phase.CANCELLED):
        return ("left_behind",)
    if after.phase is Phase.FAILED:
        return ("failed",)
    if after.phase is not Phase.CONFIRMED:
        return ()
    if before.stands is None:
        return ("confirmed",)
    return ("moved",) if error is None else ("stayed",)


def _named(party: Party) -> str:
    return party.person.name or party.person.address
