"""What the calendars have got, noted step after step in the owner's scope: whoever comes next goes on from there.

Of a calendar it says: `none` (has no event of it), `begun` (may have one), `there` (has it), `moving` (has it, at the
time that stands or at the one it is moved to), `moved` (has it at that one). Each note is for the edition that it was
made in: who comes late changes nothing.
"""

from libs.db import Transaction
from services.tool.network.negotiation import Negotiation, Side
from services.tool.network.sessions import Session


async def note_begun(tx: Transaction, session: Session, side: Side) -> bool:
    """That side's calendar may have it from now on; False when it is not to get it any more."""
    return await _noted(tx, session, f"{side}_event = 'begun'", f"not is_undoing and {side}_event in ('none', 'begun')")


async def note_there(tx: Transaction, session: Session, side: Side, ref: str | None) -> bool:
    """That side's calendar has it; False when it came late, and is to be taken out."""
    change = f"{side}_event = 'there', {side}_ref = $3, tries = tries + is_undoing::integer"
    if await _noted(tx, session, change, "true", ref):
        return True
    kept = await tx.fetchval(
        f"select {side}_event <> 'none' from negotiations where session_id = $1",  # noqa: S608 - a side
        session.session_id,
    )
    return bool(kept)


async def note_moving(tx: Transaction, session: Session, side: Side) -> bool:
    """That side's calendar may have it at the other time from now on; False when it is not to any more."""
    states = f"not is_undoing and {side}_event in ('there', 'moving')"
    return await _noted(tx, session, f"{side}_event = 'moving'", states)


async def note_moved(tx: Transaction, session: Session, side: Side, ref: str | None) -> None:
    """That side's calendar has it at the other time."""
    change = f"{side}_event = 'moved', {side}_ref = coalesce($3, {side}_ref), tries = tries + is_undoing::integer"
    await _noted(tx, session, change, f"{side}_event in ('moving', 'moved')", ref)


async def note_stayed(tx: Transaction, session: Session, side: Side, ref: str | None = None) -> None:
    """That side's calendar has it where it stands, and will not move it."""
    change = f"{side}_event = 'there', {side}_ref = coalesce($3, {side}_ref)"
    await _noted(tx, session, change, "is_undoing", ref)


async def note_gone(tx: Transaction, session: Session, side: Side) -> None:
    """That side's calendar does not have it, and will not."""
    wanted = "(is_undoing or phase = 'cancelling')"
    await _noted(tx, session, f"{side}_event = 'none', {side}_ref = null", wanted)


async def undo(tx: Transaction, session: Session, error: str) -> None:
    """It will not be in both calendars: from now on what was done is taken back."""
    await _noted(tx, session, "is_undoing = true, error = $3", "not is_undoing", error)


async def try_again(tx: Transaction, session: Session) -> None:
    """The next try is an execution anew."""
    await _noted(tx, session, "tries = tries + 1", "tries = $3", session.tries)


async def conclude(tx: Transaction, session: Session, state: Negotiation, error: str | None) -> bool:
    """Both calendars are as they shall be, or as near to that as they get; False when that was noted already.

    The row is locked, and what comes after it (somebody has called it off meanwhile) begins anew.
    """
    tag = await tx.execute(
        """update negotiations
           set phase = $3, agreed = $4, stands = $5, error = $6::text,
               is_called_off = false, is_undoing = false, tries = 0,
               initiator_event = case when initiator_event = 'moved' and $6::text is null then 'there'
                                      else initiator_event end,
               responder_event = case when responder_event = 'moved' and $6::text is null then 'there'
                                      else responder_event end,
               updated_at = clock_timestamp()
           where session_id = $1 and edition = $2 and phase = $7""",
        session.session_id,
        session.state.edition,
        state.phase,
        state.agreed,
        state.stands,
        error,
        session.state.phase,
    )
    return tag != "UPDATE 0"


async def _noted(tx: Transaction, session: Session, change: str, when: str, *values: object) -> bool:
    """`change` and `when` are this module's words; whether anything was changed."""
    tag = await tx.execute(
        f"""update negotiations set {change}, updated_at = clock_timestamp()
            where session_id = $1 and edition = $2 and phase in ('agreed', 'cancelling') and {when}""",  # noqa: S608
        session.session_id,
        session.state.edition,
        *values,
    )
    return tag != "UPDATE 0"
