"""What agreed times take of a user's time until they stand in the calendar: of no two negotiations, and of no booking.

Bookings look at these too (`services.tool.delegation.bookings.in_the_way`), and all of them are taken one after the
other for each user.
"""

from libs.db import ExclusionViolation, Transaction
from services.tool.delegation import bookings, steps
from services.tool.delegation.availability import Span


async def take(tx: Transaction, hold_id: str, stretch: Span, left: Span | None = None) -> bool:
    """Take the stretch under that id, in that user's scope; False when something is in the way. A second time it is
    taken already. `left`: where a meeting that moves stands, kept for it to come back to unless others share it."""
    await steps.lock_owner(tx)
    if await tx.fetchval("select 1 from network_holds where session_id = $1", hold_id):
        return True
    if (await bookings.in_the_way(tx, stretch)).busy:
        return False
    is_shared = left is not None and bool((await bookings.in_the_way(tx, left)).busy)
    kept = stretch if left is None or is_shared else left
    try:
        async with tx.savepoint():
            await tx.execute(
                """insert into network_holds (session_id, taken)
                   values ($1, tstzmultirange(tstzrange($2, $3)) + tstzmultirange(tstzrange($4, $5)))""",
                hold_id,
                *stretch,
                *kept,
            )
    except ExclusionViolation:
        return False
    return True


async def release(tx: Transaction, hold_id: str) -> None:
    """It stands in the calendar, or never will."""
    await tx.execute("delete from network_holds where session_id = $1", hold_id)
