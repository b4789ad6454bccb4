"""Server-sent events of an OpenAI-compatible stream to model events: pure, and lean because it is the token path.

Only the fields that are used are decoded, by msgspec. Servers that only resemble OpenAI are met half way: calls
without an index, with index 0 for all, or whole in one piece; arguments as an object; errors as a bare string.
"""

from typing import Any

import msgspec

from libs.models.answer import Answer, CallSoFar, Usage
from libs.models.errors import ModelUnavailable
from libs.models.failures import ProviderError, failure

REASONS = {
    "stop": "stop",
    "length": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
FAILED = ("error", "insufficient_system_resource")
"""Reasons by which OpenRouter and DeepSeek say that the answer failed on its way."""


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class _CallDelta(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[_CallDelta] | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None


class _Chunk(msgspec.Struct):
    model: str | None = None
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: ProviderError | str | None = None


_decode = msgspec.json.Decoder(_Chunk).decode


class ChatCompletionsAnswer(Answer):
    """One answer as OpenAI's chat completions stream it; over with `[DONE]`."""

    def __init__(self, model: str) -> None:
        super().__init__(model)
        self._by_index: dict[int, CallSoFar] = {}

    def _take(self, data: bytes) -> str:
        chunk = _decode(data)
        if chunk.error is not None:
            raise failure(chunk.error if isinstance(chunk.error, ProviderError) else ProviderError())
        self._model = chunk.model or self._model
        if usage := chunk.usage:
            details = usage.prompt_tokens_details or _PromptDetails()
            self._usage = Usage(
                usage.prompt_tokens or 0,
                usage.completion_tokens or 0,
                details.cached_tokens or 0,
                details.cache_write_tokens or 0,
            )
        return self._choose(chunk.choices[0]) if chunk.choices else ""

    def _choose(self, choice: _Choice) -> str:
        if choice.finish_reason:
            if choice.finish_reason in FAILED:
                raise ModelUnavailable("The language model failed in the middle of its answer.")
            self._reason = REASONS.get(choice.finish_reason, "stop")
        delta = choice.delta
        if delta is None:
            return ""
        if delta.tool_calls or delta.reasoning_content or delta.reasoning:
            self._worked = True
        for part in delta.tool_calls or ():
            self._add(part)
        return (delta.content or "") + (delta.refusal or "")

    def _add(self, part: _CallDelta) -> None:
        function = part.function or _Function()
        call = self._call_of(part, function.name or "")
        call.id = call.id or part.id or ""
        # Servers that repeat the name with every piece repeat all of it.
        call.name = call.name or function.name or ""
        told = function.arguments
        call.arguments += msgspec.json.encode(told).decode() if isinstance(told, dict) else told or ""

    def _call_of(self, part: _CallDelta, name: str) -> CallSoFar:
        """Which call a piece belongs to: by its index; else, a piece with an id or a name of its own begins one."""
        last = self._calls[-1] if self._calls else None
        known = last if part.index is None else self._by_index.get(part.index)
        if known is not None:
            is_another = part.id != known.id if part.id and known.id else part.index is None and bool(name)
            if not is_another:
                return known
        call = CallSoFar()
        self._calls.append(call)
        if part.index is not None:
            self._by_index[part.index] = call
        return call
