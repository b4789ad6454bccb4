"""Any server that speaks OpenAI's chat completions: the official SDK for request, log-in, errors and time limits;
raw lines for the tokens, because the SDK's event objects cost five times the CPU."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from itertools import takewhile
from typing import Any

from libs.models.answer import Answer
from libs.models.chunks import ChatCompletionsAnswer
from libs.models.messages import AssistantText, ModelMessage, Options, SystemText, ToolSchema, UserText
from libs.models.openai_sdk import OpenAISDKModel


class OpenAICompatible(OpenAISDKModel):
    """One model at one server. Raises leaves of ModelError only."""

    def _answer(self, options: Options) -> Answer:
        return ChatCompletionsAnswer(self.model)

    def _request(
        self, messages: Sequence[ModelMessage], tools: Sequence[ToolSchema], options: Options
    ) -> AbstractAsyncContextManager[Any]:
        body: dict[str, Any] = {"messages": told(messages), **_options(options)}
        if tools:
            body |= {"tools": [_tool(tool) for tool in tools], **_tool_choice(options), **_one_call(options)}
        return self._client.chat.completions.with_streaming_response.create(
            model=self.model,
            messages=[],
            stream=True,
            stream_options={"include_usage": True},
            # Sent as it is: the SDK walks through `messages` by their type hints, which takes longer the longer
            # the conversation is (0.2 ms for one message, 4 ms for forty).
            extra_body=body,
        )


def told(messages: Sequence[ModelMessage]) -> list[dict[str, Any]]:
    """System texts at the beginning become one: the chat templates of many open models refuse a second one."""
    first = list(takewhile(lambda message: isinstance(message, SystemText), messages))
    others = [_message(message) for message in messages[len(first) :]]
    if not first:
        return others
    text = "\n\n".join(message.text for message in first if isinstance(message, SystemText))
    return [{"role": "system", "content": text}, *others]


def _message(message: ModelMessage) -> dict[str, Any]:
    match message:
        case SystemText(text):
            return {"role": "system", "content": text}
        case UserText(text):
            return {"role": "user", "content": text}
        case AssistantText(text, ()):
            return {"role": "assistant", "content": text}
        case AssistantText(text, calls):
            called = [
                {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
                for call in calls
            ]
            return {"role": "assistant", "content": text or None, "tool_calls": called}
        case result:
            return {"role": "tool", "tool_call_id": result.call_id, "content": result.text}


def _options(options: Options) -> dict[str, Any]:
    """As OpenAI names them; `max_completion_tokens` has replaced `max_tokens`, and compatible servers know both."""
    given = {
        "max_completion_tokens": options.max_output_tokens,
        "temperature": options.temperature,
        "top_p": options.top_p,
        "stop": list(options.stop) or None,
        "response_format": _format(options),
    }
    return {name: value for name, value in given.items() if value is not None}


def _tool_choice(options: Options) -> dict[str, Any]:
    """Only together with tools: without them OpenAI calls a choice wrong."""
    match options.tool_choice:
        case None:
            return {}
        case "auto" | "none" | "required" as choice:
            return {"tool_choice": choice}
        case name:
            return {"tool_choice": {"type": "function", "function": {"name": name}}}


def _tool(tool: ToolSchema) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}


def _format(options: Options) -> dict[str, Any] | None:
    if options.shape is not None:
        shape = {"name": options.shape.name, "schema": options.shape.schema, "strict": options.shape.is_strict}
        return {"type": "json_schema", "json_schema": shape}
    return {"type": "json_object"} if options.wants_json else None


def _one_call(options: Options) -> dict[str, Any]:
    return {"parallel_tool_calls": False} if options.one_call else {}
