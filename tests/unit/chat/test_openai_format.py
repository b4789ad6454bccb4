"""What an OpenAI client may ask, and what is refused by name instead of being dropped in silence."""

import json
from typing import Any

import pytest

from libs.models.messages import AnswerShape, AssistantText, SystemText, ToolCall, ToolResult, UserText
from services.chat.errors import RequestNotUnderstood
from services.chat.openai_format import read

HELLO = {"role": "user", "content": "hi"}


def asked(**more: Any) -> str:
    return json.dumps({"messages": [HELLO], **more})


def test_a_whole_conversation_is_read() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "what "}, {"type": "text", "text": "now"}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "nothing"},
    ]
    assert read(json.dumps({"messages": messages})).messages == (
        SystemText("Be brief."),
        UserText("what now"),
        AssistantText("", (ToolCall("c1", "look", '{"at": 1}'),)),
        ToolResult("c1", "nothing"),
    )


def test_options_are_read() -> None:
    tool = {"type": "function", "function": {"name": "look"}}
    choice = {"type": "function", "function": {"name": "look"}}
    given = {"tools": [tool], "tool_choice": choice, "parallel_tool_calls": False, "seed": 1}
    request = read(asked(model="m", max_tokens=5, temperature=0, stop="END", **given))
    options = request.options
    assert (options.max_output_tokens, options.temperature, options.stop) == (5, 0, ("END",))
    assert (options.tool_choice, request.wish.model, request.wish.needs_tools) == ("look", "m", True)
    assert options.one_call


@pytest.mark.parametrize(
    "body",
    [
        "junk",
        json.dumps({"messages": []}),
        asked(n=2),
        asked(logprobs=True),
        asked(response_format={"type": "json_schema", "json_schema": {}}),
        asked(response_format={"type": "json_schema"}),
        asked(temperature=3),
        asked(max_tokens=10**12),
        asked(functions=[{"name": "look"}]),
        asked(function_call="auto"),
        asked(modalities=["audio"]),
        asked(audio={"voice": "x", "format": "wav"}),
        asked(web_search_options={}),
        json.dumps({"messages": [{"role": "tool", "content": "x"}]}),
        json.dumps({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}),
    ],
)
def test_what_cannot_be_passed_on_is_refused(body: str) -> None:
    with pytest.raises(RequestNotUnderstood):
        read(body)


def test_what_says_nothing_but_the_usual_is_taken() -> None:
    usual = {"functions": None, "function_call": None, "modalities": ["text"], "audio": None, "n": 1, "logprobs": False}
    assert read(asked(**usual)).messages == (UserText("hi"),)


def test_the_shape_of_an_answer_is_read() -> None:
    shape = {"name": "day", "schema": {"type": "object"}, "strict": True}
    options = read(asked(response_format={"type": "json_schema", "json_schema": shape})).options
    assert options.wants_json
    assert options.shape == AnswerShape("day", {"type": "object"}, is_strict=True)
