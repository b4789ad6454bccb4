"""What each provider is sent for the same conversation. The truth: their documentation of requests."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.models import anthropic_messages, gemini, openai_compatible, openai_responses
from libs.models.gemini_chunks import Signatures
from libs.models.messages import (
    AnswerShape,
    AssistantText,
    ModelMessage,
    Options,
    SystemText,
    ToolCall,
    ToolResult,
    ToolSchema,
    UserText,
)
from libs.models.plain_http import versioned
from libs.models.turns import GO_ON, JSON_ONLY

SCHEMA = {"type": "object", "properties": {"day": {"type": "string"}}}
TOOLS = (ToolSchema("calendar_list", "List a day.", SCHEMA), ToolSchema("mail_search", "Search.", {"type": "object"}))
A = ToolCall("call_a", "calendar_list", '{"day":"today"}')
B = ToolCall("call_b", "mail_search", "")
TALK = (
    SystemText("Be brief."),
    UserText("What is on?"),
    AssistantText("Looking.", (A, B)),
    ToolResult("call_a", '{"events":[]}'),
    ToolResult("call_b", "no mail"),
    SystemText("It is noon."),
    UserText("And now?"),
)
CACHED = {"cache_control": {"type": "ephemeral"}}


def to_anthropic(
    messages: Sequence[ModelMessage] = TALK, tools: Sequence[ToolSchema] = TOOLS, **options: Any
) -> dict[str, Any]:
    """A request to Claude."""
    return anthropic_messages.body("claude-x", messages, tools, Options(**options))


def to_gemini(
    messages: Sequence[ModelMessage] = TALK,
    tools: Sequence[ToolSchema] = TOOLS,
    model: str = "gemini-3-pro",
    signatures: Signatures | None = None,
    **options: Any,
) -> dict[str, Any]:
    """A request to Gemini."""
    return gemini.body(model, messages, tools, Options(**options), signatures or Signatures())


def to_responses(
    messages: Sequence[ModelMessage] = TALK, tools: Sequence[ToolSchema] = TOOLS, **options: Any
) -> dict[str, Any]:
    """A request to OpenAI."""
    return openai_responses.body("gpt-x", messages, tools, Options(**options))


def test_claude_hears_system_texts_first_then_turns_with_results_before_words() -> None:
    body = to_anthropic()
    assert [block["text"] for block in body["system"]] == ["Be brief.", "It is noon."]
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    text, first, second = body["messages"][1]["content"]
    assert text == {"type": "text", "text": "Looking."}
    assert first == {"type": "tool_use", "id": "call_a", "name": "calendar_list", "input": {"day": "today"}}
    assert second["input"] == {}
    results = body["messages"][2]["content"]
    assert [block["type"] for block in results] == ["tool_result", "tool_result", "text"]
    assert [block.get("tool_use_id") for block in results] == ["call_a", "call_b", None]
    assert body["max_tokens"] == anthropic_messages.DEFAULT_MAX_TOKENS


def test_claude_is_asked_to_cache_tools_the_system_text_that_stays_and_the_conversation() -> None:
    body = to_anthropic()
    ends = (body["tools"][-1], body["system"][0], body["messages"][-1]["content"][-1])
    assert all(end["cache_control"] == {"type": "ephemeral"} for end in ends)
    assert str(body).count("cache_control") == 3
    assert all("cache_control" not in tool.parameters for tool in TOOLS)


def test_system_texts_at_the_beginning_are_one_where_templates_take_no_second() -> None:
    told = openai_compatible.told((SystemText("Be brief."), SystemText("It is noon."), *TALK[1:]))
    assert told[0] == {"role": "system", "content": "Be brief.\n\nIt is noon."}
    assert [message["role"] for message in told].count("system") == 2, "one in the middle stays where it was said"


def test_claude_gets_nothing_that_it_refuses() -> None:
    foreign = ToolCall("functions.mail:0", "mail_search", "not json")
    said = (AssistantText("", (foreign,)), ToolResult("functions.mail:0", " "), UserText(" \n"), AssistantText("So \n"))
    body = to_anthropic(said, ())
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user", "assistant", "user"]
    call = body["messages"][1]["content"][0]
    assert call["id"] == "functions_mail_0"
    assert call["input"] == {"malformed": "not json"}
    assert body["messages"][2]["content"] == [{"type": "tool_result", "tool_use_id": "functions_mail_0"}]
    assert body["messages"][4]["content"] == [{"type": "text", "text": GO_ON, **CACHED}]
    assert "system" not in body
    assert "tools" not in body


def test_claudes_options() -> None:
    body = to_anthropic(max_output_tokens=9, temperature=1.7, top_p=0.5, stop=("END", " "), wants_json=True)
    assert body["max_tokens"] == 9
    assert body["temperature"] == 1.0
    assert "top_p" not in body
    assert body["stop_sequences"] == ["END"]
    assert body["system"][-1]["text"] == JSON_ONLY


def test_gemini_hears_system_texts_first_and_results_by_the_name_of_their_function() -> None:
    body = to_gemini()
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}, {"text": "It is noon."}]}
    assert [turn["role"] for turn in body["contents"]] == ["user", "model", "user"]
    results = [part.get("functionResponse") for part in body["contents"][2]["parts"]]
    assert results[0] == {"id": "call_a", "name": "calendar_list", "response": {"events": []}}
    assert results[1] == {"id": "call_b", "name": "mail_search", "response": {"result": "no mail"}}
    assert body["contents"][2]["parts"][2] == {"text": "And now?"}
    declared = body["tools"][0]["functionDeclarations"][0]
    assert declared == {"name": "calendar_list", "description": "List a day.", "parametersJsonSchema": SCHEMA}


def test_gemini_sees_its_signatures_again_and_where_they_are_lost_it_is_told_so() -> None:
    signatures = Signatures()
    signatures.keep("call_b", "sealed")

    def seen(**more: Any) -> list[str | None]:
        return [part.get("thoughtSignature") for part in to_gemini(**more)["contents"][1]["parts"]]

    assert seen() == [None, gemini.NO_SIGNATURE, None]
    assert seen(signatures=signatures) == [None, gemini.NO_SIGNATURE, "sealed"]
    assert seen(model="gemini-2.5-flash") == [None, None, None]


def test_geminis_options() -> None:
    body = to_gemini(tools=(), max_output_tokens=9, temperature=1.7, top_p=0.5, stop=("END",), wants_json=True)
    assert body["generationConfig"] == {
        "maxOutputTokens": 9,
        "temperature": 1.7,
        "topP": 0.5,
        "stopSequences": ["END"],
        "responseMimeType": "application/json",
    }
    with_tools = to_gemini(wants_json=True)
    assert "generationConfig" not in with_tools
    assert with_tools["systemInstruction"]["parts"][-1] == {"text": JSON_ONLY}


def test_openais_responses_get_the_conversation_item_by_item_and_keep_nothing() -> None:
    body = to_responses()
    kinds = [item.get("type") or item["role"] for item in body["input"]]
    calls, results = ["function_call"] * 2, ["function_call_output"] * 2
    assert kinds == ["system", "user", "assistant", *calls, *results, "system", "user"]
    call = {"type": "function_call", "call_id": "call_a", "name": "calendar_list", "arguments": '{"day":"today"}'}
    assert body["input"][3] == call
    assert body["input"][5] == {"type": "function_call_output", "call_id": "call_a", "output": '{"events":[]}'}
    assert body["store"] is False
    assert body["tools"][0]["strict"] is False


def test_options_of_responses() -> None:
    body = to_responses(max_output_tokens=9, temperature=0.2, top_p=0.5, stop=("END",), wants_json=True)
    assert body["max_output_tokens"] == openai_responses.MIN_OUTPUT_TOKENS
    assert body["text"] == {"format": {"type": "json_object"}}
    assert (body["temperature"], body["top_p"]) == (0.2, 0.5)
    assert "stop" not in body


def openai_choice(choice: str | None) -> Any:
    """As chat completions get it."""
    return openai_compatible._tool_choice(Options(tool_choice=choice)).get("tool_choice")


@pytest.mark.parametrize(
    ("choice", "anthropic", "google", "responses", "chat"),
    [
        (None, None, None, None, None),
        ("auto", {"type": "auto"}, {"mode": "AUTO"}, "auto", "auto"),
        ("none", {"type": "none"}, {"mode": "NONE"}, "none", "none"),
        ("required", {"type": "any"}, {"mode": "ANY"}, "required", "required"),
        (
            "mail_search",
            {"type": "tool", "name": "mail_search"},
            {"mode": "ANY", "allowedFunctionNames": ["mail_search"]},
            {"type": "function", "name": "mail_search"},
            {"type": "function", "function": {"name": "mail_search"}},
        ),
    ],
)
def test_a_choice_of_tools_in_everybodys_words(
    choice: str | None, anthropic: Any, google: Any, responses: Any, chat: Any
) -> None:
    assert to_anthropic(tool_choice=choice).get("tool_choice") == anthropic
    config = to_gemini(tool_choice=choice).get("toolConfig", {})
    assert config.get("functionCallingConfig") == google
    assert to_responses(tool_choice=choice).get("tool_choice") == responses
    assert openai_choice(choice) == chat


def test_without_tools_there_is_no_choice_of_tools() -> None:
    for body in (to_anthropic, to_gemini, to_responses):
        assert not {"tool_choice", "toolConfig", "tools"} & set(body(tools=(), tool_choice="required"))


@given(
    st.lists(
        st.one_of(
            st.builds(SystemText, st.sampled_from(["", " ", "s"])),
            st.builds(UserText, st.sampled_from(["", " ", "u"])),
            st.builds(AssistantText, st.sampled_from(["", " ", "a"]), st.sampled_from([(), (A,), (A, B)])),
            st.builds(ToolResult, st.sampled_from(["call_a", "lost"]), st.sampled_from(["", "[1]", "{}", "x"])),
        ),
        max_size=8,
    )
)
def test_any_conversation_takes_turns_from_user_to_user_and_nobody_says_nothing(said: list[ModelMessage]) -> None:
    for turns, content in ((to_anthropic(said)["messages"], "content"), (to_gemini(said)["contents"], "parts")):
        roles = [turn["role"] for turn in turns]
        assert roles[0] == roles[-1] == "user"
        assert all(one != other for one, other in zip(roles, roles[1:], strict=False))  # noqa: RUF007
        assert all(turn[content] for turn in turns)


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("https://api.example", "https://api.example/v1beta"),
        ("https://api.example/", "https://api.example/v1beta"),
        ("https://api.example/v1", "https://api.example/v1"),
        ("https://api.example/proxy/v1beta/", "https://api.example/proxy/v1beta"),
        ("https://v1", "https://v1/v1beta"),
    ],
)
def test_a_base_url_may_hold_its_version_or_not(given: str, made: str) -> None:
    assert versioned(given, "v1beta") == made


def test_one_call_at_a_time_is_asked_for_in_each_providers_words() -> None:
    assert to_responses(one_call=True)["parallel_tool_calls"] is False
    assert openai_compatible._one_call(Options(one_call=True)) == {"parallel_tool_calls": False}
    assert to_anthropic(one_call=True)["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    named = {"type": "tool", "name": "x", "disable_parallel_tool_use": True}
    assert to_anthropic(one_call=True, tool_choice="x")["tool_choice"] == named
    assert to_anthropic(one_call=True, tool_choice="none")["tool_choice"] == {"type": "none"}
    assert "parallel_tool_calls" not in to_responses()


SHAPE = AnswerShape("answer", {"type": "object", "properties": {"day": {"type": "string"}}}, is_strict=True)


def test_the_shape_of_an_answer_is_told_to_every_provider_in_its_own_words() -> None:
    as_json = Options(wants_json=True, shape=SHAPE)
    compatible = openai_compatible._options(as_json)["response_format"]
    assert compatible == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": SHAPE.schema, "strict": True},
    }
    responses = to_responses(wants_json=True, shape=SHAPE)["text"]["format"]
    assert responses == {"type": "json_schema", "name": "answer", "schema": SHAPE.schema, "strict": True}
    assert to_gemini(tools=(), wants_json=True, shape=SHAPE)["generationConfig"]["responseJsonSchema"] == SHAPE.schema
    assert json.dumps(SHAPE.schema) in to_anthropic(wants_json=True, shape=SHAPE)["system"][-1]["text"]
    assert json.dumps(SHAPE.schema) in to_gemini(wants_json=True, shape=SHAPE)["systemInstruction"]["parts"][-1]["text"]
