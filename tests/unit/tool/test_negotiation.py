"""Whatever two people say in whatever order: at most one time is agreed on, nobody speaks out of turn, and it ends."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.resilience.errors import AdjutantError
from services.tool.network import negotiation
from services.tool.network.errors import NegotiationOver, NotYourTurn, SlotNotOffered, TooManyRounds
from services.tool.network.negotiation import MOST_ROUNDS, Negotiation, Phase, Side

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
    st.sampled_from(["counter", "counter", "counter", "accept", "decline", "cancel", "expire", "confirm", "fail"]),
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
    return negotiation.settle(state, is_in_both=said.what == "confirm")


@given(st.lists(st.tuples(sayings, offers), max_size=40), offers)
def test_any_conversation_keeps_to_the_rules(
    conversation: list[tuple[Said, tuple[datetime, ...]]], first: tuple[datetime, ...]
) -> None:
    now, state = NOW, negotiation.begin(first, NOW + WITHIN)
    agreements: list[datetime] = []
    for said, slots in conversation:
        now += said.after
        before = state
        try:
            state = apply(before, said, slots, now)
        except AdjutantError:
            continue
        if state == before:
            continue
        assert not before.phase.is_final, "what is over stays as it is"
        if said.what in ("counter", "accept", "decline"):
            assert said.by is before.turn, "who does not have the word cannot move"
        if said.what not in ("expire", "confirm", "fail"):
            assert now < before.until, "nothing is said after the deadline"
        if state.phase is Phase.AGREED:
            assert state.agreed in before.slots
            assert state.agreed > now
            agreements.append(said.slot)
        if before.agreed is not None:
            assert state.agreed == before.agreed, "what was agreed on does not change"
        assert state.round <= MOST_ROUNDS
    assert len(agreements) <= 1


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
    assert later.phase is not Phase.AGREED or negotiation.settle(later, is_in_both=False).phase.is_final


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
    with pytest.raises(NegotiationOver):
        negotiation.cancel(agreed, NOW)


def test_the_answer_can_be_given_until_the_deadline_and_not_at_it() -> None:
    state = negotiation.begin(SLOTS[:2], NOW + WITHIN)

    assert negotiation.expire(state, NOW + WITHIN - HOUR) is state
    assert negotiation.expire(state, NOW + WITHIN).phase is Phase.EXPIRED
    with pytest.raises(NegotiationOver):
        negotiation.accept(state, Side.RESPONDER, SLOTS[0], NOW + WITHIN)
