"""Anthropic's Messages API, plain over HTTP: why without its SDK says `plain_http.py`.

`anthropic-version: 2023-06-01` with `x-api-key` is the version that still takes a temperature.
Prompt caching is asked for at the ends of what the next request begins with: tools, system text, conversation.
https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from libs.models.answer import Answer
from libs.models.anthropic_events import MessagesAnswer
from libs.models.messages import AssistantText, ModelMessage, Options, SystemText, ToolCall, ToolSchema, UserText
from libs.models.plain_http import PlainHttpModel, versioned
from libs.models.turns import GO_ON, arguments_of, json_only, taking_turns

VERSION = "2023-06-01"
DEFAULT_MAX_TOKENS = 8_192
"""Anthropic insists on a limit; this one every model since Claude 3.5 can keep."""
CACHED = {"type": "ephemeral"}
_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")


class AnthropicMessages(PlainHttpModel):
    """One Claude. Raises leaves of ModelError only."""

    def __init__(self, base_url: str, api_key: str, model: str, *, first_token_s: float) -> None:
        headers = {"anthropic-version": VERSION, **({"x-api-key": api_key} if api_key else {})}
        super().__init__(f"{versioned(base_url, 'v1')}/messages", headers, model, first_token_s=first_token_s)

    def _answer(self, options: Options) -> Answer:
        return MessagesAnswer(self.model)

    def _body(self, messages: Sequence[ModelMessage], tools: Sequence[ToolSchema], options: Options) -> dict[str, Any]:
        return body(self.model, messages, tools, options)


def body(model: str, messages: Sequence[ModelMessage], tools: Sequence[ToolSchema], options: Options) -> dict[str, Any]:
    """A request. All system texts go before the conversation, in their order: there is no other place for them."""
    system = [_text(message.text) for message in messages if isinstance(message, SystemText) and message.text.strip()]
    if options.wants_json:
        system.append(_text(json_only(options.shape)))
    told = _turns(message for message in messages if not isinstance(message, SystemText))
    offered = [_tool(tool) for tool in tools]
    # Of several system texts the first is the one that stays; the conversation is read again within a turn only.
    for kept in (offered[-1:], system[:1], told[-1]["content"][-1:]):
        for block in kept:
            block["cache_control"] = CACHED
    request = {"model": model, "messages": told, "stream": True, **_options(options)}
    if system:
        request["system"] = system
    if offered:
        request |= {"tools": offered, **_tool_choice(options)}
    return request


def _turns(messages: Iterable[ModelMessage]) -> list[dict[str, Any]]:
    """Results of calls come in the user's turn, before what the user says next."""
    said = (("assistant" if isinstance(message, AssistantText) else "user", _blocks(message)) for message in messages)
    return [{"role": role, "content": blocks} for role, blocks in taking_turns(said, _text(GO_ON))]


def _blocks(message: ModelMessage) -> list[dict[str, Any]]:
    """Blank texts are refused, so they are left out."""
    match message:
        case AssistantText(text, calls):
            said = [_text(text)] if text.strip() else []
            return said + [_call(call) for call in calls]
        case UserText(text) | SystemText(text):
            return [_text(text)] if text.strip() else []
        case result:
            given = {"content": result.text} if result.text.strip() else {}
            return [{"type": "tool_result", "tool_use_id": _id(result.call_id), **given}]


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _call(call: ToolCall) -> dict[str, Any]:
    return {"type": "tool_use", "id": _id(call.id), "name": call.name, "input": arguments_of(call)}


def _id(id: str) -> str:
    """Ids made by other providers may hold dots and colons, which Anthropic refuses."""
    return _FOREIGN.sub("_", id)


def _options(options: Options) -> dict[str, Any]:
    """Temperatures end at 1 here, and newer models take a temperature or `top_p`, not both."""
    given: dict[str, Any] = {"max_tokens": options.max_output_tokens or DEFAULT_MAX_TOKENS}
    if options.temperature is not None:
        given["temperature"] = min(options.temperature, 1.0)
    elif options.top_p is not None:
        given["top_p"] = options.top_p
    if stop := [text for text in options.stop if text.strip()]:
        given["stop_sequences"] = stop
    return given


def _tool(tool: ToolSchema) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "input_schema": {"type": "object", **tool.parameters}}


def _tool_choice(options: Options) -> dict[str, Any]:
    match options.tool_choice:
        case None if not options.one_call:
            return {}
        case None | "auto":
            choice: dict[str, Any] = {"type": "auto"}
        case "none":
            return {"tool_choice": {"type": "none"}}
        case "required":
            choice = {"type": "any"}
        case name:
            choice = {"type": "tool", "name": name}
    return {"tool_choice": {**choice, "disable_parallel_tool_use": True} if options.one_call else choice}
