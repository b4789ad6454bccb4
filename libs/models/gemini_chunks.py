"""Server-sent events of Gemini's streamGenerateContent to model events: pure.

https://ai.google.dev/api/generate-content: every event is a GenerateContentResponse; calls come whole; the last event
has the reason. No event says that the stream is over.
"""

import secrets
from collections import OrderedDict
from typing import Any

import msgspec

from libs.models.answer import Answer, CallSoFar, Usage
from libs.models.errors import StreamBroken
from libs.models.failures import ProviderError, failure

REASONS = {
    "STOP": "stop",
    "FINISH_REASON_UNSPECIFIED": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "FUNCTION_CALL": "tool_calls",
}
"""All others are filters: SAFETY, RECITATION, LANGUAGE, BLOCKLIST, PROHIBITED_CONTENT, SPII, OTHER, …"""
BROKEN_CALLS = (
    "MALFORMED_FUNCTION_CALL",
    "MALFORMED_RESPONSE",
    "MISSING_THOUGHT_SIGNATURE",
    "TOO_MANY_TOOL_CALLS",
    "UNEXPECTED_TOOL_CALL",
)
MAX_SIGNATURES = 1000


class Signatures:
    """What Gemini wants to see again with a call: the sealed thought that led to it. The newest thousand are kept."""

    def __init__(self) -> None:
        self._by_call: OrderedDict[str, str] = OrderedDict()

    def keep(self, call_id: str, signature: str) -> None:
        """Remember it."""
        self._by_call[call_id] = signature
        if len(self._by_call) > MAX_SIGNATURES:
            self._by_call.popitem(last=False)

    def of(self, call_id: str) -> str | None:
        """None for a call of another model, another process, or long ago."""
        return self._by_call.get(call_id)


class _FunctionCall(msgspec.Struct):
    name: str = ""
    id: str = ""
    args: dict[str, Any] | None = None


class _Part(msgspec.Struct, rename="camel"):
    text: str = ""
    thought: bool = False
    thought_signature: str = ""
    function_call: _FunctionCall | None = None


class _Content(msgspec.Struct):
    parts: list[_Part] | None = None


class _Candidate(msgspec.Struct, rename="camel"):
    content: _Content | None = None
    finish_reason: str | None = None


class _Feedback(msgspec.Struct, rename="camel"):
    block_reason: str | None = None


class _Usage(msgspec.Struct, rename="camel"):
    prompt_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    cached_content_token_count: int | None = None


class _Response(msgspec.Struct, rename="camel"):
    candidates: list[_Candidate] | None = None
    prompt_feedback: _Feedback | None = None
    usage_metadata: _Usage | None = None
    model_version: str = ""
    error: ProviderError | None = None


_decode = msgspec.json.Decoder(_Response).decode


class GeminiAnswer(Answer):
    """One answer as Gemini streams it; over with a reason."""

    def __init__(self, model: str, signatures: Signatures) -> None:
        super().__init__(model)
        self._signatures = signatures

    def _take(self, data: bytes) -> str:
        told = _decode(data)
        if told.error is not None:
            raise failure(told.error)
        self._model = told.model_version or self._model
        if usage := told.usage_metadata:
            self._usage = Usage(
                (usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0),
                (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0),
                (usage.cached_content_token_count or 0),
            )
        if told.prompt_feedback and told.prompt_feedback.block_reason:
            self._finish("content_filter")
        return self._choose(told.candidates[0]) if told.candidates else ""

    def _choose(self, candidate: _Candidate) -> str:
        parts = (candidate.content.parts if candidate.content else None) or []
        text = "".join([self._read_part(part) for part in parts])
        if reason := candidate.finish_reason:
            if reason in BROKEN_CALLS:
                raise StreamBroken("The model's tool call broke off.")
            self._finish(REASONS.get(reason, "content_filter"))
        return text

    def _read_part(self, part: _Part) -> str:
        if part.function_call is None and not part.thought:
            return part.text
        self._worked = True
        if called := part.function_call:
            # An id of our own where Gemini gives none: unlike any other, so that signatures find their calls.
            id = called.id or f"call_{secrets.token_hex(12)}"
            self._calls.append(CallSoFar(id, called.name, msgspec.json.encode(called.args or {}).decode()))
            if part.thought_signature:
                self._signatures.keep(id, part.thought_signature)
        return ""

    def _finish(self, reason: str) -> None:
        self._reason = reason
        self.is_over = True
