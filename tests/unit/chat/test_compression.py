"""A long conversation keeps what matters within the room there is, and says where something was left out."""

from hypothesis import given, settings
from hypothesis import strategies as st

from services.chat.compression import GAP, compressed
from services.chat.turn_rows import Said

SMALL_TALK = "It is nice weather today and everybody seems to be rather happy about that. "


def said(number: int, text: str) -> Said:
    return Said("user" if number % 2 == 0 else "assistant", text)


def test_what_fits_is_not_touched() -> None:
    history = [said(0, "Hello."), said(1, "Hello, what can I do?")]
    assert compressed(history, "When?", 1_000) == history


def test_the_newest_stay_whole_and_an_old_fact_that_is_asked_for_survives() -> None:
    talk = [said(n, SMALL_TALK * 5) for n in range(40)]
    talk[3] = said(3, f"{SMALL_TALK}The contract with Mira Nowak ends on 2027-03-31. {SMALL_TALK}")
    kept = compressed(talk, "When does the contract with Mira end?", 4_000)
    assert kept[-1] == talk[-1]
    assert any("Mira Nowak ends on 2027-03-31" in each.text for each in kept)
    (shortened,) = [each for each in kept if "Nowak" in each.text]
    assert GAP in shortened.text
    assert shortened.role == "assistant"


def test_it_is_the_same_every_time() -> None:
    talk = [said(n, f"Item {n} costs {n * 7} euros. {SMALL_TALK}") for n in range(80)]
    assert compressed(talk, "item 7", 2_000) == compressed(talk, "item 7", 2_000)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=400), max_size=30), st.text(max_size=50), st.integers(0, 3_000))
def test_it_never_needs_more_room_than_there_is_and_keeps_the_order(
    texts: list[str], question: str, characters: int
) -> None:
    history = [said(n, text) for n, text in enumerate(texts)]
    kept = compressed(history, question, characters)
    assert sum(len(each.text) for each in kept) <= characters or kept == history
    if sum(map(len, texts)) > characters:
        assert sum(len(each.text) for each in kept) <= characters


def test_a_message_without_a_sentence_end_is_shortened_too() -> None:
    history = [said(0, "word " * 5_000), said(1, "Yes.")]
    kept = compressed(history, "word?", 1_000)
    assert kept[-1].text == "Yes."
    assert sum(len(each.text) for each in kept) <= 1_000
