"""Negotiations as they stand in their table. Written in the scope of who began; read in that of either.

What a row says of the calendars: `none` (has no event of it), `begun` (may have one), `there` (has it).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from contracts.envelope import Scope
from contracts.ids import OrganizationId, UserId
from libs.db import Row, Transaction
from services.tool.delegation.availability import Span
from services.tool.network.negotiation import Negotiation, Phase, Side

MOST_OPEN: Final = 20
"""Of one initiator over one connection."""


@dataclass(frozen=True, slots=True, repr=False)
class Entry:
    """What a calendar knows of the agreed time."""

    state: str
    ref: str | None


@dataclass(frozen=True, slots=True, repr=False)
class Session:
    """A row; `sealed` is opened with the owner's key."""

    session_id: str
    connection_id: str
    owner: Scope
    partner: Scope
    state: Negotiation
    minutes: int
    window: Span
    sealed: bytes
    is_undoing: bool
    entries: dict[Side, Entry]
    tries: int
    error: str | None
    created_at: datetime

    def side(self, scope: Scope) -> Side:
        """Which of the two that user is."""
        return Side.INITIATOR if scope == self.owner else Side.RESPONDER

    def scope(self, side: Side) -> Scope:
        """Who sits on that side."""
        return self.owner if side is Side.INITIATOR else self.partner


async def find(tx: Transaction, session_id: str, *, lock: bool = False) -> Session | None:
    """The negotiation, if the transaction's user is one of the two; locking is for its owner's scope."""
    row = await tx.fetchrow(f"{_SELECT} where session_id = $1{' for update' if lock else ''}", session_id)
    return _session(row) if row else None


async def find_moved(tx: Transaction, session_id: str, execution_id: str) -> Session | None:
    """The negotiation, if that execution has moved it."""
    row = await tx.fetchrow(f"{_SELECT} where session_id = $1 and $2 = any(moved_by)", session_id, execution_id)
    return _session(row) if row else None


async def listed(tx: Transaction, limit: int) -> list[Session]:
    """The transaction's user's, whoever began; the last changed first."""
    rows = await tx.fetch(f"{_SELECT} order by updated_at desc, session_id limit $1", limit)
    return [_session(row) for row in rows]


async def open_over(tx: Transaction, connection_id: str) -> list[str]:
    """Ids of those over a connection that are not over; in the scope of the connection's owner or partner."""
    rows = await tx.fetch(
        "select session_id from negotiations where connection_id = $1 and phase in ('open', 'agreed')", connection_id
    )
    return [row["session_id"] for row in rows]


async def insert(tx: Transaction, session: Session, moved_by: str | None) -> bool:
    """A new one, under the transaction's user; False when it is there already."""
    state = session.state
    tag = await tx.execute(
        """insert into negotiations (session_id, connection_id, partner_organization_id, partner_user_id, phase, turn,
                                     round, slots, until, minutes, window_start, window_end, content, moved_by,
                                     created_at, updated_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, clock_timestamp())
           on conflict (organization_id, user_id, session_id) do nothing""",
        session.session_id,
        session.connection_id,
        session.partner.organization_id,
        session.partner.user_id,
        state.phase,
        state.turn,
        state.round,
        list(state.slots),
        state.until,
        session.minutes,
        *session.window,
        session.sealed,
        [moved_by] if moved_by else [],
        session.created_at,
    )
    return tag != "INSERT 0 0"


async def moved(
    tx: Transaction, session: Session, state: Negotiation, sealed: bytes | None = None, moved_by: str | None = None
) -> None:
    """What somebody said, or nobody in time; the row is locked."""
    await tx.execute(
        """update negotiations
           set phase = $2, turn = $3, round = $4, slots = $5, until = $6, agreed = $7, content = coalesce($8, content),
               moved_by = case when $9::text is null then moved_by else moved_by || $9::text end,
               updated_at = clock_timestamp()
           where session_id = $1""",
        session.session_id,
        state.phase,
        state.turn,
        state.round,
        list(state.slots),
        state.until,
        state.agreed,
        sealed,
        moved_by,
    )


async def note_begun(tx: Transaction, session_id: str, side: Side) -> bool:
    """That side's calendar may have it from now on; False when it is not to get it any more."""
    tag = await tx.execute(
        f"""update negotiations set {side}_event = 'begun', updated_at = clock_timestamp()
            where session_id = $1 and phase = 'agreed' and not is_undoing and {side}_event <> 'there'""",  # noqa: S608 - a side
        session_id,
    )
    return tag != "UPDATE 0"


async def note_there(tx: Transaction, session_id: str, side: Side, ref: str | None) -> bool:
    """That side's calendar has it; False when it came late, and is to be taken out."""
    tag = await tx.execute(
        f"""update negotiations
            set {side}_event = 'there', {side}_ref = $2, tries = tries + is_undoing::integer,
                updated_at = clock_timestamp()
            where session_id = $1 and phase = 'agreed'""",  # noqa: S608 - a side
        session_id,
        ref,
    )
    return tag != "UPDATE 0"


async def note_gone(tx: Transaction, session_id: str, side: Side) -> None:
    """That side's calendar does not have it, and will not."""
    await tx.execute(
        f"""update negotiations set {side}_event = 'none', {side}_ref = null, updated_at = clock_timestamp()
            where session_id = $1 and phase = 'agreed' and is_undoing""",  # noqa: S608 - a side
        session_id,
    )


async def undo(tx: Transaction, session_id: str, error: str) -> None:
    """It will not be in both calendars: from now on it is taken out."""
    await tx.execute(
        """update negotiations set is_undoing = true, error = $2, updated_at = clock_timestamp()
           where session_id = $1 and phase = 'agreed' and not is_undoing""",
        session_id,
        error,
    )


async def try_again(tx: Transaction, session: Session) -> None:
    """The next try is an execution anew."""
    await tx.execute(
        """update negotiations set tries = tries + 1, updated_at = clock_timestamp()
           where session_id = $1 and tries = $2""",
        session.session_id,
        session.tries,
    )


async def conclude(tx: Transaction, session_id: str, phase: Phase, error: str | None) -> bool:
    """It is in both calendars, or in neither; False when that was noted already."""
    tag = await tx.execute(
        """update negotiations set phase = $2, error = $3, updated_at = clock_timestamp()
           where session_id = $1 and phase = 'agreed'""",
        session_id,
        phase,
        error,
    )
    return tag != "UPDATE 0"


_SELECT = """
select organization_id, user_id, session_id, connection_id, partner_organization_id, partner_user_id, phase, turn,
       round, slots, until, agreed, minutes, window_start, window_end, content, is_undoing, initiator_event,
       initiator_ref, responder_event, responder_ref, tries, error, created_at
from negotiations
"""


def _session(row: Row) -> Session:
    return Session(
        session_id=row["session_id"],
        connection_id=row["connection_id"],
        owner=Scope(OrganizationId(row["organization_id"]), UserId(row["user_id"])),
        partner=Scope(OrganizationId(row["partner_organization_id"]), UserId(row["partner_user_id"])),
        state=Negotiation(
            Phase(row["phase"]), Side(row["turn"]), row["round"], tuple(row["slots"]), row["until"], row["agreed"]
        ),
        minutes=row["minutes"],
        window=Span(row["window_start"], row["window_end"]),
        sealed=row["content"],
        is_undoing=row["is_undoing"],
        entries={side: Entry(row[f"{side}_event"], row[f"{side}_ref"]) for side in Side},
        tries=row["tries"],
        error=row["error"],
        created_at=row["created_at"],
    )
