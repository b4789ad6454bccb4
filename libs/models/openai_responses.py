"""OpenAI's Responses API through the official SDK, raw lines for the tokens. Nothing is stored at OpenAI: every request
brings its conversation along, as with all other providers."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from libs.models.answer import Answer
from libs.models.messages import AssistantText, ModelMessage, Options, SystemText, ToolSchema, UserText
from libs.models.openai_sdk import OpenAISDKModel
from libs.models.responses_events import ResponsesAnswer

MIN_OUTPUT_TOKENS = 16
"""The API refuses less."""


class OpenAIResponses(OpenAISDKModel):
    """One model at OpenAI. Raises leaves of ModelError only."""

    def _answer(self, options: Options) -> Answer:
        return ResponsesAnswer(self.model, options.stop)

    def _request(
        self, messages: Sequence[ModelMessage], tools: Sequence[ToolSchema], options: Options
    ) -> AbstractAsyncContextManager[Any]:
        return self._client.responses.with_streaming_response.create(
            # In one piece and as it is: the SDK would walk through it by its type hints.
            extra_body=body(self.model, messages, tools, options),
            stream=True,
        )


def body(model: str, messages: Sequence[ModelMessage], tools: Sequence[ToolSchema], options: Options) -> dict[str, Any]:
    """A request."""
    request: dict[str, Any] = {
        "model": model,
        "input": [item for message in messages for item in _items(message)],
        "store": False,
        **_options(options),
    }
    if tools:
        request |= {"tools": [_tool(tool) for tool in tools], **_tool_choice(options), **_one_call(options)}
    return request


def _items(message: ModelMessage) -> list[dict[str, Any]]:
    match message:
        case SystemText(text):
            return [{"role": "system", "content": text}]
        case UserText(text):
            return [{"role": "user", "content": text}]
        case AssistantText(text, calls):
            said: list[dict[str, Any]] = [{"role": "assistant", "content": text}] if text else []
            return said + [
                {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments}
                for call in calls
            ]
        case result:
            return [{"type": "function_call_output", "call_id": result.call_id, "output": result.text}]


def _options(options: Options) -> dict[str, Any]:
    """Without `stop`, which this API does not have: the answer is cut here."""
    limit = options.max_output_tokens
    given = {
        "max_output_tokens": max(limit, MIN_OUTPUT_TOKENS) if limit is not None else None,
        "temperature": options.temperature,
        "top_p": options.top_p,
        "text": _format(options),
    }
    return {name: value for name, value in given.items() if value is not None}


def _tool(tool: ToolSchema) -> dict[str, Any]:
    """Not strict: that is this API's default, and it demands schemas in which every field is required."""
    described = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", **described, "strict": False}


def _tool_choice(options: Options) -> dict[str, Any]:
    """Only together with tools."""
    match options.tool_choice:
        case None:
            return {}
        case "auto" | "none" | "required" as choice:
            return {"tool_choice": choice}
        case name:
            return {"tool_choice": {"type": "function", "name": name}}


def _format(options: Options) -> dict[str, Any] | None:
    if options.shape is not None:
        shape = {"name": options.shape.name, "schema": options.shape.schema, "strict": options.shape.is_strict}
        return {"format": {"type": "json_schema", **shape}}
    return {"format": {"type": "json_object"}} if options.wants_json else None


def _one_call(options: Options) -> dict[str, Any]:
    return {"parallel_tool_calls": False} if options.one_call else {}
