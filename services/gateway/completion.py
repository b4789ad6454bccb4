"""A completion on its way to the client: asked of chat, followed, and told in OpenAI's words."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from starlette.types import Receive

from contracts.ids import new_id
from contracts.models import CompletionStarted, CompletionStop, Feature, QuotaLeft, StartCompletion
from libs.bus import RemoteError
from libs.bus.errors import ErrorBody, LiveGap
from libs.resilience.errors import Unavailable
from services.gateway.deps import Gateway
from services.gateway.errors import ClientGone
from services.gateway.principal import Principal

ResultT = TypeVar("ResultT")

START_TIMEOUT_S = 10.0
SILENCE_S = 45.0
"""Chat says every ten seconds that it is at work: after this nobody will say anything any more."""


FAULT_OF_THE_ASKER = frozenset({"context_too_large", "model_refused"})


class Update(msgspec.Struct, frozen=True, omit_defaults=True):
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


_decode = msgspec.json.Decoder(Update).decode


@dataclass(slots=True)
class Completion:
    """One that was admitted."""

    started: CompletionStarted
    updates: AsyncIterator[bytes]
    created: int

    @property
    def id(self) -> str:
        """As clients see it."""
        return f"chatcmpl-{self.started.call_id}"

    def headers(self) -> dict[str, str]:
        """Where the client stands, in OpenAI's names and in ours."""
        return quota_headers(self.started.quota)

    async def each(self, *, with_alive: bool = False) -> AsyncGenerator[Update, None]:
        """Until the answer ends; `alive` ones only for who wants them. Raises RemoteError with what chat said of a
        failure, Unavailable."""
        async with aclosing(self.updates) as bodies:  # type: ignore[type-var]  # it is a generator
            while True:
                try:
                    async with asyncio.timeout(SILENCE_S):
                        update = _decode(await anext(bodies))
                except (TimeoutError, LiveGap) as error:
                    raise Unavailable("The answer was lost on its way.") from error
                if update.type == "failed":
                    raise _failure(update)
                if update.type != "alive" or with_alive:
                    yield update
                if update.type == "finished":
                    return

    async def all(self) -> list[Update]:
        """Until it ends; the last one says how. Raises what `each` raises."""
        return [update async for update in self.each()]


async def unless_gone(receive: Receive, work: Coroutine[Any, Any, ResultT]) -> ResultT:
    """What the work comes to, for a client that waits for it; one that leaves stops it. The request's body has to be
    read before. Raises ClientGone."""
    working, leaving = asyncio.create_task(work), asyncio.create_task(_left(receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientGone("The client left before the answer.")
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def quota_headers(quota: QuotaLeft) -> dict[str, str]:
    """In OpenAI's names: requests are those of a day, tokens those of an hour."""
    return {
        "x-ratelimit-limit-requests": str(quota.requests_per_day),
        "x-ratelimit-remaining-requests": str(quota.day_left),
        "x-ratelimit-limit-tokens": str(quota.tokens_per_hour),
        "x-ratelimit-remaining-tokens": str(quota.hour_tokens_left),
    }


@asynccontextmanager
async def completion(
    gateway: Gateway, caller: Principal, body: str, feature: Feature = "completions"
) -> AsyncIterator[Completion]:
    """Ask, and follow; who leaves the block early stops the model. Raises what chat answers."""
    call_id = new_id("mc")
    over = False
    async with gateway.bus.follow("completion", call_id, fresh=True) as updates:
        query = StartCompletion(
            call_id=call_id, sealed_body=gateway.seal.seal("completion", caller.scope, body), feature=feature
        )

        async def watched() -> AsyncIterator[bytes]:
            nonlocal over
            async for update in updates:
                over = b'"type":"finished"' in update or b'"type":"failed"' in update
                yield update

        try:
            started = await gateway.bus.ask(query, scope=caller.scope, timeout_s=START_TIMEOUT_S)
            yield Completion(started, watched(), int(time.time()))
        except RemoteError:
            over = True  # refused: nothing runs that could be stopped
            raise
        finally:
            if not over:
                stop = CompletionStop(call_id=call_id).model_dump_json().encode()
                await gateway.bus.live("completion_stop", call_id).publish(stop)


def _failure(update: Update) -> RemoteError:
    slug = update.error or "model_error"
    is_askers = slug in FAULT_OF_THE_ASKER
    return RemoteError(
        ErrorBody(
            slug=slug,
            status=400 if is_askers else 503,
            detail=update.detail or "The language model failed.",
            advice="" if is_askers else "Try again.",
            retryable=not is_askers,
        )
    )


def chunk(completion: Completion, update: Update, model: str, *, first: bool) -> bytes:
    """One server-sent event of a streamed answer."""
    delta: dict[str, Any] = {"role": "assistant"} if first else {}
    if update.text is not None:
        delta["content"] = update.text
    if update.calls is not None:
        delta["tool_calls"] = [{"index": n, **call} for n, call in enumerate(_calls(update.calls))]
    choice = {"index": 0, "delta": delta, "finish_reason": update.reason}
    return _event({**_head(completion, update.model or model, "chat.completion.chunk"), "choices": [choice]})


def usage_chunk(completion: Completion, update: Update, model: str) -> bytes:
    """The last event for a client that asked for usage."""
    head = _head(completion, update.model or model, "chat.completion.chunk")
    return _event({**head, "choices": [], "usage": _usage(update)})


def whole(completion: Completion, updates: list[Update], model: str) -> dict[str, Any]:
    """A complete answer, not streamed."""
    last = updates[-1]
    said = "".join(update.text for update in updates if update.text)
    message: dict[str, Any] = {"role": "assistant", "content": said, "refusal": None}
    if calls := [call for update in updates if update.calls for call in _calls(update.calls)]:
        # Only then may nothing be said: clients take the content of any other answer for a text.
        message |= {"content": said or None, "tool_calls": calls}
    return {
        **_head(completion, last.model or model, "chat.completion"),
        "choices": [{"index": 0, "message": message, "finish_reason": last.reason, "logprobs": None}],
        "usage": _usage(last),
    }


def _head(completion: Completion, model: str, kind: str) -> dict[str, Any]:
    return {"id": completion.id, "object": kind, "created": completion.created, "model": model}


def _usage(update: Update) -> dict[str, Any]:
    read, written = update.input_tokens or 0, update.output_tokens or 0
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
        "prompt_tokens_details": {"cached_tokens": update.cached_tokens or 0},
    }


def _calls(text: str) -> list[dict[str, Any]]:
    return [
        {"id": call["id"], "type": "function", "function": {"name": call["name"], "arguments": call["arguments"]}}
        for call in json.loads(text)
    ]


def _event(content: dict[str, Any]) -> bytes:
    return b"data: %b\n\n" % msgspec.json.encode(content)
