"""A model request of a client: admitted while it waits, answered on `live.completion.<call id>`."""

import asyncio
import json
from contextlib import aclosing

import msgspec

from contracts.envelope import Scope
from contracts.models import CompletionStarted, StartCompletion
from libs.bus import Bus
from libs.models.messages import Finished, ModelEvent, TextDelta, ToolCall, ToolCalls
from libs.resilience.deadline import Deadline
from libs.resilience.errors import AdjutantError, Internal, Unavailable
from libs.telemetry import get_logger
from services.chat import openai_format
from services.chat.admitted import Admitted, Asker, left
from services.chat.coalescing import Coalescer
from services.chat.deps import Chat

log = get_logger("services.chat")


class _Update(msgspec.Struct, frozen=True, omit_defaults=True):
    """`contracts.models.CompletionUpdate`, lean."""

    n: int
    type: str
    text: str | None = None
    calls: str | None = None
    reason: str | None = None
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    error: str | None = None
    detail: str | None = None


BEAT_S = 10.0
"""The longest silence of a replica that is well; the gateway gives up after several of them."""

_encode = msgspec.json.Encoder().encode


async def start(query: StartCompletion, scope: Scope, deps: Chat) -> CompletionStarted:
    """Admit, then answer in the background. Raises RequestNotUnderstood, NoModelFits, QuotaReached, BudgetReached,
    Unavailable."""
    models = deps.models
    if models is None:
        raise Unavailable("No language model is configured on this installation.")
    deps.completions.check_room()
    request = openai_format.read(deps.seal.open("completion", scope, query.sealed_body))
    models.router.check(request)
    deadline = Deadline.after(deps.settings.turn_s)
    admitted = await models.admit(request, Asker(scope, query.feature), deadline, query.call_id)
    deps.completions.keep(query.call_id, deps.background.create_task(_answer(admitted, deadline, query.call_id, deps)))
    return CompletionStarted(call_id=query.call_id, quota=left(admitted.quota, admitted.admission))


async def _answer(admitted: Admitted, deadline: Deadline, call_id: str, deps: Chat) -> None:
    assert deps.models is not None
    live = _Live(deps.bus, call_id)
    beating = asyncio.create_task(live.beat())
    try:
        async with aclosing(deps.models.stream(admitted, deadline)) as events:
            async for event in events:
                await live.tell(event)
    except asyncio.CancelledError:
        # The process ends, or nobody listens any more; who does is told at once, and not left to wait.
        await live.fail(Unavailable("The answer was stopped before its end.", retry_after_s=1))
        raise
    except AdjutantError as error:
        await live.fail(error)
    except Exception as error:
        log.exception("completion_failed", error=type(error).__name__)
        await live.fail(Internal("Something went wrong on our side."))
    finally:
        beating.cancel()


class _Live:
    """Numbers and publishes the updates of one completion."""

    def __init__(self, bus: Bus, call_id: str) -> None:
        self._publisher = bus.live("completion", call_id)
        self._coalescer = Coalescer(self._say)
        self._n = 0

    async def beat(self) -> None:
        """Say that the answer is still being worked on, when nothing else has for a while; for ever."""
        while True:
            before = self._n
            await asyncio.sleep(BEAT_S)
            if self._n == before:
                await self._publish(_Update(self._next(), "alive"))

    async def tell(self, event: ModelEvent) -> None:
        if isinstance(event, TextDelta):
            await self._coalescer.say(event.text)
            return
        await self._coalescer.flush()
        if isinstance(event, ToolCalls):
            await self._publish(_Update(self._next(), "calls", calls=json.dumps([_call(call) for call in event.calls])))
        elif isinstance(event, Finished):
            await self._publish(
                _Update(
                    self._next(),
                    "finished",
                    reason=event.reason,
                    model=event.model,
                    input_tokens=event.input_tokens,
                    output_tokens=event.output_tokens,
                    cached_tokens=event.cached_tokens,
                )
            )

    async def fail(self, error: AdjutantError) -> None:
        await self._coalescer.flush()
        await self._publish(_Update(self._next(), "failed", error=error.slug, detail=error.detail))

    async def _say(self, text: str) -> None:
        await self._publish(_Update(self._next(), "text", text=text))

    def _next(self) -> int:
        self._n += 1
        return self._n

    async def _publish(self, update: _Update) -> None:
        try:
            await self._publisher.publish(_encode(update))
        except Unavailable as away:
            log.info("live_update_lost", error=away.slug)


def _call(call: ToolCall) -> dict[str, str]:
    return {"id": call.id, "name": call.name, "arguments": call.arguments}
