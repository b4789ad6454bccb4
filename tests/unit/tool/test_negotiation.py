"""Whatever two people say in whatever order: at most one time is agreed on, nobody speaks out of turn, and it ends."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.resilience.errors import AdjutantError
from services.tool.network import negotiation
from services.tool.network.errors import MeetingBegan, NegotiationOver, NotYourTurn, SlotNotOffered, TooManyRounds
from services.tool.network.negotiation import MOST_MOVES, MOST_ROUNDS, Negotiation, Phase, Side

NOW = datetime(2031, 3, 3, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
WITHIN = timedelta(hours=48)
SLOTS = tuple(NOW + timedelta(days=4) + n * HOUR for n in range(6))


class Said(NamedTuple):
    """Somebody says something, some hours after the last word."""

    by: Side
    what: str
    slot: datetime
    after: timedelta


sayings = st.builds(
    Said,
    st.sampled_from(list(Side)),
    st.sampled_from(
        [
            "counter",
            "counter",
            "accept",
            "accept",
            "decline",
            "cancel",
            "expire",
            "confirm",
            "confirm",
            "fail",
            "reopen",
            "reopen",
            "leave",
        ]
    ),
    st.sampled_from(SLOTS),
    st.integers(0, 60).map(lambda hours: timedelta(hours=hours)),
)
offers = st.lists(st.sampled_from(SLOTS), min_size=1, max_size=4, unique=True).map(tuple)


def apply(state: Negotiation, said: Said, slots: tuple[datetime, ...], now: datetime) -> Negotiation:
    match said.what:
        case "counter":
            return negotiation.counter(state, said.by, slots, now, now + WITHIN)
        case "accept":
            return negotiation.accept(state, said.by, said.slot, now)
        case "decline":
            return negotiation.decline(state, said.by, now)
        case "cancel":
            return negotiation.cancel(state, now)
        case "expire":
            return negotiation.expire(state, now)
        case "reopen":
            return negotiation.reopen(state, said.by, slots, now, now + WITHIN)
        case "leave":
            return negotiation.leave(state)
    return negotiation.settle(state, is_in_both=said.what == "confirm")


@given(st.lists(st.tuples(sayings, offers), max_size=40), offers)
def test_any_conversation_keeps_to_the_rules(
    conversation: list[tuple[Said, tuple[datetime, ...]]], first: tuple[datetime, ...]
) -> None:
    now, state = NOW, negotiation.begin(first, NOW + WITHIN)
    for said, slots in conversation:
        now += said.after
        before = state
        try:
            state = apply(before, said, slots, now)
        except AdjutantError:
            continue
        if state == before:
            continue
        by_themselves = ("cancel", "reopen", "expire")
        assert not before.phase.is_final or before.phase is Phase.CONFIRMED, "what is over stays as it is"
        assert before.phase is not Phase.CONFIRMED or said.what in by_themselves, "only what somebody wants"
        if said.what in ("counter", "accept") or (said.what == "decline" and before.stands is None):
            assert said.by is before.turn, "who does not have the word cannot move"
        if before.phase is Phase.OPEN and said.what not in by_themselves:
            assert now < before.until, "nothing is said after the deadline"
        if state.phase is Phase.AGREED and before.phase is Phase.OPEN:
            assert state.agreed in before.slots
            assert state.agreed is not None
            assert state.agreed > now
        if before.phase is Phase.AGREED and said.what != "fail":
            assert state.agreed == before.agreed, "what was agreed on does not change"
        _keeps_what_stands(before, state, said)
        assert state.round <= MOST_ROUNDS
        assert state.edition <= MOST_MOVES


def _keeps_what_stands(before: Negotiation, after: Negotiation, said: Said) -> None:
    """A meeting stands until both calendars have it elsewhere, or have lost it."""
    if before.stands is not None and after.stands != before.stands:
        assert said.what in ("confirm", "leave")
    if before.stands is None and after.stands is not None:
        assert (said.what, before.phase) == ("confirm", Phase.AGREED)
    assert after.phase not in (Phase.CONFIRMED, Phase.CANCELLING) or after.agreed == after.stands is not None


@given(st.lists(st.tuples(sayings, offers), max_size=40), offers)
def test_it_ends_by_itself_whatever_was_said(
    conversation: list[tuple[Said, tuple[datetime, ...]]], first: tuple[datetime, ...]
) -> None:
    now, state = NOW, negotiation.begin(first, NOW + WITHIN)
    for said, slots in conversation:
        now += said.after
        try:
            state = apply(state, said, slots, now)
        except AdjutantError:
            continue
    later = negotiation.expire(state, NOW + MOST_ROUNDS * WITHIN)

    assert later.phase is not Phase.OPEN
    settled = negotiation.settle(later, is_in_both=False) if later.phase is Phase.AGREED else later
    assert settled.phase.is_final or negotiation.leave(settled).phase is Phase.CANCELLED


def test_ten_rounds_are_enough() -> None:
    state = negotiation.begin(SLOTS[:1], NOW + WITHIN)
    for _ in range(MOST_ROUNDS - 1):
        state = negotiation.counter(state, state.turn, SLOTS[1:2], NOW, NOW + WITHIN)

    assert state.rounds_left == 0
    with pytest.raises(TooManyRounds):
        negotiation.counter(state, state.turn, SLOTS[:1], NOW, NOW + WITHIN)
    assert negotiation.accept(state, state.turn, SLOTS[1], NOW).phase is Phase.AGREED


def test_a_time_that_is_no_longer_on_the_table_or_has_passed_cannot_be_accepted() -> None:
    state = negotiation.begin(SLOTS[:2], NOW + WITHIN)
    countered = negotiation.counter(state, Side.RESPONDER, SLOTS[3:4], NOW, NOW + WITHIN)

    with pytest.raises(SlotNotOffered):
        negotiation.accept(countered, Side.INITIATOR, SLOTS[0], NOW)
    with pytest.raises(SlotNotOffered):
        negotiation.accept(replace(state, until=SLOTS[1]), Side.RESPONDER, SLOTS[0], SLOTS[0])


def test_the_proposer_waits_and_may_only_withdraw() -> None:
    state = negotiation.begin(SLOTS[:2], NOW + WITHIN)

    with pytest.raises(NotYourTurn):
        negotiation.accept(state, Side.INITIATOR, SLOTS[0], NOW)
    with pytest.raises(NotYourTurn):
        negotiation.decline(state, Side.INITIATOR, NOW)
    assert negotiation.cancel(state, NOW).phase is Phase.CANCELLED


def test_only_what_was_agreed_on_is_settled_and_only_once() -> None:
    state = negotiation.begin(SLOTS[:2], NOW + WITHIN)
    agreed = negotiation.accept(state, Side.RESPONDER, SLOTS[0], NOW)

    with pytest.raises(NegotiationOver):
        negotiation.settle(state, is_in_both=True)
    with pytest.raises(NegotiationOver):
        negotiation.settle(negotiation.settle(agreed, is_in_both=True), is_in_both=False)


def confirmed(at: datetime) -> Negotiation:
    state = negotiation.accept(negotiation.begin((at,), NOW + WITHIN), Side.RESPONDER, at, NOW)
    return negotiation.settle(state, is_in_both=True)


def test_a_meeting_stands_while_another_time_is_looked_for_and_moves_when_both_have_it() -> None:
    opened = negotiation.reopen(confirmed(SLOTS[0]), Side.RESPONDER, SLOTS[1:3], NOW, NOW + WITHIN)
    agreed = negotiation.accept(opened, Side.INITIATOR, SLOTS[2], NOW)

    assert (opened.phase, opened.stands, opened.turn) == (Phase.OPEN, SLOTS[0], Side.INITIATOR)
    assert (agreed.stands, agreed.agreed) == (SLOTS[0], SLOTS[2])
    assert negotiation.settle(agreed, is_in_both=True).stands == SLOTS[2]
    stayed = negotiation.settle(agreed, is_in_both=False)
    assert (stayed.phase, stayed.agreed, stayed.stands) == (Phase.CONFIRMED, SLOTS[0], SLOTS[0])


@pytest.mark.parametrize("how", ["answerer", "proposer", "nobody"])
def test_what_is_declined_or_not_answered_leaves_the_meeting_as_it_was(how: str) -> None:
    before = confirmed(SLOTS[0])
    opened = negotiation.reopen(before, Side.INITIATOR, SLOTS[1:2], NOW, NOW + WITHIN)
    if how == "nobody":
        after = negotiation.expire(opened, NOW + WITHIN)
    else:
        after = negotiation.decline(opened, Side.RESPONDER if how == "answerer" else Side.INITIATOR, NOW)

    assert (after.phase, after.agreed, after.stands) == (Phase.CONFIRMED, SLOTS[0], SLOTS[0])
    assert negotiation.reopen(after, Side.RESPONDER, SLOTS[3:4], NOW, NOW + WITHIN).edition == opened.edition + 1


def test_another_time_can_be_answered_no_longer_than_the_meeting_stands_ahead() -> None:
    before = confirmed(SLOTS[0])
    opened = negotiation.reopen(before, Side.INITIATOR, SLOTS[1:2], SLOTS[0] - HOUR, SLOTS[0] + WITHIN)

    assert opened.until == SLOTS[0]
    with pytest.raises(MeetingBegan):
        negotiation.reopen(before, Side.INITIATOR, SLOTS[1:2], SLOTS[0], SLOTS[0] + WITHIN)
    with pytest.raises(MeetingBegan):
        negotiation.cancel(before, SLOTS[0])


def test_a_meeting_is_moved_a_bounded_number_of_times() -> None:
    state = confirmed(SLOTS[0])
    for _ in range(MOST_MOVES):
        state = negotiation.decline(
            negotiation.reopen(state, Side.INITIATOR, SLOTS[1:2], NOW, NOW + WITHIN), Side.RESPONDER, NOW
        )

    with pytest.raises(TooManyRounds):
        negotiation.reopen(state, Side.INITIATOR, SLOTS[1:2], NOW, NOW + WITHIN)


def test_what_is_called_off_while_the_calendars_follow_goes_when_they_have() -> None:
    agreed = negotiation.accept(negotiation.begin(SLOTS[:1], NOW + WITHIN), Side.RESPONDER, SLOTS[0], NOW)
    called_off = negotiation.cancel(agreed, NOW)

    assert negotiation.cancel(called_off, NOW) == called_off, "said twice it is said once"
    assert negotiation.settle(called_off, is_in_both=False).phase is Phase.CANCELLED
    leaving = negotiation.settle(called_off, is_in_both=True)
    assert (leaving.phase, leaving.is_called_off) == (Phase.CANCELLING, False)
    assert negotiation.leave(leaving).phase is Phase.CANCELLED


def test_a_cancelled_meeting_does_not_move_and_a_moving_one_can_be_cancelled() -> None:
    before = confirmed(SLOTS[0])
    moving = negotiation.reopen(before, Side.INITIATOR, SLOTS[1:2], NOW, NOW + WITHIN)

    assert negotiation.cancel(moving, NOW).phase is Phase.CANCELLING
    with pytest.raises(NegotiationOver):
        negotiation.reopen(negotiation.cancel(before, NOW), Side.RESPONDER, SLOTS[1:2], NOW, NOW + WITHIN)
    with pytest.raises(NegotiationOver):
        negotiation.accept(negotiation.cancel(moving, NOW), Side.RESPONDER, SLOTS[1], NOW)


def test_the_answer_can_be_given_until_the_deadline_and_not_at_it() -> None:
    state = negotiation.begin(SLOTS[:2], NOW + WITHIN)

    assert negotiation.expire(state, NOW + WITHIN - HOUR) is state
    assert negotiation.expire(state, NOW + WITHIN).phase is Phase.EXPIRED
    with pytest.raises(NegotiationOver):
        negotiation.accept(state, Side.RESPONDER, SLOTS[0], NOW + WITHIN)
