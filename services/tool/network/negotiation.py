"""A negotiation as a value: who may say what, when. No I/O, no clock of its own.

open ──accept──> agreed ──> confirmed (both calendars have it)
 │ │ counter: the other one has the word, until a new deadline
 │                 └──────> failed (neither has it)
 └──> declined | cancelled | expired
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from services.tool.network.errors import NegotiationOver, NotYourTurn, SlotNotOffered, TooManyRounds

MOST_ROUNDS: Final = 10
MOST_SLOTS: Final = 10


class Side(StrEnum):
    """Who of the two."""

    INITIATOR = "initiator"
    RESPONDER = "responder"

    @property
    def other(self) -> "Side":
        """The one across the table."""
        return Side.RESPONDER if self is Side.INITIATOR else Side.INITIATOR


class Phase(StrEnum):
    """Where it stands; all but the first two are final."""

    OPEN = "open"
    AGREED = "agreed"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        """Whether nothing happens any more."""
        return self not in (Phase.OPEN, Phase.AGREED)


@dataclass(frozen=True, slots=True)
class Negotiation:
    """`slots` are on the table, proposed by the other of `turn`, who has the word until `until`."""

    phase: Phase
    turn: Side
    round: int
    slots: tuple[datetime, ...]
    until: datetime
    agreed: datetime | None = None

    @property
    def rounds_left(self) -> int:
        """Proposals that can still be made."""
        return MOST_ROUNDS - self.round if self.phase is Phase.OPEN else 0


def begin(slots: tuple[datetime, ...], until: datetime) -> Negotiation:
    """The initiator's first proposal."""
    return Negotiation(Phase.OPEN, Side.RESPONDER, 1, slots, until)


def require_counter(state: Negotiation, by: Side, now: datetime) -> None:
    """Raises NegotiationOver, NotYourTurn, TooManyRounds when `by` could not propose anything."""
    _require_turn(state, by, now)
    if state.round >= MOST_ROUNDS:
        raise TooManyRounds


def counter(state: Negotiation, by: Side, slots: tuple[datetime, ...], now: datetime, until: datetime) -> Negotiation:
    """Other times instead of those on the table. Raises NegotiationOver, NotYourTurn, TooManyRounds."""
    require_counter(state, by, now)
    return replace(state, turn=by.other, round=state.round + 1, slots=slots, until=until)


def accept(state: Negotiation, by: Side, slot: datetime, now: datetime) -> Negotiation:
    """One of the times on the table. Raises NegotiationOver, NotYourTurn, SlotNotOffered."""
    _require_turn(state, by, now)
    if slot not in state.slots or slot <= now:
        raise SlotNotOffered
    return replace(state, phase=Phase.AGREED, agreed=slot)


def decline(state: Negotiation, by: Side, now: datetime) -> Negotiation:
    """Who is asked says no. Raises NegotiationOver, NotYourTurn."""
    _require_turn(state, by, now)
    return replace(state, phase=Phase.DECLINED)


def cancel(state: Negotiation, now: datetime) -> Negotiation:
    """Either of the two withdraws, whoever has the word. Raises NegotiationOver."""
    _require_open(state, now)
    return replace(state, phase=Phase.CANCELLED)


def expire(state: Negotiation, now: datetime) -> Negotiation:
    """Nobody answered in time; unchanged when it is not overdue, or over."""
    return replace(state, phase=Phase.EXPIRED) if _is_overdue(state, now) else state


def settle(state: Negotiation, *, is_in_both: bool) -> Negotiation:
    """What came of an agreement in the calendars. Raises NegotiationOver when there is none."""
    if state.phase is not Phase.AGREED:
        raise NegotiationOver
    return replace(state, phase=Phase.CONFIRMED if is_in_both else Phase.FAILED)


def _require_turn(state: Negotiation, by: Side, now: datetime) -> None:
    _require_open(state, now)
    if state.turn is not by:
        raise NotYourTurn


def _require_open(state: Negotiation, now: datetime) -> None:
    if state.phase is not Phase.OPEN or _is_overdue(state, now):
        raise NegotiationOver


def _is_overdue(state: Negotiation, now: datetime) -> bool:
    return state.phase is Phase.OPEN and now >= state.until
