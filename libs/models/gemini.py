"""Google's Gemini by its own API (v1beta: `v1` knows no system instruction), plain over HTTP: why without its SDK says
`plain_http.py`."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from libs.models.answer import Answer
from libs.models.gemini_chunks import GeminiAnswer, Signatures
from libs.models.messages import (
    AssistantText,
    ModelMessage,
    Options,
    SystemText,
    ToolCall,
    ToolResult,
    ToolSchema,
    UserText,
)
from libs.models.plain_http import PlainHttpModel, versioned
from libs.models.turns import GO_ON, Pieces, arguments_of, json_only, taking_turns

NO_SIGNATURE = "skip_thought_signature_validator"
"""What Google documents for calls whose thought is not known: https://ai.google.dev/gemini-api/docs/thought-signatures"""
BEFORE_SIGNATURES = ("gemini-1", "gemini-2", "gemma")


class Gemini(PlainHttpModel):
    """One Gemini. Raises leaves of ModelError only."""

    def __init__(self, base_url: str, api_key: str, model: str, *, first_token_s: float) -> None:
        path = quote(model if "/" in model else f"models/{model}", safe="/")
        url = f"{versioned(base_url, 'v1beta')}/{path}:streamGenerateContent?alt=sse"
        super().__init__(url, {"x-goog-api-key": api_key} if api_key else {}, model, first_token_s=first_token_s)
        self._signatures = Signatures()

    def _answer(self, options: Options) -> Answer:
        return GeminiAnswer(self.model, self._signatures)

    def _body(self, messages: Sequence[ModelMessage], tools: Sequence[ToolSchema], options: Options) -> dict[str, Any]:
        return body(self.model, messages, tools, options, self._signatures)


def body(
    model: str, messages: Sequence[ModelMessage], tools: Sequence[ToolSchema], options: Options, signatures: Signatures
) -> dict[str, Any]:
    """A request. All system texts go before the conversation, in their order: there is no other place for them."""
    system = [{"text": message.text} for message in messages if isinstance(message, SystemText) and message.text]
    if options.wants_json and tools:
        system.append({"text": json_only(options.shape)})
    needs_signatures = not model.rpartition("/")[2].startswith(BEFORE_SIGNATURES)
    request: dict[str, Any] = {"contents": _contents(messages, signatures, needs_signatures)}
    if system:
        request["systemInstruction"] = {"parts": system}
    if tools:
        request["tools"] = [{"functionDeclarations": [_tool(tool) for tool in tools]}]
        if options.tool_choice:
            request["toolConfig"] = {"functionCallingConfig": _tool_choice(options.tool_choice)}
    if config := _config(options, has_tools=bool(tools)):
        request["generationConfig"] = config
    return request


def _contents(messages: Sequence[ModelMessage], signatures: Signatures, needs_signatures: bool) -> Pieces:
    """A result names the function, which only its call knows."""
    said: list[tuple[str, Pieces]] = []
    names: dict[str, str] = {}
    for message in messages:
        match message:
            case SystemText():
                continue
            case UserText(text):
                said.append(("user", _texts(text)))
            case AssistantText(text, calls):
                names |= {call.id: call.name for call in calls}
                said.append(("model", _texts(text) + _calls(calls, signatures, needs_signatures)))
            case result:
                said.append(("user", [_result(result, names.get(result.call_id, "unknown"))]))
    return [{"role": role, "parts": parts} for role, parts in taking_turns(said, {"text": GO_ON})]


def _texts(text: str) -> Pieces:
    return [{"text": text}] if text else []


def _calls(calls: Sequence[ToolCall], signatures: Signatures, needs_signatures: bool) -> Pieces:
    """Of calls made together only the first has a signature."""
    parts: Pieces = []
    for call in calls:
        part: dict[str, Any] = {"functionCall": {"id": call.id, "name": call.name, "args": arguments_of(call)}}
        if (signature := signatures.of(call.id)) is not None:
            part["thoughtSignature"] = signature
        elif needs_signatures and not parts:
            part["thoughtSignature"] = NO_SIGNATURE
        parts.append(part)
    return parts


def _result(result: ToolResult, name: str) -> dict[str, Any]:
    """An object, as Gemini demands; what is none is wrapped in one."""
    try:
        told = msgspec.json.decode(result.text)
    except msgspec.MsgspecError:
        told = result.text
    response = told if isinstance(told, dict) else {"result": told}
    return {"functionResponse": {"id": result.call_id, "name": name, "response": response}}


def _config(options: Options, *, has_tools: bool) -> dict[str, Any]:
    """JSON by instruction when there are tools: the two exclude each other before Gemini 3."""
    given = {
        "maxOutputTokens": options.max_output_tokens,
        "temperature": options.temperature,
        "topP": options.top_p,
        "stopSequences": list(options.stop) or None,
        "responseMimeType": "application/json" if options.wants_json and not has_tools else None,
        "responseJsonSchema": options.shape.schema if options.shape and not has_tools else None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _tool(tool: ToolSchema) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters}


def _tool_choice(choice: str) -> dict[str, Any]:
    modes = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
    if choice in modes:
        return {"mode": modes[choice]}
    return {"mode": "ANY", "allowedFunctionNames": [choice]}
