"""One answer as it arrives, whatever the provider: what every parser of a stream shares."""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from libs.models.errors import StreamBroken
from libs.models.messages import Finished, ModelEvent, ToolCall, ToolCalls

MOST_NAME = 200
"""Characters of a model's name: it is the provider's word, and goes into the ledger."""


@dataclass(slots=True)
class CallSoFar:
    """A tool call of which pieces may be missing."""

    id: str = ""
    name: str = ""
    arguments: str = ""


MOST_TOKENS = 2_000_000_000
"""More than any answer has, and no more than the ledger can hold."""


@dataclass(slots=True)
class Usage:
    """Tokens as `Finished` counts them, as they were told."""

    input: int = 0
    output: int = 0
    cached: int = 0
    cache_write: int = 0

    def possible(self) -> "Usage":
        """Without what cannot be, for the books have to stand whatever a provider writes: nothing is negative, and
        the cache's part is a part of the input."""
        read = _between(0, self.input, MOST_TOKENS)
        cached = _between(0, self.cached, read)
        written = _between(0, self.cache_write, read - cached)
        return Usage(read, _between(0, self.output, MOST_TOKENS), cached, written)


class Answer(ABC):
    """Feed it lines. Calls are handed on complete, at the end: half a call must never be run."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._calls: list[CallSoFar] = []
        self._reason: str | None = None
        """stop, length, tool_calls or content_filter, once the provider has given one."""
        self._usage = Usage()
        self._worked = False
        self.is_over = False
        """Whether nothing more is to come."""

    def read(self, line: bytes) -> str:
        """Take one line; returns visible text, mostly. Raises ModelError for an error inside the stream.

        Lines that are not data say nothing that the data does not say again: comments, names, ids of events.
        """
        if not line.startswith(b"data:"):
            return ""
        data = line[5:].strip()
        if data == b"[DONE]":
            self.is_over = True
            return ""
        try:
            return self._take(data)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise StreamBroken("The model's stream does not follow its format.") from error

    def is_at_work(self) -> bool:
        """Whether something came since the last question that nobody sees: a piece of a call, or of thinking."""
        worked, self._worked = self._worked, False
        return worked

    def end(self) -> Iterator[ModelEvent]:
        """Calls and the end, once the stream is over. Raises StreamBroken when it was not."""
        if self._reason is None:
            raise StreamBroken("The model's answer broke off.")
        reason = self._reason
        # What a filter stopped is not run, even when a call in it happens to be whole.
        calls = self._calls if reason != "content_filter" else []
        if reason == "length":
            # The last call may be half of one, and a limit that the asker has set is no failure: asked again, it would
            # be reached again. So the answer ends there, like a text that is cut.
            calls = []
        if calls:
            if not all(call.name for call in calls):
                raise StreamBroken("The model's tool call broke off.")
            yield ToolCalls(self._whole(calls))
            reason = "tool_calls"
        elif reason == "tool_calls":
            reason = "stop"
        usage = self._usage.possible()
        model = "".join(char for char in self._model[:MOST_NAME] if char.isprintable())
        yield Finished(reason, model, usage.input, usage.output, usage.cached, usage.cache_write)

    @abstractmethod
    def _take(self, data: bytes) -> str:
        """Take one event; returns its visible text."""

    def _whole(self, calls: list[CallSoFar]) -> tuple[ToolCall, ...]:
        """Some servers give no ids, or the same twice. Each result has to name its call, and ids made here differ from
        those of earlier answers, which some providers insist on."""
        ids = {call.id for call in calls}
        if "" in ids or len(ids) < len(calls):
            for call in calls:
                call.id = f"call_{secrets.token_hex(12)}"
        return tuple(ToolCall(call.id, call.name, call.arguments) for call in calls)


def _between(least: int, count: int, most: int) -> int:
    return max(least, min(count, most))
