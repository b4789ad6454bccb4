"""Importance, where nobody gave it."""

from hypothesis import given
from hypothesis import strategies as st

from contracts.memory import MemoryKind
from services.context.memory.importance import importance


def weight(text: str, kind: MemoryKind = MemoryKind.FACT, *, named: bool = False, from_others: bool = False) -> float:
    return importance(text, kind, named=named, from_others=from_others)


def test_what_lasts_counts_for_more_in_english_and_german() -> None:
    for text in ("Is allergic to peanuts", "Never before nine", "Ist allergisch gegen Nüsse", "Geburtstag am 3. Mai"):
        assert weight(text) > weight("Had soup today")


def test_a_name_and_a_goal_count_for_more_and_length_and_others_for_less() -> None:
    assert weight("Elm Street", named=True) > weight("Elm Street")
    assert weight("Run a marathon", MemoryKind.GOAL) > weight("Run a marathon")
    assert weight("soup " * 120) < weight("soup " * 40) < weight("soup")
    assert weight("Elm Street", from_others=True) < weight("Elm Street")


@given(st.text(max_size=1000), st.sampled_from(MemoryKind), st.booleans(), st.booleans())
def test_it_leaves_room_above_and_below_for_what_somebody_weighed(
    text: str, kind: MemoryKind, named: bool, from_others: bool
) -> None:
    assert 0.05 <= weight(text, kind, named=named, from_others=from_others) <= 0.95
