"""What fits into a turn's context."""

from hypothesis import given
from hypothesis import strategies as st

from services.context.budget import Section, fit, included, tokens_of


def test_sections_are_taken_in_order_until_they_do_not_fit() -> None:
    receipt = fit([Section("first", "a" * 40), Section("second", "b" * 40)], max_tokens=15)

    assert [(line.source, line.outcome) for line in receipt] == [("first", "included"), ("second", "dropped")]
    assert receipt[1].reason == "needs 10 tokens, 5 are left"


def test_a_small_section_still_follows_one_that_is_too_large() -> None:
    receipt = fit([Section("large", "a" * 400), Section("small", "b")], max_tokens=10)

    assert not included(receipt, "large")
    assert included(receipt, "small")


def test_a_source_that_cannot_be_read_is_named() -> None:
    (line,) = fit([Section("profile", fault="the name cannot be decrypted")], max_tokens=100)

    assert (line.outcome, line.reason, line.tokens) == ("unavailable", "the name cannot be decrypted", 0)


@given(st.lists(st.text(max_size=200), max_size=8), st.integers(min_value=0, max_value=120))
def test_the_budget_is_never_exceeded_and_nothing_goes_unmentioned(texts: list[str], max_tokens: int) -> None:
    receipt = fit([Section(str(n), words) for n, words in enumerate(texts)], max_tokens)

    assert sum(line.tokens for line in receipt if line.outcome == "included") <= max_tokens
    assert [line.source for line in receipt] == [str(n) for n in range(len(texts))]


def test_a_started_token_counts_whole() -> None:
    assert [tokens_of(words) for words in ("", "a", "abcd", "abcde")] == [0, 1, 1, 2]
