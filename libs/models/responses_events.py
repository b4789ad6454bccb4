"""Server-sent events of OpenAI's Responses API to model events: pure.

https://platform.openai.com/docs/api-reference/responses-streaming: output_text.delta and refusal.delta are what the
user sees; output_item.done brings a call whole; completed, incomplete or failed is the last event, with the figures.
"""

from collections.abc import Sequence

import msgspec

from libs.models.answer import Answer, CallSoFar, Usage
from libs.models.failures import ProviderError, failure


class _Item(msgspec.Struct):
    type: str = ""
    call_id: str = ""
    name: str = ""
    arguments: str = ""
    status: str | None = None


class _InputDetails(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _Usage(msgspec.Struct):
    input_tokens: int = 0
    output_tokens: int = 0
    input_tokens_details: _InputDetails | None = None


class _Incomplete(msgspec.Struct):
    reason: str | None = None


class _Response(msgspec.Struct):
    model: str | None = None
    status: str | None = None
    usage: _Usage | None = None
    error: ProviderError | None = None
    incomplete_details: _Incomplete | None = None


class _Event(msgspec.Struct):
    type: str = ""
    delta: str = ""
    item: _Item | None = None
    response: _Response | None = None
    error: ProviderError | None = None
    code: str | int | None = None
    message: str | None = None


class _Type(msgspec.Struct):
    type: str = ""


_decode = msgspec.json.Decoder(_Event).decode
_type_of = msgspec.json.Decoder(_Type).decode

SEEN = ("response.output_text.delta", "response.refusal.delta")
WORK = ("response.output_item.added", "response.function_call_arguments.delta", "response.reasoning")
ENDS = ("response.completed", "response.incomplete", "response.failed")


class StopTexts:
    """Texts at which an answer ends: this API has no such option, so what follows one is read and not shown."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = tuple(text for text in texts if text)
        self._held = ""
        self._has_stopped = False

    def feed(self, text: str) -> str:
        """What may be shown; the beginning of what may become such a text is held back."""
        if self._has_stopped:
            return ""
        held = self._held + text
        # The one that is complete first, so that it does not matter in which portions the text came.
        found = min(((at + len(stop), at) for stop in self._texts if (at := held.find(stop)) >= 0), default=None)
        if found:
            self._has_stopped, self._held = True, ""
            return held[: found[1]]
        kept = max((n for stop in self._texts for n in range(1, len(stop)) if held.endswith(stop[:n])), default=0)
        self._held = held[len(held) - kept :]
        return held[: len(held) - kept]

    def rest(self) -> str:
        """What was held back for nothing."""
        rest, self._held = self._held, ""
        return rest


class ResponsesAnswer(Answer):
    """One answer as the Responses API streams it; over with its last event."""

    def __init__(self, model: str, stop: Sequence[str] = ()) -> None:
        super().__init__(model)
        self._stop = StopTexts(stop) if any(stop) else None

    def _take(self, data: bytes) -> str:
        # Most kinds of events repeat what others bring, some of them in shapes of their own: those are not decoded.
        kind = _type_of(data).type
        if kind in SEEN:
            said = _decode(data).delta
            return self._stop.feed(said) if self._stop else said
        if kind.startswith(WORK):
            self._worked = True
        elif kind == "response.output_item.done":
            self._add(_decode(data).item)
        elif kind in ENDS:
            return self._finish(_decode(data).response or _Response())
        elif kind == "error":
            event = _decode(data)
            raise failure(event.error or ProviderError(code=event.code, message=event.message))
        elif kind.startswith("response.created"):
            self._model = (response.model if (response := _decode(data).response) else None) or self._model
        return ""

    def _add(self, item: _Item | None) -> None:
        self._worked = True
        if item is not None and item.type == "function_call":
            # A call cut by the token limit comes as an item, too: without a name it breaks the answer.
            name = "" if item.status == "incomplete" else item.name
            self._calls.append(CallSoFar(item.call_id, name, item.arguments))

    def _finish(self, response: _Response) -> str:
        self.is_over = True
        self._model = response.model or self._model
        if usage := response.usage:
            details = usage.input_tokens_details or _InputDetails()
            self._usage = Usage(
                usage.input_tokens, usage.output_tokens, details.cached_tokens or 0, details.cache_write_tokens or 0
            )
        if response.error is not None or response.status == "failed":
            raise failure(response.error or ProviderError())
        self._reason = "stop"
        if response.status == "incomplete":
            why = response.incomplete_details.reason if response.incomplete_details else None
            self._reason = "content_filter" if why == "content_filter" else "length"
        return self._stop.rest() if self._stop else ""
