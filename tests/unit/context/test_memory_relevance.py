"""Which entries have to do with a text, and that the reasons given are the whole reason."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.memory import MemoryKind, MemorySource, MemoryView
from services.context.memory.relevance import HALF_LIFE, WEIGHTS, recalled, recency

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def entry(text: str, *, key: str | None = None, importance: float = 0.5, age: timedelta = timedelta()) -> MemoryView:
    return MemoryView(
        memory_id=f"me_{abs(hash((text, key))):032x}"[:35],
        text=text,
        kind=MemoryKind.FACT,
        key=key,
        importance=importance,
        sources=(MemorySource(kind="user"),),
        from_others=False,
        created_at=NOW - age,
        updated_at=NOW - age,
    )


def texts(entries: list[MemoryView], text: str, limit: int = 5) -> list[str]:
    return [found.memory.text for found in recalled(entries, text, limit, NOW)]


PANTRY = [
    entry("Is allergic to peanuts"),
    entry("Likes tea in the morning"),
    entry("Lives at 12 Elm Street", key="home_address"),
    entry("Team meeting is on Tuesday morning"),
]


def test_a_question_finds_the_entry_with_its_words() -> None:
    assert texts(PANTRY, "Can I eat a peanut?") == ["Is allergic to peanuts"]
    assert texts(PANTRY, "When is the team meeting?") == ["Team meeting is on Tuesday morning"]


def test_an_entry_is_found_by_its_name_alone() -> None:
    assert texts(PANTRY, "What is my home address?") == ["Lives at 12 Elm Street"]


def test_a_german_question_finds_what_is_written_with_other_endings() -> None:
    kitchen = [entry("Mag keine Haselnüsse"), entry("Wohnt in München")]
    assert texts(kitchen, "Kuchen mit Haselnuessen") == ["Mag keine Haselnüsse"]
    assert texts(kitchen, "ein Hotel in Muenchen") == ["Wohnt in München"]


def test_without_a_word_or_name_in_common_nothing_is_relevant() -> None:
    assert texts([*PANTRY, entry("Never forget", importance=1)], "Which colour has the sky?") == []
    assert texts(PANTRY, "") == texts(PANTRY, "what is it about me?") == texts([], "peanuts") == []


def test_a_rare_word_counts_more_than_one_that_many_entries_have() -> None:
    many = [entry(f"meeting about {topic}") for topic in ("rent", "budget", "hiring", "travel")]
    assert texts([*many, entry("dentist downtown")], "a meeting or the dentist", 1) == ["dentist downtown"]


def test_of_two_that_say_as_much_the_weightier_and_then_the_newer_is_first() -> None:
    old, new = entry("tea at four", age=HALF_LIFE), entry("tea at five")
    weighty = entry("tea at nine", importance=1, age=HALF_LIFE)
    assert texts([old, new, weighty], "tea") == ["tea at nine", "tea at five", "tea at four"]


def test_recency_halves_every_half_life_and_never_exceeds_one() -> None:
    assert [recency(NOW - n * HALF_LIFE, NOW) for n in (0, 1, 2)] == [1, 0.5, 0.25]
    assert recency(NOW + timedelta(minutes=1), NOW) == 1


def test_the_weights_are_shares_of_one() -> None:
    assert sum(WEIGHTS.values()) == pytest.approx(1)


_WORDS = st.sampled_from(["tea", "tom", "rome", "allergy", "home", "the", "street", "munich", "müsli", "東京"])
_TEXTS = st.lists(_WORDS, max_size=8).map(" ".join)
_ENTRIES = st.builds(
    entry,
    _TEXTS,
    key=st.none() | st.sampled_from(["home_street", "tea", "boss"]),
    importance=st.floats(0, 1),
    age=st.timedeltas(timedelta(days=-1), timedelta(days=4000)),
)


@given(st.lists(_ENTRIES, max_size=12), _TEXTS, st.integers(1, 6))
def test_a_score_is_the_weighted_sum_of_its_parts_and_every_part_is_a_share(
    entries: list[MemoryView], text: str, limit: int
) -> None:
    found = recalled(entries, text, limit, NOW)

    assert len(found) <= limit
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    for one in found:
        values = {part.name: part.value for part in one.parts}
        assert {part.name: part.weight for part in one.parts} == WEIGHTS
        assert one.score == pytest.approx(sum(part.weight * part.value for part in one.parts))
        assert all(0 <= value <= 1 for value in (*values.values(), one.score))
        assert values["key"] or values["words"]
        assert values["importance"] == one.memory.importance
