"""Anthropic's stream, event by event. The truth: Anthropic's documentation of its streaming format."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.models.anthropic_events import MessagesAnswer
from libs.models.errors import (
    ContextTooLarge,
    ModelRateLimited,
    ModelRefused,
    ModelRefusedKey,
    ModelUnavailable,
    StreamBroken,
)
from libs.models.messages import Finished, ToolCall, ToolCalls
from tests.unit.models.streams import CUTS, NEWLINES, NOISE, TEXTS, data, read, same_in_portions

STOP = {"type": "message_stop"}
PING = {"type": "ping"}


def start(**usage: int) -> dict[str, Any]:
    """The first event."""
    told = {"input_tokens": 10, "output_tokens": 1, **usage}
    return {"type": "message_start", "message": {"id": "m", "model": "claude-x", "content": [], "usage": told}}


def block(index: int, **fields: Any) -> dict[str, Any]:
    """A block begins."""
    return {"type": "content_block_start", "index": index, "content_block": fields}


def delta(index: int, **fields: Any) -> dict[str, Any]:
    """A block goes on."""
    return {"type": "content_block_delta", "index": index, "delta": fields}


def end(reason: str, output_tokens: int = 7, **usage: int) -> dict[str, Any]:
    """Reason and totals."""
    told = {"output_tokens": output_tokens, **usage}
    return {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": told}


def texts(*said: str) -> list[dict[str, Any]]:
    """One block of text."""
    pieces = [delta(0, type="text_delta", text=text) for text in said]
    return [block(0, type="text", text=""), *pieces, {"type": "content_block_stop", "index": 0}]


def call(index: int, id: str, name: str, *pieces: str) -> list[dict[str, Any]]:
    """One call."""
    told = [delta(index, type="input_json_delta", partial_json=piece) for piece in pieces]
    begun = block(index, type="tool_use", id=id, name=name, input={})
    return [begun, *told, {"type": "content_block_stop", "index": index}]


def test_input_tokens_include_what_the_cache_read_and_wrote() -> None:
    first = start(cache_read_input_tokens=100, cache_creation_input_tokens=20)
    text, told = read(MessagesAnswer("m"), first, PING, *texts("Hel", "lo"), end("end_turn"), STOP)
    assert text == "Hello"
    assert told == [Finished("stop", "claude-x", 130, 7, cached_tokens=100, cache_write_tokens=20)]


def test_running_totals_replace_each_other() -> None:
    deltas = (end("end_turn", 5), end("end_turn", 9, input_tokens=12, cache_read_input_tokens=3))
    _, told = read(MessagesAnswer("m"), start(), *texts("x"), *deltas, STOP)
    assert told == [Finished("stop", "claude-x", 15, 9, cached_tokens=3)]


def test_calls_are_told_complete_beside_text_and_thinking_that_nobody_sees() -> None:
    thinking = [block(0, type="thinking", thinking=""), delta(0, type="thinking_delta", thinking="the user wants")]
    calls = [*call(1, "toolu_1", "mail_search", '{"un', 'read":true}'), *call(2, "toolu_2", "calendar_list")]
    text, told = read(MessagesAnswer("m"), start(), *thinking, *calls, end("tool_use"), STOP)
    assert text == ""
    expected = (ToolCall("toolu_1", "mail_search", '{"unread":true}'), ToolCall("toolu_2", "calendar_list", "{}"))
    assert told[0] == ToolCalls(expected)
    assert isinstance(told[1], Finished)
    assert told[1].reason == "tool_calls"


def test_thinking_and_pieces_of_calls_are_signs_of_work_and_pings_are_none() -> None:
    answer = MessagesAnswer("m")
    for event in (start(), PING, *texts("visible")):
        answer.read(data(event))
    assert not answer.is_at_work()
    answer.read(data(delta(1, type="thinking_delta", thinking="hm")))
    assert answer.is_at_work()
    assert not answer.is_at_work()


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("a_reason_of_next_year", "stop"),
    ],
)
def test_reasons_are_told_in_our_words(told: str, reason: str) -> None:
    _, events = read(MessagesAnswer("m"), start(), *texts("x"), end(told), STOP)
    assert isinstance(events[-1], Finished)
    assert events[-1].reason == reason


@pytest.mark.parametrize(
    ("kind", "message", "raised"),
    [
        ("overloaded_error", "Overloaded", ModelUnavailable),
        ("api_error", "Internal server error", ModelUnavailable),
        ("rate_limit_error", "slow down", ModelRateLimited),
        ("authentication_error", "invalid x-api-key", ModelRefusedKey),
        ("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", ContextTooLarge),
        ("invalid_request_error", "tools.0: nonsense", ModelRefused),
    ],
)
def test_an_error_inside_the_stream_is_told_by_its_kind(kind: str, message: str, raised: type[Exception]) -> None:
    with pytest.raises(raised) as caught:
        read(MessagesAnswer("m"), start(), {"type": "error", "error": {"type": kind, "message": message}})
    assert message not in str(caught.value)


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([], id="an empty body"),
        pytest.param([start(), *texts("You have 3")], id="cut after some text"),
        pytest.param([start(), *texts("You have 3"), STOP], id="stopped without a reason"),
        pytest.param([start(), *call(0, "t", "", "{}"), end("tool_use"), STOP], id="a nameless call"),
    ],
)
def test_an_answer_that_has_no_end_is_not_taken_for_a_whole_one(events: list[dict[str, Any]]) -> None:
    with pytest.raises(StreamBroken):
        read(MessagesAnswer("m"), *events)


def test_a_call_that_a_filter_stopped_is_not_run() -> None:
    _, told = read(MessagesAnswer("m"), start(), *call(0, "t", "x", "{}"), end("refusal"), STOP)
    assert [type(event) for event in told] == [Finished]


@given(said=st.lists(TEXTS, max_size=4), pieces=st.lists(TEXTS, max_size=4), cuts=CUTS, newline=NEWLINES, noise=NOISE)
def test_portions_change_nothing(
    said: list[str], pieces: list[str], cuts: list[int], newline: bytes, noise: list[bytes]
) -> None:
    events = [start(), *texts(*said), *call(1, "toolu_1", "note", *pieces), end("tool_use"), STOP]
    text, told = same_in_portions(lambda: MessagesAnswer("m"), events, cuts, newline, noise)
    assert text == "".join(said)
    assert told[0] == ToolCalls((ToolCall("toolu_1", "note", "".join(pieces) or "{}"),))
