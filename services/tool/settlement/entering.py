"""Into both calendars or neither: time is held on both sides, the event put into one calendar and then into the other;
when one will not take it, it is taken out again wherever it may be."""

from contracts.tool import ExecutionStatus
from services.tool.delegation.errors import SlotTaken
from services.tool.network import progress
from services.tool.network.negotiation import Side
from services.tool.network.reasons import LEFT_BEHIND
from services.tool.settlement import stepping
from services.tool.settlement.stepping import Settling
from services.tool.tools.delegation_steps import PUT, WITHDRAW


async def step(found: Settling) -> bool:
    """The next step, forward or back; whether there is another one now."""
    return await (_undo(found) if found.session.is_undoing else _do(found))


async def _do(found: Settling) -> bool:
    entries = found.session.entries
    for side in Side:
        if entries[side].state == "none" and not await found.hold(side):
            return await found.give_up(SlotTaken.slug)
    for side in Side:
        if entries[side].state != "there":
            return await _put(found, side)
    return await found.conclude(is_in_both=True, error=None)


async def _put(found: Settling, side: Side) -> bool:
    session, db = found.session, found.deps.db
    async with db.transaction(session.owner) as tx:
        if not await progress.note_begun(tx, session, side):
            return True
    ending = await found.execute(PUT, side, found.event(side, found.agreed, "put"))
    async with db.transaction(session.owner) as tx:
        if ending.status is ExecutionStatus.DONE:
            is_wanted = await progress.note_there(tx, session, side, ending.provider_ref)
        elif ending.status is ExecutionStatus.FAILED or session.tries >= stepping.MOST_TRIES:
            await progress.undo(tx, session, ending.error or "unknown")
            if ending.status is ExecutionStatus.FAILED and session.tries == 0:
                await progress.note_gone(tx, session, side)
            return True
        else:
            await found.later(tx)
            return False
    if not is_wanted:
        await found.execute(WITHDRAW, side, found.withdrawal(side), why="late")
    return True


async def _undo(found: Settling) -> bool:
    """Take it out wherever it may be. Removing twice is as good as once."""
    session = found.session
    left = [side for side in (Side.RESPONDER, Side.INITIATOR) if session.entries[side].state != "none"]
    if not left or session.tries >= stepping.MOST_TRIES + stepping.MOST_UNDONE:
        return await found.conclude(is_in_both=False, error=LEFT_BEHIND if left else session.error)
    side = left[0]
    ending = await found.execute(WITHDRAW, side, found.withdrawal(side))
    async with found.deps.db.transaction(session.owner) as tx:
        if ending.status is ExecutionStatus.DONE:
            await progress.note_gone(tx, session, side)
            return True
        await found.later(tx)
    return False
