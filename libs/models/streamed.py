"""Asking a model and reading its stream, once for all providers: every limit of time and size is here.

A limit is renewed by what the model itself says, visible or not. Comments, pings and empty chunks, by which servers
keep a connection alive, renew nothing: a model that hangs behind a lively proxy is found out all the same.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress

from libs.models.answer import Answer
from libs.models.errors import ModelError, ModelTimeout, StreamBroken
from libs.models.headroom import UNTOLD
from libs.models.lines import Lines
from libs.models.messages import ALIVE, NO_OPTIONS, ModelEvent, ModelMessage, Options, TextDelta, ToolCalls, ToolSchema
from libs.resilience.deadline import Deadline

CONNECT_S = 2.0
STALL_S = 30.0
"""The longest silence between two tokens."""
DRAIN_S = 0.1
MAX_ANSWER_BYTES = 32_000_000
"""On the wire, where a token takes some 300 bytes: more than any model writes."""


class StreamedModel(ABC):
    """One model at one server. Raises leaves of ModelError only.

    A provider's adapter says how a request is opened, who reads its lines, and what its transport's errors mean.
    """

    def __init__(self, model: str, first_token_s: float) -> None:
        self.model = model
        self._first_token_s = first_token_s
        self.headroom = UNTOLD

    async def stream(
        self,
        messages: Sequence[ModelMessage],
        tools: Sequence[ToolSchema],
        *,
        options: Options = NO_OPTIONS,
        deadline: Deadline,
    ) -> AsyncGenerator[ModelEvent, None]:
        """One answer: text as it comes, then the calls if there are any, then Finished."""
        answer, lines, received = self._answer(options), Lines(), 0
        silent_until = _moment(self._first_token_s, deadline)
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout_at(silent_until):
                    portions = await stack.enter_async_context(self._opened(messages, tools, options))
                while not answer.is_over:
                    async with asyncio.timeout_at(silent_until):
                        data = await anext(portions, None)
                    if data is None:
                        break
                    received += len(data)
                    if received > MAX_ANSWER_BYTES:
                        raise StreamBroken("The language model's answer does not end.")
                    text = "".join([answer.read(line) for line in lines.feed(data)])
                    is_at_work = answer.is_at_work()
                    if text:
                        yield TextDelta(text)
                    elif is_at_work:
                        yield ALIVE
                    else:
                        continue
                    silent_until = _moment(STALL_S, deadline)
                await _drained(portions, lines, answer)
        except ModelError:
            raise
        except TimeoutError as error:
            raise ModelTimeout("The language model took too long.") from error
        except Exception as error:
            broken = StreamBroken("The connection to the language model broke.")
            raise (self._translated(error) or broken) from error
        for event in answer.end():
            # Not every provider can be told, and not every model obeys.
            yield ToolCalls(event.calls[:1]) if options.one_call and isinstance(event, ToolCalls) else event

    @abstractmethod
    async def aclose(self) -> None:
        """Close its connections."""

    @abstractmethod
    def _opened(
        self, messages: Sequence[ModelMessage], tools: Sequence[ToolSchema], options: Options
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Send the request; the body of an answer with 200, in portions. An answer with another status is raised."""

    @abstractmethod
    def _answer(self, options: Options) -> Answer:
        """A parser for one answer."""

    @abstractmethod
    def _translated(self, error: Exception) -> ModelError | None:
        """What an error of the transport means; None for a connection that broke."""


def _moment(limit_s: float, deadline: Deadline) -> float:
    """On the loop's clock: after so many seconds, but never after the deadline."""
    return asyncio.get_running_loop().time() + min(limit_s, deadline.remaining_s())


async def _drained(portions: AsyncIterator[bytes], lines: Lines, answer: Answer) -> None:
    """Read what follows the end, mostly an empty chunk: only a connection that is read to the end serves again.

    Figures that come late still count, and so does a last line without a line break; nonsense no longer matters.
    """
    with suppress(TimeoutError, StreamBroken):
        async with asyncio.timeout(DRAIN_S):
            async for data in portions:
                for line in lines.feed(data):
                    answer.read(line)
    with suppress(StreamBroken):
        answer.read(lines.rest())
