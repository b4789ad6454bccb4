"""An OpenAI-compatible stream, read in whatever portions the network makes of it."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.models.chunks import ChatCompletionsAnswer as Answer
from libs.models.errors import ContextTooLarge, ModelRateLimited, ModelUnavailable, StreamBroken
from libs.models.lines import MAX_LINE_BYTES, Lines
from libs.models.messages import Finished, ModelEvent, ToolCall, ToolCalls


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **more: Any) -> bytes:
    """One event as providers write it."""
    body = {"id": "c", "object": "chat.completion.chunk", "model": "m-2026", **more}
    if delta is not None or finish:
        body["choices"] = [{"index": 0, "delta": delta or {}, "finish_reason": finish}]
    return b"data: " + json.dumps(body).encode()


def part(index: int | None, **fields: Any) -> dict[str, Any]:
    """A piece of a tool call."""
    return {"tool_calls": [{"index": index, **fields}]}


def read(*lines: bytes) -> tuple[str, list[ModelEvent]]:
    """Visible text and closing events of these lines."""
    answer = Answer("m")
    text = "".join(answer.read(line) for line in lines)
    return text, list(answer.end())


def test_text_is_handed_on_and_the_end_carries_the_providers_own_figures() -> None:
    usage = {"prompt_tokens": 12, "completion_tokens": 2, "total_tokens": 14}
    text, end = read(
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Guten "}),
        chunk({"content": "Tag"}),
        chunk(finish="stop"),
        chunk(choices=[], usage=usage),
        b"data: [DONE]",
    )
    assert text == "Guten Tag"
    assert end == [Finished("stop", "m-2026", 12, 2)]


def test_tool_calls_are_joined_by_index_and_come_complete_at_the_end() -> None:
    _, end = read(
        chunk(part(0, id="call_a", type="function", function={"name": "mail_search", "arguments": ""})),
        chunk(part(1, id="call_b", function={"name": "calendar_list", "arguments": '{"day"'})),
        chunk(part(0, function={"arguments": '{"unread":'})),
        chunk(part(1, function={"arguments": ':"today"}'})),
        chunk(part(0, function={"arguments": "true}"})),
        chunk(finish="tool_calls"),
    )
    assert end[0] == ToolCalls(
        (
            ToolCall("call_a", "mail_search", '{"unread":true}'),
            ToolCall("call_b", "calendar_list", '{"day":"today"}'),
        )
    )


def test_a_call_without_an_id_gets_one_because_its_result_has_to_name_it() -> None:
    _, end = read(chunk(part(0, function={"name": "a", "arguments": "{}"})), chunk(finish="stop"))
    assert isinstance(end[0], ToolCalls)
    assert end[0].calls[0].id.startswith("call_")


def calls_of(*parts: dict[str, Any], finish: str = "tool_calls") -> list[tuple[str, str]]:
    """Names and arguments of the calls that these pieces make."""
    _, end = read(*(chunk(piece) for piece in parts), chunk(finish=finish))
    assert isinstance(end[0], ToolCalls)
    assert len({call.id for call in end[0].calls}) == len(end[0].calls)
    return [(call.name, call.arguments) for call in end[0].calls]


A, B = {"name": "a", "arguments": "{}"}, {"name": "b", "arguments": "{}"}
BOTH = [("a", "{}"), ("b", "{}")]


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([part(0, id="x", function=A), part(0, id="y", function=B)], id="index 0 for all"),
        pytest.param([part(None, id="x", function=A), part(None, id="y", function=B)], id="no index"),
        pytest.param([part(None, function=A), part(None, function=B)], id="no index and no id"),
        pytest.param(
            [
                {"tool_calls": [{"id": "x", "function": {"name": "a", "arguments": ""}}]},
                {"tool_calls": [{"function": {"arguments": "{}"}}]},
                {"tool_calls": [{"id": "y", "function": {"name": "b", "arguments": "{"}}]},
                {"tool_calls": [{"id": "y", "function": {"arguments": "}"}}]},
            ],
            id="no index, in pieces",
        ),
        pytest.param(
            [
                part(0, id="x", function={"name": "a", "arguments": "{"}),
                part(0, id="x", function={"name": "a", "arguments": "}"}),
                part(1, id="y", function=B),
            ],
            id="id and name with every piece",
        ),
        pytest.param(
            [part(0, id="x", function={"name": "a", "arguments": {}}), part(1, id="y", function=B)],
            id="arguments as an object",
        ),
        pytest.param([part(0, id="same", function=A), part(1, id="same", function=B)], id="one id for both"),
    ],
)
def test_calls_of_servers_that_only_resemble_openai_are_told_apart(parts: list[dict[str, Any]]) -> None:
    assert calls_of(*parts) == BOTH


@pytest.mark.parametrize(
    ("told", "reason"),
    [("stop", "stop"), ("length", "length"), ("content_filter", "content_filter"), ("eos", "stop")],
)
def test_reasons_are_told_in_our_words(told: str, reason: str) -> None:
    _, end = read(chunk({"content": "x"}), chunk(finish=told))
    assert isinstance(end[-1], Finished)
    assert end[-1].reason == reason


def test_a_reason_that_means_failure_is_a_failure() -> None:
    with pytest.raises(ModelUnavailable):
        read(chunk({"content": "x"}), chunk(finish="error"))


def test_cached_tokens_are_counted_apart() -> None:
    details = {"cached_tokens": 8, "cache_write_tokens": 2, "audio_tokens": 0}
    usage = {"prompt_tokens": 12, "completion_tokens": 2, "prompt_tokens_details": details}
    _, end = read(chunk({"content": "x"}), chunk(finish="stop"), chunk(choices=[], usage=usage))
    assert end == [Finished("stop", "m-2026", 12, 2, cached_tokens=8, cache_write_tokens=2)]


def test_nulls_where_others_leave_a_field_out_are_nothing() -> None:
    usage = {"prompt_tokens": None, "completion_tokens": None, "prompt_tokens_details": None}
    delta = {"content": None, "tool_calls": None, "role": None}
    text, end = read(chunk(delta), chunk({"content": "x"}), chunk(finish="stop"), chunk(choices=None, usage=usage))
    assert text == "x"
    assert end == [Finished("stop", "m-2026", 0, 0)]


def test_a_refusal_is_text_that_the_user_sees() -> None:
    text, end = read(chunk({"refusal": "I cannot help with that."}), chunk(finish="stop"))
    assert text == "I cannot help with that."
    assert isinstance(end[-1], Finished)


@pytest.mark.parametrize(
    ("told", "raised"),
    [
        ({"code": "rate_limit_exceeded"}, ModelRateLimited),
        ({"code": 429, "type": "requests"}, ModelRateLimited),
        ({"code": "context_length_exceeded", "type": "invalid_request_error"}, ContextTooLarge),
        ({"type": "server_error"}, ModelUnavailable),
        ({"code": 400, "message": "This model's maximum context length is 8192 tokens."}, ContextTooLarge),
        ({}, ModelUnavailable),
    ],
)
def test_an_error_inside_a_stream_that_began_with_200_is_told_by_its_kind(
    told: dict[str, Any], raised: type[Exception]
) -> None:
    answer = Answer("m")
    with pytest.raises(raised) as caught:
        answer.read(chunk(error={"message": "secret words of a user", **told}))
    assert "secret" not in str(caught.value)


def test_an_error_that_is_a_bare_sentence_is_an_error() -> None:
    with pytest.raises(ModelUnavailable):
        read(chunk(error="model runner has unexpectedly stopped"))


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param((), id="an empty body"),
        pytest.param((chunk({"content": "You have 3"}),), id="cut after some text"),
        pytest.param((chunk({"content": "You have 3"}), b"data: [DONE]"), id="done without a reason"),
        pytest.param(
            (chunk(part(0, id="a", function={"arguments": "{}"})), chunk(finish="tool_calls")), id="a nameless call"
        ),
    ],
)
def test_an_answer_that_has_no_end_is_not_taken_for_a_whole_one(lines: tuple[bytes, ...]) -> None:
    with pytest.raises(StreamBroken):
        read(*lines)


@pytest.mark.parametrize("line", [b"data: {malformed", b"data: []", b'data: {"choices": 7}', b"data: <html>", b"data:"])
def test_a_line_that_is_no_chunk_breaks_the_stream(line: bytes) -> None:
    with pytest.raises(StreamBroken):
        Answer("m").read(line)


@pytest.mark.parametrize("line", [b"", b"\r", b": keep-alive", b"event: ping", b"id: 7", b"retry: 3"])
def test_what_is_not_data_is_passed_over(line: bytes) -> None:
    assert Answer("m").read(line) == ""


@given(
    text=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60),
    cuts=st.lists(st.integers(1, 400), max_size=12),
    newline=st.sampled_from([b"\n", b"\r\n"]),
)
def test_lines_are_the_same_in_whatever_portions_they_arrive(text: str, cuts: list[int], newline: bytes) -> None:
    body = newline.join([b"data: " + msgspec.json.encode({"choices": [{"delta": {"content": text}}]}), b"", b""])
    lines, answer, said = Lines(), Answer("m"), ""
    start = 0
    for cut in [*sorted(cuts), len(body)]:
        said += "".join(answer.read(line) for line in lines.feed(body[start:cut]))
        start = max(start, cut)
    assert said == text


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    lines = Lines()
    lines.feed(b"x" * MAX_LINE_BYTES)
    with pytest.raises(StreamBroken):
        lines.feed(b"x")


def test_a_call_cut_by_the_token_limit_is_not_run_and_is_nobodys_failure() -> None:
    """Whoever sets a low limit must not make a healthy deployment look broken."""
    half = chunk(part(0, id="a", function={"name": "x", "arguments": '{"a'}))
    text, end = read(chunk({"content": "I look"}), half, chunk(finish="length"))
    assert text == "I look"
    assert [(type(event), getattr(event, "reason", None)) for event in end] == [(Finished, "length")]


@pytest.mark.parametrize(
    ("told", "counted"),
    [
        ({"prompt_tokens": 10, "completion_tokens": -5}, (10, 0, 0, 0)),
        ({"prompt_tokens": -1, "completion_tokens": 5}, (0, 5, 0, 0)),
        ({"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 900}}, (10, 0, 10, 0)),
        (
            {"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 6, "cache_write_tokens": 6}},
            (10, 0, 6, 4),
        ),
        ({"prompt_tokens": 10, "completion_tokens": 10**15}, (10, 2_000_000_000, 0, 0)),
    ],
)
def test_figures_that_cannot_be_are_made_possible(told: dict[str, Any], counted: tuple[int, ...]) -> None:
    """The price table and the ledger refuse them otherwise, and the request would never be settled."""
    _, (end,) = read(chunk({"content": "x"}, finish="stop"), chunk(choices=[], usage=told))
    assert isinstance(end, Finished)
    assert (end.input_tokens, end.output_tokens, end.cached_tokens, end.cache_write_tokens) == counted


def test_a_models_name_is_short_and_printable_whatever_its_provider_says() -> None:
    _, (end,) = read(chunk({"content": "x"}, finish="stop", model="m\x00\n" + "x" * 10_000))
    assert isinstance(end, Finished)
    assert end.model == "m" + "x" * 197
