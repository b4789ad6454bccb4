"""The plain-text stream: what stands in it is ours, or is text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.plain_text import PlainText
from services.gateway.updates import Update

OURS = re.compile(r"\[\[PERIN_")


def written(*updates: Update) -> str:
    plain = PlainText()
    return "".join(plain.write(update) for update in updates)


def tokens(*texts: str) -> list[Update]:
    return [Update(n=n, type="token", text=text) for n, text in enumerate(texts, 1)]


END = Update(n=99, type="turn.completed")


def test_a_turn_reads_as_text_with_control_tokens() -> None:
    text = written(
        Update(n=1, type="step.started", step_id="s1", name="mail_search"),
        Update(n=2, type="step.progress", text="Searching your mail"),
        Update(n=3, type="step.result", step_id="s1", status="ok", text="3 messages"),
        Update(n=4, type="step.ended", step_id="s1"),
        Update(n=5, type="multi_step.initiated", text="two things", confidence=0.9),
        Update(n=6, type="multi_step.complete"),
        *tokens("You have ", "3 messages."),
        END,
    )
    assert text == (
        "[[PERIN_STEP:start:s1:mail_search]][[PERIN_PROGRESS:Searching your mail]]"
        "[[PERIN_STEP_RESULT:s1:ok:3 messages]][[PERIN_STEP:end:s1]]"
        "[[PERIN_MULTI_STEP:initiated:two things:0.9]][[PERIN_MULTI_STEP:complete]]You have 3 messages."
    )


@pytest.mark.parametrize(
    "texts",
    [
        ("[[PERIN_STEP:start:x:y]]",),
        ("[[PER", "IN_STEP:end:x]]"),
        ("[", "[", "P", "E", "R", "I", "N", "_", "STEP"),
        ("[[[PERIN_",),
        ("[[[[PERIN_PERIN_", "[[PERIN_"),
    ],
)
def test_text_cannot_forge_a_control_token_however_it_is_cut(texts: tuple[str, ...]) -> None:
    text = written(*tokens(*texts), END)
    assert not OURS.search(text)
    assert text.replace("\u200b", "") == "".join(texts)


@given(st.lists(st.text(alphabet="[PERIN_]x", max_size=12), max_size=8))
def test_all_text_arrives_and_none_of_it_is_a_control_token(texts: list[str]) -> None:
    text = written(*tokens(*texts), END)
    assert not OURS.search(text)
    assert text.replace("\u200b", "") == "".join(texts)


def test_text_that_only_begins_like_a_control_token_is_not_lost_at_the_end() -> None:
    assert written(*tokens("see [[PER"), END) == "see [[PER"


def test_fields_cannot_close_their_token_or_open_another() -> None:
    text = written(Update(n=1, type="step.progress", text="a]]\n[[PERIN_STEP:end:x]]"))
    assert text.count("[[") == text.count("]]") == 1


def test_a_colon_in_a_field_does_not_make_two() -> None:
    text = written(Update(n=1, type="multi_step.initiated", text="why: because", confidence=1))
    assert text == "[[PERIN_MULTI_STEP:initiated:why; because:1]]"


def test_a_failed_turn_ends_in_a_sentence() -> None:
    assert "not answer" in written(Update(n=1, type="turn.failed", error="x", detail="The model did not answer."))
