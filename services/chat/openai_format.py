"""OpenAI's chat completion request, read into the format of the house. What cannot be passed on is refused by name."""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

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
from services.chat.errors import RequestNotUnderstood
from services.chat.routing.choice import AUTO, Wish
from services.chat.routing.request import ModelRequest


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")

    type: str
    text: str = ""


class _Function(BaseModel):
    name: str = Field(max_length=200)
    arguments: str = ""


class _Call(BaseModel):
    id: str = Field(max_length=200)
    function: _Function


class _Message(BaseModel):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[_Part] | None = None
    tool_calls: list[_Call] | None = None
    tool_call_id: str | None = None


class _ToolFunction(BaseModel):
    name: str = Field(max_length=200)
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})


class _Tool(BaseModel):
    type: Literal["function"]
    function: _ToolFunction


class _Named(BaseModel):
    function: _Function


class _Shape(BaseModel):
    name: str = Field("answer", pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    schema_: dict[str, Any] = Field(alias="schema")
    strict: bool | None = None


class _ResponseFormat(BaseModel):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: _Shape | None = None

    @model_validator(mode="after")
    def _has_its_schema(self) -> "_ResponseFormat":
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise ValueError("`json_schema` goes with the type of that name")
        return self


_Length = Annotated[int, Field(ge=1, le=2_000_000)]
"""Tokens; the upper bound is above what any model writes, and within what the ledger can hold."""


class _Request(BaseModel):
    """Fields that change little or nothing (`user`, `seed`, `frequency_penalty`, …) are accepted and ignored, as other
    compatible servers do; those without which the answer would be another one are refused below."""

    model_config = ConfigDict(extra="ignore")

    model: str = Field(AUTO, max_length=200)
    messages: Annotated[list[_Message], Field(min_length=1, max_length=2000)]
    tools: Annotated[list[_Tool], Field(max_length=128)] | None = None
    tool_choice: Literal["auto", "none", "required"] | _Named | None = None
    parallel_tool_calls: bool | None = None
    max_tokens: _Length | None = None
    max_completion_tokens: _Length | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    stop: str | list[str] | None = None
    response_format: _ResponseFormat | None = None
    n: int | None = None
    logprobs: bool | None = None
    modalities: list[str] | None = None
    functions: Any = None
    function_call: Any = None
    audio: Any = None
    web_search_options: Any = None


_REFUSED = ("functions", "function_call", "audio", "web_search_options")


def read(body: str) -> ModelRequest:
    """Raises RequestNotUnderstood."""
    try:
        asked = _Request.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise RequestNotUnderstood(f"{where}: {first['msg']}") from None
    if asked.n not in (None, 1) or asked.logprobs:
        raise RequestNotUnderstood("`n` above 1 and `logprobs` are not supported.")
    if other := next((name for name in _REFUSED if getattr(asked, name) is not None), None):
        raise RequestNotUnderstood(f"`{other}` is not supported.")
    if set(asked.modalities or ()) - {"text"}:
        raise RequestNotUnderstood("`modalities` other than text are not supported.")
    tools = tuple(
        ToolSchema(tool.function.name, tool.function.description, tool.function.parameters)
        for tool in asked.tools or ()
    )
    choice = asked.tool_choice
    return ModelRequest(
        messages=tuple(_message(n, each) for n, each in enumerate(asked.messages)),
        tools=tools,
        options=Options(
            max_output_tokens=asked.max_completion_tokens or asked.max_tokens,
            temperature=asked.temperature,
            top_p=asked.top_p,
            stop=(asked.stop,) if isinstance(asked.stop, str) else tuple(asked.stop or ()),
            tool_choice=choice.function.name if isinstance(choice, _Named) else choice,
            one_call=asked.parallel_tool_calls is False,
            wants_json=asked.response_format is not None and asked.response_format.type != "text",
            shape=_shape(asked.response_format),
        ),
        wish=Wish(model=asked.model or AUTO, needs_tools=bool(tools)),
    )


def _shape(format_: _ResponseFormat | None) -> AnswerShape | None:
    asked = format_.json_schema if format_ else None
    return AnswerShape(asked.name, asked.schema_, bool(asked.strict)) if asked else None


def _message(n: int, message: _Message) -> ModelMessage:
    text = _text(n, message.content)
    match message.role:
        case "system" | "developer":
            return SystemText(text)
        case "user":
            return UserText(text)
        case "assistant":
            calls = tuple(
                ToolCall(call.id, call.function.name, call.function.arguments) for call in message.tool_calls or ()
            )
            return AssistantText(text, calls)
    if message.tool_call_id is None:
        raise RequestNotUnderstood(f"messages.{n}: a tool message needs `tool_call_id`.")
    return ToolResult(message.tool_call_id, text)


def _text(n: int, content: str | list[_Part] | None) -> str:
    if isinstance(content, list):
        if other := next((part.type for part in content if part.type != "text"), None):
            raise RequestNotUnderstood(f"messages.{n}: content of type {json.dumps(other)[:60]} is not supported yet.")
        return "".join(part.text for part in content)
    return content or ""
