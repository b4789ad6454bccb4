"""Negotiations as they stand in their table. Written in the scope of who began; read in that of either.

What happens in the calendars is noted by `services.tool.network.progress`.
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
EDITION: Final = 100
"""More than there are rounds in one."""


@dataclass(frozen=True, slots=True, repr=False)
class Entry:
    """What a calendar knows of the agreed time; the states are those of `services.tool.network.progress`."""

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

    @property
    def hold_id(self) -> str:
        """Under which its time is taken. Each time that it is looked for anew it is another one."""
        return f"{self.session_id} {self.state.edition}" if self.state.edition else self.session_id

    @property
    def number(self) -> int:
        """Tells steps of one kind apart that are told of this negotiation."""
        return EDITION * self.state.edition + self.state.round

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


async def open_over(tx: Transaction, connection_id: str) -> list[Session]:
    """Those over a connection that are not over; in the scope of the connection's owner or partner."""
    rows = await tx.fetch(f"{_SELECT} where connection_id = $1 and phase in ('open', 'agreed')", connection_id)
    return [_session(row) for row in rows]


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
    tx: Transaction,
    session: Session,
    state: Negotiation,
    sealed: bytes | None = None,
    moved_by: str | None = None,
    window: Span | None = None,
) -> None:
    """What somebody said, or nobody in time; the row is locked. Where the calendars are to follow, they begin anew."""
    window = window or session.window
    await tx.execute(
        """update negotiations
           set phase = $2, turn = $3, round = $4, slots = $5, until = $6, agreed = $7, content = coalesce($8, content),
               moved_by = case when $9::text is null then moved_by else moved_by || $9::text end,
               stands = $10::timestamptz, edition = $11, is_called_off = $12, window_start = $13, window_end = $14,
               tries = case when $15::boolean then 0 else tries end, is_undoing = is_undoing and not $15,
               error = case when $15 then null else error end,
               initiator_event = case when $15 and $10::timestamptz is not null then 'there' else initiator_event end,
               responder_event = case when $15 and $10::timestamptz is not null then 'there' else responder_event end,
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
        state.stands,
        state.edition,
        state.is_called_off,
        *window,
        state.phase.is_settling and state.phase is not session.state.phase,
    )


_SELECT = """
select organization_id, user_id, session_id, connection_id, partner_organization_id, partner_user_id, phase, turn,
       round, slots, until, agreed, coalesce(stands, case when phase = 'confirmed' then agreed end) as stands, edition,
       is_called_off, minutes, window_start, window_end, content, is_undoing, initiator_event, initiator_ref,
       responder_event, responder_ref, tries, error, created_at
from negotiations
"""


def _session(row: Row) -> Session:
    return Session(
        session_id=row["session_id"],
        connection_id=row["connection_id"],
        owner=Scope(OrganizationId(row["organization_id"]), UserId(row["user_id"])),
        partner=Scope(OrganizationId(row["partner_organization_id"]), UserId(row["partner_user_id"])),
        state=_state(row),
        minutes=row["minutes"],
        window=Span(row["window_start"], row["window_end"]),
        sealed=row["content"],
        is_undoing=row["is_undoing"],
        entries={side: Entry(row[f"{side}_event"], row[f"{side}_ref"]) for side in Side},
        tries=row["tries"],
        error=row["error"],
        created_at=row["created_at"],
    )


def _state(row: Row) -> Negotiation:
    return Negotiation(
        phase=Phase(row["phase"]),
        turn=Side(row["turn"]),
        round=row["round"],
        slots=tuple(row["slots"]),
        until=row["until"],
        agreed=row["agreed"],
        stands=row["stands"],
        edition=row["edition"],
        is_called_off=row["is_called_off"],
    )
