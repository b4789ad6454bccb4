"""Server-sent events of Anthropic's Messages API to model events: pure.

https://docs.anthropic.com/en/docs/build-with-claude/streaming: message_start, then for each block content_block_start,
_delta, _stop, then message_delta with the reason and running totals, message_stop. `ping` comes at any time.
"""

from typing import Any

import msgspec

from libs.models.answer import Answer, CallSoFar, Usage
from libs.models.failures import ProviderError, failure

REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


class _Message(msgspec.Struct):
    model: str = ""
    usage: _Usage | None = None


class _Block(msgspec.Struct):
    type: str = ""
    id: str = ""
    name: str = ""
    text: str = ""
    input: dict[str, Any] | None = None


class _Delta(msgspec.Struct):
    text: str = ""
    partial_json: str = ""
    stop_reason: str | None = None


class _Event(msgspec.Struct):
    type: str = ""
    index: int = 0
    message: _Message | None = None
    content_block: _Block | None = None
    delta: _Delta | None = None
    usage: _Usage | None = None
    error: ProviderError | None = None


_decode = msgspec.json.Decoder(_Event).decode


class MessagesAnswer(Answer):
    """One answer as Anthropic streams it; over with `message_stop`."""

    def __init__(self, model: str) -> None:
        super().__init__(model)
        self._by_block: dict[int, CallSoFar] = {}
        self._given_inputs: dict[int, str] = {}
        self._told = _Usage()

    def _take(self, data: bytes) -> str:
        event = _decode(data)
        match event.type:
            case "content_block_delta" if event.delta:
                return self._continue(event.index, event.delta)
            case "content_block_start" if event.content_block:
                return self._begin(event.index, event.content_block)
            case "content_block_stop":
                self._finish(event.index)
            case "message_start" if event.message:
                self._model = event.message.model or self._model
                self._count(event.message.usage)
            case "message_delta":
                if event.delta and event.delta.stop_reason:
                    self._reason = REASONS.get(event.delta.stop_reason, "stop")
                self._count(event.usage)
            case "message_stop":
                self.is_over = True
            case "error":
                raise failure(event.error or ProviderError())
        return ""

    def _begin(self, index: int, block: _Block) -> str:
        if block.type == "text":
            return block.text
        self._worked = True
        if block.type == "tool_use":
            call = self._by_block[index] = CallSoFar(block.id, block.name)
            self._calls.append(call)
            # Always {} at Anthropic itself; servers like it give the whole input at once.
            self._given_inputs[index] = msgspec.json.encode(block.input or {}).decode()
        return ""

    def _continue(self, index: int, delta: _Delta) -> str:
        if delta.text:
            return delta.text
        self._worked = True
        if (call := self._by_block.get(index)) is not None:
            call.arguments += delta.partial_json
        return ""

    def _finish(self, index: int) -> None:
        call = self._by_block.get(index)
        if call is not None and not call.arguments:
            call.arguments = self._given_inputs[index]

    def _count(self, usage: _Usage | None) -> None:
        """Totals so far. What the cache read and wrote comes beside the input, not in it."""
        if usage is None:
            return
        told = self._told
        for field in _Usage.__struct_fields__:
            if (count := getattr(usage, field)) is not None:
                setattr(told, field, count)
        cached, written = told.cache_read_input_tokens or 0, told.cache_creation_input_tokens or 0
        self._usage = Usage((told.input_tokens or 0) + cached + written, told.output_tokens or 0, cached, written)
