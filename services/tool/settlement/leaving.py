"""Out of both calendars: what was called off is taken out of one and of the other, and a calendar that is away is asked
again. Nothing is put back: that one of the two does not come is so, whatever calendars say."""

from typing import Final

from contracts.tool import ExecutionStatus
from services.tool.network import progress
from services.tool.network.negotiation import Side
from services.tool.network.reasons import LEFT_BEHIND
from services.tool.settlement.stepping import Settling
from services.tool.tools.delegation_steps import WITHDRAW

MOST_TRIES: Final = 100
"""Over about two days; then both are told to look for themselves."""


async def step(found: Settling) -> bool:
    """The next calendar that has it or may have it; whether there is another step now. One that does not give it back
    does not keep the other one waiting."""
    session = found.session
    left = [side for side in Side if session.entries[side].state != "none"]
    if not left or session.tries >= MOST_TRIES:
        return await found.conclude(is_in_both=False, error=LEFT_BEHIND if left else None)
    gone = [side for side in left if await _withdraw(found, side)]
    if gone == left:
        return True
    async with found.deps.db.transaction(session.owner) as tx:
        await found.later(tx)
    return False


async def _withdraw(found: Settling, side: Side) -> bool:
    """Whether that calendar is without it now. Removing twice is as good as once."""
    ending = await found.execute(WITHDRAW, side, found.withdrawal(side), why="off")
    if ending.status is not ExecutionStatus.DONE:
        return False
    async with found.deps.db.transaction(found.session.owner) as tx:
        await progress.note_gone(tx, found.session, side)
    return True
