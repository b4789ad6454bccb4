"""At the new time in both calendars, or at the old one in both: the new time is held beside the old one, the event is
moved in one calendar and then in the other; when one will not, it goes back wherever it may have moved."""

from contracts.tool import ExecutionStatus
from services.tool.delegation.errors import SlotTaken
from services.tool.network import progress
from services.tool.network.negotiation import Side
from services.tool.network.reasons import LEFT_BEHIND
from services.tool.settlement import stepping
from services.tool.settlement.stepping import Settling
from services.tool.tools.delegation_steps import MOVE, RETURN, MovedEvent, ReturnedEvent


async def step(found: Settling) -> bool:
    """The next step, forward or back; whether there is another one now."""
    return await (_undo(found) if found.session.is_undoing else _do(found))


async def _do(found: Settling) -> bool:
    entries, stands = found.session.entries, found.session.state.stands
    assert stands is not None, "what moves stands"
    for side in Side:
        if entries[side].state == "there" and not await found.hold(side, found.time(stands)):
            return await found.give_up(SlotTaken.slug)
    for side in Side:
        if entries[side].state != "moved":
            return await _move(found, side)
    return await found.conclude(is_in_both=True, error=None)


async def _move(found: Settling, side: Side) -> bool:
    session, db = found.session, found.deps.db
    async with db.transaction(session.owner) as tx:
        if not await progress.note_moving(tx, session, side):
            return True
    ending = await found.execute(MOVE, side, _there(found, side), why=f"{session.state.edition}")
    async with db.transaction(session.owner) as tx:
        if ending.status is ExecutionStatus.DONE:
            await progress.note_moved(tx, session, side, ending.provider_ref)
        elif ending.status is ExecutionStatus.FAILED or session.tries >= stepping.MOST_TRIES:
            await progress.undo(tx, session, ending.error or "unknown")
            if ending.error == SlotTaken.slug and session.tries == 0:
                await progress.note_stayed(tx, session, side)  # it was looked at before anything was changed
        else:
            await found.later(tx)
            return False
    return True


async def _undo(found: Settling) -> bool:
    """Back wherever it may have moved. Going back twice is as good as once."""
    session = found.session
    left = [side for side in (Side.RESPONDER, Side.INITIATOR) if session.entries[side].state != "there"]
    if not left or session.tries >= stepping.MOST_TRIES + stepping.MOST_UNDONE:
        return await found.conclude(is_in_both=False, error=LEFT_BEHIND if left else session.error)
    side = left[0]
    ending = await found.execute(RETURN, side, _back(found, side), why=f"{session.state.edition}")
    async with found.deps.db.transaction(session.owner) as tx:
        if ending.status is ExecutionStatus.DONE:
            await progress.note_stayed(tx, session, side, ending.provider_ref)
            return True
        await found.later(tx)
    return False


def _there(found: Settling, side: Side) -> MovedEvent:
    session, stands = found.session, found.session.state.stands
    assert stands is not None, "what moves stands"
    own = found.time(stands)
    event = found.event(side, found.agreed, f"move {session.state.edition}")
    reference = session.entries[side].ref or ""
    return MovedEvent(**event.model_dump(), event_ref=reference, own_start=own.start, own_end=own.end)


def _back(found: Settling, side: Side) -> ReturnedEvent:
    session, stands = found.session, found.session.state.stands
    assert stands is not None, "what moves stands"
    own = found.time(found.agreed)
    event = found.event(side, stands, f"return {session.state.edition}")
    return ReturnedEvent(
        **event.model_dump(),
        event_ref=session.entries[side].ref or "",
        own_start=own.start,
        own_end=own.end,
        moved_mark=found.derived(side, f"move {session.state.edition}"),
    )
