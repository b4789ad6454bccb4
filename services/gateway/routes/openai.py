"""OpenAI's API: any of its clients can use the models here with a key of this platform.

`model` names a deployment, a model, `auto`, which leaves the choice to the router, or `adjutant`: the assistant itself.
"""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from contracts.models import CreateEmbeddings, ListModels
from libs.resilience.errors import AdjutantError, InvalidInput, TooLarge
from services.gateway import assistant_model
from services.gateway.completion import (
    Completion,
    Update,
    chunk,
    completion,
    quota_headers,
    unless_gone,
    usage_chunk,
    whole,
)
from services.gateway.deps import Gateway
from services.gateway.errors import ModelNotFound
from services.gateway.guards import Chatter, GatewayHere, OriginHere
from services.gateway.openai_errors import error_body, openai_problems
from services.gateway.principal import Origin, Principal
from services.gateway.turn_start import start_turn

router = APIRouter(prefix="/v1", tags=["OpenAI"])

EMBEDDINGS_TIMEOUT_S = 35.0
PING = b": ping\n\n"
"""A comment, which clients ignore and proxies see."""
MAX_BODY_BYTES = 700_000
"""Sealed and encoded it still fits into one message of the bus (1 MiB)."""


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = False


class _Wanted(msgspec.Struct):
    """What concerns the gateway; the rest is read where the models are."""

    model: str = "auto"
    stream: bool | None = False
    stream_options: _StreamOptions | None = None

    @property
    def has_usage(self) -> bool:
        return self.stream_options is not None and bool(self.stream_options.include_usage)


_read = msgspec.json.Decoder(_Wanted).decode


@router.get("/models", responses=openai_problems())
async def models(caller: Chatter, gateway: GatewayHere) -> dict[str, Any]:
    """The names that can be asked for: `adjutant`, `auto`, deployments, and their models."""
    return {"object": "list", "data": [_model(name) for name in await _names(gateway, caller)]}


@router.get("/models/{model:path}", responses=openai_problems(404))
async def model(model: str, caller: Chatter, gateway: GatewayHere) -> dict[str, Any]:
    """One of them; names may hold a slash."""
    if model not in await _names(gateway, caller):
        raise ModelNotFound("There is no model of this name.")
    return _model(model)


@router.post("/chat/completions", response_class=Response, responses=openai_problems(400, 404, 413, 429))
async def chat_completions(request: Request, caller: Chatter, gateway: GatewayHere, origin: OriginHere) -> Response:
    """One answer, whole or streamed as server-sent events."""
    body = await request.body()
    if len(body) > MAX_BODY_BYTES:
        raise TooLarge(f"A request may have {MAX_BODY_BYTES:,} bytes.")
    try:
        wanted, text = _read(body), body.decode()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput("The body is not a chat completion request in JSON.") from error
    if wanted.model == assistant_model.NAME:
        return await _by_the_assistant(body, wanted, caller, gateway, origin)
    stack = AsyncExitStack()
    found = await stack.enter_async_context(completion(gateway, caller, text))
    if wanted.stream:
        coming = found.each(with_alive=True)
        first = await _first_of(coming, request, stack)
        events = _streamed(_Stream(found, first, coming, stack), wanted, origin.request_id)
        return StreamingResponse(events, media_type="text/event-stream", headers=found.headers())
    async with stack:
        updates = await unless_gone(request.receive, found.all())
    return Response(json.dumps(whole(found, updates, wanted.model)), 200, found.headers(), "application/json")


@router.post("/embeddings", response_class=Response, responses=openai_problems(400, 404, 413, 429))
async def embeddings(request: Request, caller: Chatter, gateway: GatewayHere) -> Response:
    """Vectors for one text or many."""
    body = await request.body()
    if len(body) > MAX_BODY_BYTES:
        raise TooLarge(f"A request may have {MAX_BODY_BYTES:,} bytes.")
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput("The body is not UTF-8.") from error
    query = CreateEmbeddings(sealed_body=gateway.seal.seal("embeddings", caller.scope, text))
    made = await gateway.bus.ask(query, scope=caller.scope, timeout_s=EMBEDDINGS_TIMEOUT_S)
    data = gateway.seal.open("embeddings", caller.scope, made.sealed_data)
    usage = {"prompt_tokens": made.input_tokens, "total_tokens": made.input_tokens}
    head = json.dumps({"object": "list", "model": made.model, "usage": usage})
    # The vectors are passed on as the provider wrote them: reading a thousand numbers would cost more than the rest.
    return Response(f'{head[:-1]}, "data": {data}}}', 200, quota_headers(made.quota), "application/json")


async def _names(gateway: Gateway, caller: Principal) -> dict[str, None]:
    found = await gateway.bus.ask(ListModels(), scope=caller.scope)
    deployed = (name for each in found.models for name in (each.name, each.model))
    return dict.fromkeys(("auto", assistant_model.NAME, *deployed))


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "adjutant"}


async def _by_the_assistant(
    body: bytes, wanted: _Wanted, caller: Principal, gateway: Gateway, origin: Origin
) -> Response:
    asked = assistant_model.read(body)
    turn = await start_turn(gateway, caller, asked, None, assistant_model.conversation_for(asked, caller.scope.user_id))
    if wanted.stream:
        return assistant_model.AssistantResponse(turn, origin.request_id, has_usage=wanted.has_usage)
    headers = turn.allowance.headers() if turn.allowance else {}
    return Response(await assistant_model.whole(turn), 200, headers, "application/json")


@dataclass(frozen=True, slots=True)
class _Stream:
    """A completion that has begun."""

    found: Completion
    first: Update
    others: AsyncIterator[Update]
    stack: AsyncExitStack

    async def each(self) -> AsyncIterator[Update]:
        """All updates."""
        yield self.first
        async for update in self.others:
            yield update


async def _first_of(updates: AsyncIterator[Update], request: Request, stack: AsyncExitStack) -> Update:
    """What fails before its first word fails with a status of its own: clients know how to go on then, and try again
    by themselves where that helps."""

    async def first() -> Update:
        return await anext(updates)

    try:
        return await unless_gone(request.receive, first())
    except BaseException:
        await stack.aclose()
        raise


async def _streamed(stream: _Stream, wanted: _Wanted, request_id: str) -> AsyncIterator[bytes]:
    """Server-sent events; a failure in the middle is one of them, as OpenAI's clients know it."""
    found, is_first = stream.found, True
    async with stream.stack:
        try:
            async for update in stream.each():
                if update.type == "alive":
                    yield PING
                    continue
                yield chunk(found, update, wanted.model, first=is_first)
                is_first = False
                if update.type == "finished" and wanted.has_usage:
                    yield usage_chunk(found, update, wanted.model)
        except AdjutantError as error:
            body = error_body(error.slug, error.status, error.detail, request_id)
            yield b"data: %b\n\n" % json.dumps(body).encode()
        yield b"data: [DONE]\n\n"
