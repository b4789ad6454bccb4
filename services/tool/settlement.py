"""Both calendars or neither: time is held on both sides, the event put into one calendar and then into the other; when
one will not take it, it is taken out again wherever it may be.

Each step is an execution of the ledger, in the scope of whose calendar it is, under an id that follows from the
negotiation, and each result is noted before the next step begins. Whoever finds a negotiation that is agreed and
neither confirmed nor failed goes on from what was noted: the command that does so is delivered again when a replica
died, and a step that ended unclear sends another one for later.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Final

from contracts.envelope import Scope
from contracts.ids import ExecutionId
from contracts.network import NetworkStep, SettleNegotiation
from contracts.tool import ExecuteTool, ExecutionStatus
from libs.bus import publish
from libs.db import Transaction
from services.tool import effects
from services.tool.arguments import Arguments
from services.tool.delegation.errors import SlotTaken
from services.tool.deps import ToolDeps
from services.tool.ledger import Ending
from services.tool.network import holds, sessions
from services.tool.network.matter import Matter, Party, open_matter
from services.tool.network.negotiation import Phase, Side, settle
from services.tool.network.rules import Hours, hours_of
from services.tool.network.sessions import Session
from services.tool.network.telling import tell
from services.tool.registry import Audience
from services.tool.tools.delegation_steps import PUT, WITHDRAW, BookingEvent, WithdrawnEvent

MOST_TRIES: Final = 5
"""So often a calendar is asked to take an event before it counts as refused."""
MOST_UNDONE: Final = 20
"""So often a calendar is asked to give it back, over about ten hours, before somebody is told that it is left there."""
AGAIN_S, SLOWEST_S = 30, 1800
"""Before the second try, and before later ones at most."""
LEFT_BEHIND: Final = "event_left_behind"


async def settle_negotiation(session_id: str, owner: Scope, deps: ToolDeps) -> None:
    """As far as it goes now. Raises ExecutionInProgress while another replica is at it; the bus tries again."""
    while (found := await _agreed(session_id, owner, deps)) is not None:
        session, matter = found
        is_further = await _undo(session, matter, deps) if session.is_undoing else await _do(session, matter, deps)
        if not is_further:
            return


async def _agreed(session_id: str, owner: Scope, deps: ToolDeps) -> tuple[Session, Matter] | None:
    async with deps.db.transaction(owner) as tx:
        session = await sessions.find(tx, session_id)
        if session is None or session.owner != owner or session.state.phase is not Phase.AGREED:
            return None
        return session, open_matter(await deps.vault.user_key(tx), session_id, session.sealed)


async def _do(session: Session, matter: Matter, deps: ToolDeps) -> bool:
    """The next step towards both; whether there is another one now."""
    for side in Side:
        if session.entries[side].state == "none" and not await _hold(session, matter, side, deps):
            return await _give_up(session, SlotTaken.slug, deps)
    for side in Side:
        if session.entries[side].state != "there":
            return await _put(session, matter, side, deps)
    await _conclude(session, Phase.CONFIRMED, None, deps)
    return False


async def _hold(session: Session, matter: Matter, side: Side, deps: ToolDeps) -> bool:
    stretch = _hours(session, matter, side).taken(_start(session))
    async with deps.db.transaction(session.scope(side)) as tx:
        return await holds.take(tx, session.session_id, stretch)


async def _put(session: Session, matter: Matter, side: Side, deps: ToolDeps) -> bool:
    async with deps.db.transaction(session.owner) as tx:
        if not await sessions.note_begun(tx, session.session_id, side):
            return True
    ending = await _execute(PUT, session, side, _event(session, matter, side), deps)
    async with deps.db.transaction(session.owner) as tx:
        if ending.status is ExecutionStatus.DONE:
            is_wanted = await sessions.note_there(tx, session.session_id, side, ending.provider_ref)
        elif ending.status is ExecutionStatus.FAILED or session.tries >= MOST_TRIES:
            await sessions.undo(tx, session.session_id, ending.error or "unknown")
            if ending.status is ExecutionStatus.FAILED and session.tries == 0:
                await sessions.note_gone(tx, session.session_id, side)
            return True
        else:
            await sessions.try_again(tx, session)
            await _later(tx, session)
            return False
    if not is_wanted:
        await _execute(WITHDRAW, session, side, _withdrawal(session, matter, side), deps, why="late")
    return True


async def _undo(session: Session, matter: Matter, deps: ToolDeps) -> bool:
    """Take it out wherever it may be. Removing twice is as good as once."""
    left = [side for side in (Side.RESPONDER, Side.INITIATOR) if session.entries[side].state != "none"]
    if not left or session.tries >= MOST_TRIES + MOST_UNDONE:
        await _conclude(session, Phase.FAILED, LEFT_BEHIND if left else session.error, deps)
        return False
    side = left[0]
    ending = await _execute(WITHDRAW, session, side, _withdrawal(session, matter, side), deps)
    async with deps.db.transaction(session.owner) as tx:
        if ending.status is ExecutionStatus.DONE:
            await sessions.note_gone(tx, session.session_id, side)
            return True
        await sessions.try_again(tx, session)
        await _later(tx, session)
    return False


async def _give_up(session: Session, error: str, deps: ToolDeps) -> bool:
    async with deps.db.transaction(session.owner) as tx:
        await sessions.undo(tx, session.session_id, error)
    return True


async def _conclude(session: Session, phase: Phase, error: str | None, deps: ToolDeps) -> None:
    """Time is given back first: the calendars say by now what is taken. A second time nobody is told again."""
    for side in Side:
        async with deps.db.transaction(session.scope(side)) as tx:
            await holds.release(tx, session.session_id)
    settled = settle(session.state, is_in_both=phase is Phase.CONFIRMED)
    async with deps.db.transaction(session.owner) as tx:
        if not await sessions.conclude(tx, session.session_id, settled.phase, error):
            return
        for side in Side:
            whom, starts_at = session.scope(side), _start(session)
            step: NetworkStep = "confirmed" if phase is Phase.CONFIRMED else "failed"
            await tell(tx, whom, session.session_id, step, by_me=False, starts_at=starts_at)


async def _later(tx: Transaction, session: Session) -> None:
    wait = timedelta(seconds=min(AGAIN_S * 2**session.tries, SLOWEST_S))
    await publish(tx, SettleNegotiation(session_id=session.session_id), deliver_at=datetime.now(UTC) + wait)


async def _execute(
    tool: str, session: Session, side: Side, arguments: Arguments, deps: ToolDeps, why: str = ""
) -> Ending:
    """How the step ended; each try is an execution of its own, and all of one try are the same."""
    scope = session.scope(side)
    command = ExecuteTool(
        execution_id=ExecutionId(_derived(session, side, f"{tool} {session.tries} {why}")),
        tool=tool,
        sealed_arguments=deps.seal.seal("tool_arguments", scope, arguments.model_dump_json()),
        timezone="UTC",
    )
    return await effects.ensure_ended(command, session.created_at, scope, deps, audience=Audience.SERVICE)


def _event(session: Session, matter: Matter, side: Side) -> BookingEvent:
    """The same for every attempt, but for `is_again`. The other one is named, and is no guest: they have their own."""
    hours, start = _hours(session, matter, side), _start(session)
    free, other = hours.taken(start), _named(matter.party(side.other))
    return BookingEvent(
        mark=_derived(session, side, "put"),
        title=f"{matter.title} ({other})" if other else matter.title,
        start=start,
        end=start + timedelta(minutes=session.minutes),
        timezone=hours.timezone,
        guest="",
        host="",
        description=f"Agreed on with {other} in Adjutant." if other else "Agreed on in Adjutant.",
        calendars=matter.party(side).calendars,
        free_from=free.start,
        free_until=free.end,
        is_again=session.tries > 0,
    )


def _withdrawal(session: Session, matter: Matter, side: Side) -> WithdrawnEvent:
    start = _start(session)
    return WithdrawnEvent(
        event_ref=session.entries[side].ref,
        mark=_derived(session, side, "put"),
        start=start,
        end=start + timedelta(minutes=session.minutes),
        timezone=_hours(session, matter, side).timezone,
        calendar=matter.party(side).calendars[0],
    )


def _hours(session: Session, matter: Matter, side: Side) -> Hours:
    rules = matter.party(side).rules
    assert rules is not None, "both have said something when they agree"
    return hours_of(rules, session.minutes, named=True)


def _start(session: Session) -> datetime:
    assert session.state.agreed is not None, "it is agreed"
    return session.state.agreed


def _named(party: Party) -> str:
    return party.person.name or party.person.address


def _derived(session: Session, side: Side, step: str) -> str:
    """An id of an execution that follows from the negotiation's."""
    digest = hashlib.sha256(f"adjutant negotiation {session.session_id} {side} {step}".encode()).digest()
    return f"x_{digest[:16].hex()}"
