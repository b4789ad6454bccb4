"""A model as chat uses it: tried again while nothing has been seen of the answer, left alone while it keeps failing."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from opentelemetry.trace import SpanKind

from libs.models.errors import ModelError, ModelLeftAlone
from libs.models.messages import Finished, ModelEvent, ModelMessage, ToolSchema
from libs.models.openai_compatible import OpenAICompatible
from libs.resilience.breaker import Breaker, CircuitOpen
from libs.resilience.deadline import Deadline
from libs.resilience.retry import wait_before_retry
from libs.telemetry import tracer

ATTEMPTS = 3


class Deployment:
    """One model behind a breaker."""

    def __init__(self, model: OpenAICompatible) -> None:
        self._model = model
        self.breaker = Breaker(f"model {model.model}")

    async def stream(
        self, messages: Sequence[ModelMessage], tools: Sequence[ToolSchema], *, deadline: Deadline
    ) -> AsyncIterator[ModelEvent]:
        """One answer. Repeated by category (SPEC H4) only before its first event. Raises ModelError.

        A loop of its own: the retry library's context manager swallows what is thrown into a generator that nobody
        reads any more.
        """
        patience = Deadline.after(deadline.remaining_s() / 2)
        for attempt in range(1, ATTEMPTS + 1):
            seen = False
            try:
                async for event in self._once(messages, tools, deadline):
                    seen = True
                    yield event
            except ModelError as error:
                pause_s = wait_before_retry(error)
                if seen or attempt == ATTEMPTS or pause_s is None or pause_s >= patience.remaining_s():
                    raise
                await asyncio.sleep(pause_s)
            else:
                return

    async def _once(
        self, messages: Sequence[ModelMessage], tools: Sequence[ToolSchema], deadline: Deadline
    ) -> AsyncIterator[ModelEvent]:
        attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": self._model.model}
        with tracer.span(f"chat {self._model.model}", kind=SpanKind.CLIENT, attributes=attributes) as span:
            try:
                async with self.breaker:
                    async for event in self._model.stream(messages, tools, deadline=deadline):
                        if isinstance(event, Finished):
                            span.set_attribute("gen_ai.usage.input_tokens", event.input_tokens)
                            span.set_attribute("gen_ai.usage.output_tokens", event.output_tokens)
                        yield event
            except CircuitOpen as left_alone:
                raise ModelLeftAlone(left_alone.detail, retry_after_s=left_alone.retry_after_s) from left_alone


@asynccontextmanager
async def open_deployment(
    base_url: str, api_key: str, model: str, *, first_token_s: float = 20.0
) -> AsyncIterator[Deployment]:
    """A deployment with connections that last as long as the block."""
    client = OpenAICompatible(base_url, api_key, model, first_token_s=first_token_s)
    try:
        yield Deployment(client)
    finally:
        await client.aclose()
