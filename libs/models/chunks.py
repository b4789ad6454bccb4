"""Server-sent events of an OpenAI-compatible stream to model events: pure, and lean because it is the token path.

Only the fields that are used are decoded, by msgspec.
"""

from collections.abc import Iterator

import msgspec

from libs.models.errors import ContextTooLarge, ModelRateLimited, ModelUnavailable, StreamBroken
from libs.models.messages import Finished, ModelEvent, ToolCall, ToolCalls

MAX_LINE_BYTES = 1_000_000
"""A line longer than any honest chunk: a stream that never breaks the line must not fill the memory."""


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _CallDelta(msgspec.Struct):
    index: int = 0
    id: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[_CallDelta] | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _PromptDetails | None = None


class _Error(msgspec.Struct):
    code: str | int | None = None
    type: str | None = None


class _Chunk(msgspec.Struct):
    model: str = ""
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: _Error | None = None


_decode = msgspec.json.Decoder(_Chunk).decode


class Lines:
    """Bytes in any portions to whole lines; CRLF, and characters cut in two, make no difference."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that are complete now. Raises StreamBroken for a line without end."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > MAX_LINE_BYTES:
            raise StreamBroken("The model's stream does not follow its format.")
        return lines


class Answer:
    """One answer as it arrives. Calls are handed on complete, at the end: half a call must never be run."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._calls: dict[int, list[str]] = {}
        self._reason: str | None = None
        self._usage = _Usage()
        self.is_over = False
        """Whether `[DONE]` has been read."""
        self._worked = False

    def read(self, line: bytes) -> str:
        """Take one line; returns visible text, mostly. Raises ModelError for an error inside the stream."""
        if not line.startswith(b"data:"):
            return ""
        data = line[5:].strip()
        if data == b"[DONE]":
            self.is_over = True
            return ""
        try:
            chunk = _decode(data)
        except msgspec.MsgspecError as error:
            raise StreamBroken("The model's stream does not follow its format.") from error
        if chunk.error is not None:
            raise _failure(chunk.error)
        self._model = chunk.model or self._model
        self._usage = chunk.usage or self._usage
        return self._take(chunk.choices[0]) if chunk.choices else ""

    def is_at_work(self) -> bool:
        """Whether something came since the last question that nobody sees: a piece of a call, or of thinking."""
        worked, self._worked = self._worked, False
        return worked

    def _take(self, choice: _Choice) -> str:
        self._reason = choice.finish_reason or self._reason
        delta = choice.delta
        if delta is None:
            return ""
        self._worked = bool(delta.tool_calls or delta.reasoning_content)
        for part in delta.tool_calls or ():
            call = self._calls.setdefault(part.index, ["", "", ""])
            call[0] = part.id or call[0]
            if part.function:
                call[1] += part.function.name or ""
                call[2] += part.function.arguments or ""
        return (delta.content or "") + (delta.refusal or "")

    def end(self) -> Iterator[ModelEvent]:
        """Calls and the end, once the stream is over. Raises StreamBroken when it was not."""
        if self._reason is None:
            raise StreamBroken("The model's answer broke off.")
        if self._calls:
            calls = [self._calls[index] for index in sorted(self._calls)]
            if self._reason == "length" or not all(name for _, name, _ in calls):
                raise StreamBroken("The model's tool call broke off.")
            # Some servers give no ids, or the same twice; each result has to name its call.
            ids = [id for id, _, _ in calls]
            are_good = all(ids) and len(set(ids)) == len(ids)
            yield ToolCalls(
                tuple(
                    ToolCall(id if are_good else f"call_{n}", name, arguments)
                    for n, (id, name, arguments) in enumerate(calls)
                )
            )
        usage = self._usage
        cached = (usage.prompt_tokens_details.cached_tokens or 0) if usage.prompt_tokens_details else 0
        yield Finished(self._reason, self._model, usage.prompt_tokens, usage.completion_tokens, cached)


def _failure(error: _Error) -> Exception:
    told = f"{error.code or ''} {error.type or ''}"
    if "context_length" in told:
        return ContextTooLarge("The conversation is too long for the model.")
    if "rate_limit" in told or "429" in told:
        return ModelRateLimited("The model's provider asks to wait.")
    return ModelUnavailable("The model failed in the middle of its answer.")
