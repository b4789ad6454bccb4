"""Words, folded so that different writings of one word meet."""

import pytest

from services.context.memory.words import plain_key, plain_text, words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("München", "MUENCHEN"),
        ("München", "Munchen"),
        ("Straße", "Straßen"),
        ("Café", "cafe\u0301"),
        ("meeting", "Meetings"),
        ("allergy", "allergies"),
        ("address", "addresses"),
        ("Katze", "Katzen"),
        ("Kind", "Kindern"),
        ("cat", "cats"),
        ("game", "games"),
        ("\uff34om", "Tom"),
        ("Tom's", "Tom"),
    ],
)
def test_two_writings_of_a_word_are_one_word(one: str, other: str) -> None:
    assert words(one) == words(other) != frozenset()


@pytest.mark.parametrize(("one", "other"), [("Tom", "Tim"), ("tea", "team"), ("2026", "2027"), ("bus", "business")])
def test_two_words_stay_two(one: str, other: str) -> None:
    assert not words(one) & words(other)


def test_words_without_weight_are_left_out() -> None:
    assert words("What do you know about me?") == words("know")
    assert words("Für die, and the ...") == frozenset()


def test_a_text_without_spaces_is_compared_by_pairs() -> None:
    assert words("東京に住んでいる") & words("東京のホテル") == {"東京"}


def test_a_key_is_one_however_it_is_written() -> None:
    assert {plain_key(key) for key in ("home_address", "Home Address", " HOME-address ", "home, address")} == {
        "home_address"
    }
    assert plain_key(" _ ") is plain_key(None) is None


def test_a_text_is_one_however_it_is_spaced_and_ended() -> None:
    assert plain_text(" Likes  TEA. ") == plain_text("likes\ntea!") != plain_text("likes tea?")
