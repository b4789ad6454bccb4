"""The stream of OpenAI's Responses API, event by event. The truth: the types of its official SDK."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.models.errors import (
    ContextTooLarge,
    ModelError,
    ModelRateLimited,
    ModelRefused,
    ModelUnavailable,
    StreamBroken,
)
from libs.models.messages import Finished, ToolCall, ToolCalls
from libs.models.responses_events import ResponsesAnswer, StopTexts
from tests.unit.models.streams import CUTS, NEWLINES, NOISE, TEXTS, data, read, same_in_portions

CREATED = {"type": "response.created", "response": {"model": "gpt-x", "status": "in_progress", "usage": None}}
USAGE = {
    "input_tokens": 50,
    "input_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 4},
    "output_tokens": 9,
    "output_tokens_details": {"reasoning_tokens": 5},
}


def said(text: str, kind: str = "output_text") -> dict[str, Any]:
    """Some text."""
    return {"type": f"response.{kind}.delta", "delta": text, "item_id": "i", "output_index": 0}


def called(id: str, name: str, arguments: str, status: str = "completed") -> dict[str, Any]:
    """A call, whole."""
    item = {"type": "function_call", "call_id": id, "name": name, "arguments": arguments, "status": status}
    return {"type": "response.output_item.done", "output_index": 1, "item": item}


def ended(status: str = "completed", **more: Any) -> dict[str, Any]:
    """The last event."""
    response = {"model": "gpt-x-2026", "status": status, "usage": USAGE, "error": None, **more}
    return {"type": f"response.{status}", "response": response}


def test_text_is_handed_on_and_the_end_carries_the_figures() -> None:
    text, end = read(ResponsesAnswer("m"), CREATED, said("Hel"), said("lo"), ended())
    assert text == "Hello"
    assert end == [Finished("stop", "gpt-x-2026", 50, 9, cached_tokens=40, cache_write_tokens=4)]


def test_calls_come_complete() -> None:
    calls = (called("call_a", "mail_search", '{"unread":true}'), called("call_b", "calendar_list", "{}"))
    _, end = read(ResponsesAnswer("m"), CREATED, *calls, ended())
    expected = (ToolCall("call_a", "mail_search", '{"unread":true}'), ToolCall("call_b", "calendar_list", "{}"))
    assert end[0] == ToolCalls(expected)
    assert isinstance(end[1], Finished)
    assert end[1].reason == "tool_calls"


def test_a_refusal_is_text_that_the_user_sees() -> None:
    text, _ = read(ResponsesAnswer("m"), said("I cannot help with that.", "refusal"), ended())
    assert text == "I cannot help with that."


@pytest.mark.parametrize(
    ("why", "reason"), [("max_output_tokens", "length"), ("content_filter", "content_filter"), (None, "length")]
)
def test_an_incomplete_answer_says_why(why: str | None, reason: str) -> None:
    details = {"reason": why} if why else None
    _, end = read(ResponsesAnswer("m"), said("You have"), ended("incomplete", incomplete_details=details))
    assert isinstance(end[-1], Finished)
    assert end[-1].reason == reason


def test_a_call_cut_by_the_token_limit_is_never_handed_on() -> None:
    cut = called("c", "calendar_list", '{"da', "incomplete")
    _, end = read(ResponsesAnswer("m"), cut, ended("incomplete", incomplete_details={"reason": "max_output_tokens"}))
    assert [(type(event), getattr(event, "reason", None)) for event in end] == [(Finished, "length")]


@pytest.mark.parametrize(
    ("event", "raised"),
    [
        (ended("failed", error={"code": "server_error", "message": "x"}), ModelUnavailable),
        (ended("failed", error={"code": "rate_limit_exceeded", "message": "x"}), ModelRateLimited),
        (ended("failed", error={"code": "invalid_prompt", "message": "x"}), ModelRefused),
        ({"type": "error", "code": "context_length_exceeded", "message": "x"}, ContextTooLarge),
        ({"type": "error", "error": {"code": "server_error", "message": "x"}}, ModelUnavailable),
        ({"type": "error", "code": None, "message": "x"}, ModelUnavailable),
    ],
)
def test_an_error_inside_the_stream_is_told_by_its_kind(event: dict[str, Any], raised: type[ModelError]) -> None:
    with pytest.raises(raised):
        read(ResponsesAnswer("m"), CREATED, said("You"), event)


@pytest.mark.parametrize("events", [[], [CREATED, said("You have 3")], [called("c", "x", "{}")]])
def test_an_answer_that_has_no_end_is_not_taken_for_a_whole_one(events: list[dict[str, Any]]) -> None:
    with pytest.raises(StreamBroken):
        read(ResponsesAnswer("m"), *events)


def test_events_of_other_shapes_are_passed_over() -> None:
    odd = {"type": "response.of_next_year.delta", "delta": {"an": "object"}, "item": [], "code": {}}
    assert read(ResponsesAnswer("m"), odd, said("fine"), ended())[0] == "fine"


def test_reasoning_and_pieces_of_calls_are_signs_of_work() -> None:
    for kind in ("reasoning_summary_text", "reasoning_text", "function_call_arguments"):
        answer = ResponsesAnswer("m")
        answer.read(data(said("hm", kind)))
        assert answer.is_at_work()


@given(pieces=st.lists(TEXTS, max_size=4), arguments=TEXTS, cuts=CUTS, newline=NEWLINES, noise=NOISE)
def test_portions_change_nothing(
    pieces: list[str], arguments: str, cuts: list[int], newline: bytes, noise: list[bytes]
) -> None:
    events = [CREATED, *(said(piece) for piece in pieces), called("call_a", "note", arguments), ended()]
    text, told = same_in_portions(lambda: ResponsesAnswer("m"), events, cuts, newline, noise)
    assert text == "".join(pieces)
    assert told[0] == ToolCalls((ToolCall("call_a", "note", arguments),))


@given(
    text=st.text("abX\n", max_size=30),
    stops=st.lists(st.text("abX\n", min_size=1, max_size=4), min_size=1, max_size=3),
    cuts=st.lists(st.integers(0, 30), max_size=8),
)
def test_an_answer_ends_before_its_first_stop_text_wherever_the_pieces_are_cut(
    text: str, stops: list[str], cuts: list[int]
) -> None:
    bounds = [0, *sorted(cuts), len(text)]
    pieces = [text[a:b] for a, b in pairwise(bounds)]
    cutter = StopTexts(stops)
    shown = "".join(cutter.feed(piece) for piece in pieces if piece) + cutter.rest()
    found = [(at + len(stop), at) for stop in stops if (at := text.find(stop)) >= 0]
    assert shown == (text[: min(found)[1]] if found else text)
