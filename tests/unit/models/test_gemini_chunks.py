"""Gemini's stream, event by event. The truth: Google's documentation of GenerateContentResponse."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.models.errors import ModelError, ModelRateLimited, ModelRefused, ModelUnavailable, StreamBroken
from libs.models.gemini_chunks import MAX_SIGNATURES, GeminiAnswer, Signatures
from libs.models.messages import Finished, ToolCall, ToolCalls
from tests.unit.models.streams import CUTS, NEWLINES, NOISE, TEXTS, data, read, same_in_portions, without_ids


def chunk(*parts: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    """One event."""
    candidate: dict[str, Any] = {"index": 0}
    if parts:
        candidate["content"] = {"role": "model", "parts": list(parts)}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "gemini-x", **more}


def answer() -> GeminiAnswer:
    """A fresh one."""
    return GeminiAnswer("m", Signatures())


def test_thinking_counts_as_output_and_what_was_cached_is_in_the_input() -> None:
    usage = {
        "promptTokenCount": 100,
        "cachedContentTokenCount": 60,
        "toolUsePromptTokenCount": 5,
        "candidatesTokenCount": 7,
        "thoughtsTokenCount": 30,
        "totalTokenCount": 142,
    }
    thought = {"text": "The user wants", "thought": True}
    told = (chunk(thought), chunk({"text": "Hel"}), chunk({"text": "lo"}, finish="STOP", usageMetadata=usage))
    text, end = read(answer(), *told)
    assert text == "Hello"
    assert end == [Finished("stop", "gemini-x", 105, 37, cached_tokens=60)]


def test_calls_come_with_ids_even_where_gemini_gives_none_and_their_signatures_are_kept() -> None:
    signatures = Signatures()
    first = {"functionCall": {"name": "a", "args": {"day": "today"}}, "thoughtSignature": "sealed"}
    second = {"functionCall": {"name": "a", "id": "given", "args": None}}
    _, end = read(GeminiAnswer("m", signatures), chunk(first), chunk(second, finish="STOP"))
    assert isinstance(end[0], ToolCalls)
    assert [(call.name, call.arguments) for call in end[0].calls] == [("a", '{"day":"today"}'), ("a", "{}")]
    assert end[0].calls[1].id == "given"
    assert [signatures.of(call.id) for call in end[0].calls] == ["sealed", None]
    assert isinstance(end[1], Finished)
    assert end[1].reason == "tool_calls"


def test_signatures_do_not_grow_without_end() -> None:
    signatures = Signatures()
    for n in range(MAX_SIGNATURES + 1):
        signatures.keep(f"call_{n}", "s")
    assert signatures.of("call_0") is None
    assert signatures.of(f"call_{MAX_SIGNATURES}") == "s"


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("A_FILTER_OF_NEXT_YEAR", "content_filter"),
    ],
)
def test_reasons_are_told_in_our_words(told: str, reason: str) -> None:
    _, end = read(answer(), chunk({"text": "x"}), chunk(finish=told))
    assert isinstance(end[-1], Finished)
    assert end[-1].reason == reason


def test_a_prompt_that_is_refused_whole_ends_as_filtered() -> None:
    refused = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 9}}
    text, end = read(answer(), refused)
    assert text == ""
    assert end == [Finished("content_filter", "m", 9, 0)]


@pytest.mark.parametrize("reason", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL"])
def test_a_call_that_gemini_itself_calls_malformed_breaks_the_answer(reason: str) -> None:
    with pytest.raises(StreamBroken):
        read(answer(), chunk(finish=reason))


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        ({"code": 503, "status": "UNAVAILABLE", "message": "The model is overloaded."}, ModelUnavailable),
        ({"code": 500, "status": "INTERNAL", "message": "x"}, ModelUnavailable),
        ({"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "x"}, ModelRateLimited),
        ({"code": 400, "status": "INVALID_ARGUMENT", "message": "x"}, ModelRefused),
    ],
)
def test_an_error_inside_the_stream_is_told_by_its_kind(error: dict[str, Any], raised: type[ModelError]) -> None:
    with pytest.raises(raised):
        read(answer(), chunk({"text": "You"}), {"error": error})


def test_a_rate_limit_inside_the_stream_says_how_long_in_googles_own_way() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}]
    error = {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": details}
    with pytest.raises(ModelRateLimited) as caught:
        read(answer(), {"error": error})
    assert caught.value.retry_after_s == 34.5


@pytest.mark.parametrize("events", [[], [chunk({"text": "You have 3"})]])
def test_an_answer_that_has_no_end_is_not_taken_for_a_whole_one(events: list[dict[str, Any]]) -> None:
    with pytest.raises(StreamBroken):
        read(answer(), *events)


def test_thoughts_and_calls_are_signs_of_work() -> None:
    reading = answer()
    reading.read(data(chunk({"text": "visible"})))
    assert not reading.is_at_work()
    reading.read(data(chunk({"text": "hm", "thought": True})))
    assert reading.is_at_work()


@given(said=st.lists(TEXTS, max_size=4), argument=TEXTS, cuts=CUTS, newline=NEWLINES, noise=NOISE)
def test_portions_change_nothing(
    said: list[str], argument: str, cuts: list[int], newline: bytes, noise: list[bytes]
) -> None:
    call = {"functionCall": {"name": "note", "args": {"text": argument}}}
    events = [*(chunk({"text": text}) for text in said), chunk(call, finish="STOP")]
    text, told = same_in_portions(answer, events, cuts, newline, noise)
    assert text == "".join(said)
    assert [type(event) for event in without_ids(told)] == [ToolCalls, Finished]
    assert isinstance(told[0], ToolCalls)
    assert isinstance(told[0].calls[0], ToolCall)
