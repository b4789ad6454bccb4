"""What is written into GitHub, Slack and Notion comes out as it was meant, whatever it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.providers.github.marks import is_marked, marked, without_mark
from libs.providers.notion.blocks import (
    MAX_BLOCKS,
    TEXT_CHARACTERS,
    blocks_of,
    plain_text,
    reference,
    without_references,
)
from libs.providers.slack.wording import escaped, mentioned, readable

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=200)
LINES = st.lists(WORDS, max_size=20).map("\n".join)
EXECUTION = "x_0193b0f1a8c07d3e9f00112233445566"
MENTION = st.from_regex(r"<@[UW][A-Z0-9]{2,10}>", fullmatch=True)


@given(LINES.filter(lambda text: not mentioned(text)))
def test_slack_shows_exactly_what_was_written(text: str) -> None:
    assert readable(escaped(text), {}) == text


@given(WORDS)
def test_nothing_written_to_slack_is_markup_but_mentions_of_people(text: str) -> None:
    sent = escaped(text)
    for mention in mentioned(text):
        sent = sent.replace(f"<@{mention}>", "")
    assert "<" not in sent
    assert ">" not in sent


def test_people_are_mentioned_and_named() -> None:
    assert escaped("Ask <@U123ABC> & <!channel>") == "Ask <@U123ABC> &amp; &lt;!channel&gt;"
    assert readable("<@U1AB|tom> <@W2AB> <#C1|general> <!here> <!subteam^S1|@team>", {"U1AB": "Tom"}) == (
        "@Tom @W2AB #general @here @team"
    )
    assert readable("<https://a.example|here> <https://b.example>", {}) == "here (https://a.example) https://b.example"
    assert readable("&amp;lt;", {}) == "&lt;"


@given(LINES)
def test_a_mark_at_github_is_found_and_taken_off(text: str) -> None:
    body = marked(text, EXECUTION)

    assert is_marked(body, EXECUTION)
    assert is_marked(body.replace("\n", "\r\n") + "\r\n", EXECUTION)
    assert not is_marked(body, EXECUTION[:-1] + "7")
    assert without_mark(body).strip() == text.strip()


@given(LINES)
def test_notion_gets_every_line_once_and_no_piece_too_long(text: str) -> None:
    *blocks, last = blocks_of(text, EXECUTION)

    assert plain_text(last) == reference(EXECUTION)
    assert len(blocks) == sum(bool(line.strip()) for line in text.split("\n"))
    for block, line in zip(blocks, (line for line in text.split("\n") if line.strip()), strict=True):
        assert line.rstrip().endswith(plain_text(block))


def test_limits_of_notion_are_kept() -> None:
    (block, _) = blocks_of("y" * (2 * TEXT_CHARACTERS + 1), EXECUTION)
    pieces = [part["text"]["content"] for part in block["paragraph"]["rich_text"]]
    assert [len(piece) for piece in pieces] == [TEXT_CHARACTERS, TEXT_CHARACTERS, 1]

    assert len(blocks_of("\n".join(["line"] * (MAX_BLOCKS - 1)), EXECUTION)) == MAX_BLOCKS
    with pytest.raises(ValueError, match="at most"):
        blocks_of("\n".join(["line"] * MAX_BLOCKS), EXECUTION)


def test_references_are_taken_out_of_what_is_read() -> None:
    text = f"# Plan\n\nOurs\n\n{reference(EXECUTION)}\n\nTheirs, not Added by Adjutant, ref nothing"

    assert without_references(text) == "# Plan\n\nOurs\n\nTheirs, not Added by Adjutant, ref nothing"
