"""A negotiation as a value: who may say what, when. No I/O, no clock of its own.

open ──accept──> agreed ──> confirmed (both calendars have it)
 │ │ counter: the other one has the word, until a new deadline
 │                 └──────> failed (neither has it)
 └──> declined | cancelled | expired

What is confirmed can be looked for again at another time, and called off:

confirmed ──reopen──> open ──accept──> agreed ──> confirmed at the new time, or as it was
                       └──> declined or not answered: confirmed as it was
confirmed ──cancel──> cancelling ──> cancelled (both calendars have lost it)
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from services.tool.network.errors import MeetingBegan, NegotiationOver, NotYourTurn, SlotNotOffered, TooManyRounds

MOST_ROUNDS: Final = 10
MOST_MOVES: Final = 20
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
    """Where it stands. The first three go on by themselves; what is confirmed, only when somebody wants it."""

    OPEN = "open"
    AGREED = "agreed"
    CANCELLING = "cancelling"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        """Whether nothing happens by itself any more."""
        return self not in (Phase.OPEN, Phase.AGREED, Phase.CANCELLING)

    @property
    def is_settling(self) -> bool:
        """Whether the calendars are to follow."""
        return self in (Phase.AGREED, Phase.CANCELLING)


@dataclass(frozen=True, slots=True)
class Negotiation:
    """`slots` are on the table, proposed by the other of `turn`, who has the word until `until`.

    `stands` is when the meeting is in both calendars, also while another time is looked for; `edition` counts how often
    that was begun. `is_called_off`: one of the two cancelled while the calendars were following, and they come first.
    """

    phase: Phase
    turn: Side
    round: int
    slots: tuple[datetime, ...]
    until: datetime
    agreed: datetime | None = None
    stands: datetime | None = None
    edition: int = 0
    is_called_off: bool = False

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
    """Who is asked says no; of a meeting that stands, either says that it shall stay. Raises NegotiationOver,
    NotYourTurn."""
    if state.stands is not None:
        _require_open(state, now)
        return _stays(state)
    _require_turn(state, by, now)
    return replace(state, phase=Phase.DECLINED)


def reopen(state: Negotiation, by: Side, slots: tuple[datetime, ...], now: datetime, until: datetime) -> Negotiation:
    """Another time for a meeting that stands, and goes on standing. Raises NegotiationOver, MeetingBegan,
    TooManyRounds."""
    stands = require_reopen(state, now)
    until, edition = min(until, stands), state.edition + 1
    return Negotiation(Phase.OPEN, by.other, 1, slots, until, stands=stands, edition=edition)


def require_reopen(state: Negotiation, now: datetime) -> datetime:
    """When it is now. Raises NegotiationOver, MeetingBegan, TooManyRounds when nobody could propose anything."""
    state = expire(state, now)
    if state.phase is not Phase.CONFIRMED or state.stands is None:
        raise NegotiationOver
    if state.stands <= now:
        raise MeetingBegan
    if state.edition >= MOST_MOVES:
        raise TooManyRounds
    return state.stands


def cancel(state: Negotiation, now: datetime) -> Negotiation:
    """Either of the two withdraws, whoever has the word, also from a meeting that stands; a second time it is
    withdrawn already. Raises NegotiationOver, MeetingBegan."""
    if state.phase is Phase.CANCELLING or state.is_called_off:
        return state
    if state.phase is Phase.AGREED:
        return replace(state, is_called_off=True)
    if state.stands is None:
        _require_open(state, now)
        return replace(state, phase=Phase.CANCELLED)
    if state.stands <= now:
        raise MeetingBegan
    return replace(state, phase=Phase.CANCELLING, agreed=state.stands)


def expire(state: Negotiation, now: datetime) -> Negotiation:
    """Nobody answered in time: over, or as it was. Unchanged when it is not overdue, or over."""
    if not _is_overdue(state, now):
        return state
    return replace(state, phase=Phase.EXPIRED) if state.stands is None else _stays(state)


def settle(state: Negotiation, *, is_in_both: bool) -> Negotiation:
    """What came of an agreement in the calendars. Raises NegotiationOver when there is none."""
    if state.phase is not Phase.AGREED:
        raise NegotiationOver
    stands = state.agreed if is_in_both else state.stands
    if stands is None:
        return replace(state, phase=Phase.CANCELLED if state.is_called_off else Phase.FAILED, is_called_off=False)
    settled = replace(state, phase=Phase.CONFIRMED, agreed=stands, stands=stands, is_called_off=False)
    return replace(settled, phase=Phase.CANCELLING) if state.is_called_off else settled


def leave(state: Negotiation) -> Negotiation:
    """Neither calendar has what was called off. Raises NegotiationOver when nothing was."""
    if state.phase is not Phase.CANCELLING:
        raise NegotiationOver
    return replace(state, phase=Phase.CANCELLED, stands=None)


def _stays(state: Negotiation) -> Negotiation:
    return replace(state, phase=Phase.CONFIRMED, agreed=state.stands)


def _require_turn(state: Negotiation, by: Side, now: datetime) -> None:
    _require_open(state, now)
    if state.turn is not by:
        raise NotYourTurn


def _require_open(state: Negotiation, now: datetime) -> None:
    if state.phase is not Phase.OPEN or _is_overdue(state, now):
        raise NegotiationOver


def _is_overdue(state: Negotiation, now: datetime) -> bool:
    return state.phase is Phase.OPEN and now >= state.until
