"""What agreed times take of a user's time until they stand in the calendar: of no two negotiations, and of no booking.

Bookings look at these too (`services.tool.delegation.bookings.in_the_way`), and all of them are taken one after the
other for each user.
"""

from libs.db import ExclusionViolation, Transaction
from services.tool.delegation import bookings, steps
from services.tool.delegation.availability import Span


async def take(tx: Transaction, session_id: str, stretch: Span) -> bool:
    """Take the stretch for this negotiation, in that user's scope; False when something is in the way. A second time
    it is taken already."""
    await steps.lock_owner(tx)
    if await tx.fetchval("select 1 from network_holds where session_id = $1", session_id):
        return True
    if (await bookings.in_the_way(tx, stretch)).busy:
        return False
    try:
        async with tx.savepoint():
            await tx.execute(
                "insert into network_holds (session_id, taken) values ($1, tstzrange($2, $3))", session_id, *stretch
            )
    except ExclusionViolation:
        return False
    return True


async def release(tx: Transaction, session_id: str) -> None:
    """It stands in the calendar, or never will."""
    await tx.execute("delete from network_holds where session_id = $1", session_id)
