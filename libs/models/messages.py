"""The one format between Adjutant and every model: what is said to it, and what comes back."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the model asks for; `arguments` is JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class SystemText:
    """Instructions."""

    text: str


@dataclass(frozen=True, slots=True)
class UserText:
    """What the user said."""

    text: str


@dataclass(frozen=True, slots=True)
class AssistantText:
    """What the model said, and the calls it asked for."""

    text: str
    tool_calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What one call came to."""

    call_id: str
    text: str


ModelMessage = SystemText | UserText | AssistantText | ToolResult


@dataclass(frozen=True, slots=True)
class ToolSchema:
    """A tool on offer; `parameters` is a JSON Schema."""

    name: str
    description: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AnswerShape:
    """The JSON Schema that an answer has to follow; `is_strict`: exactly, where the provider can promise that."""

    name: str
    schema: dict[str, Any]
    is_strict: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """How to answer; what is None is left to the provider. `tool_choice`: auto, none, required, or a tool's name.
    `one_call`: never more than one call in an answer. `shape` only with `wants_json`."""

    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    tool_choice: str | None = None
    wants_json: bool = False
    one_call: bool = False
    shape: AnswerShape | None = None


NO_OPTIONS = Options()
"""Everything left to the provider."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Some more visible text."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCalls:
    """All calls of one answer, complete."""

    calls: tuple[ToolCall, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of an answer; token counts are the provider's own, zero when it gave none.

    `reason`: stop, length, tool_calls or content_filter, whatever the provider calls it. `input_tokens` includes those
    read from and written to the provider's prompt cache, `output_tokens` those spent on thinking.
    """

    reason: str
    model: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    cache_write_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Alive:
    """The model is at work, and there is nothing to show: it thinks, or writes a call."""


ALIVE = Alive()
ModelEvent = TextDelta | Alive | ToolCalls | Finished
