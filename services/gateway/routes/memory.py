"""What the assistant keeps of its user: read, searched, written, mended and forgotten by their own hand.

A text is searched for with POST: what somebody asks is theirs, and addresses are logged on their way.
"""

import json
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import Field

from contracts.ids import new_id
from contracts.memory import (
    AddMemory,
    ForgetMemories,
    ForgottenMemories,
    ListMemories,
    Memories,
    MemoryChange,
    MemoryKind,
    MemoryView,
    NewMemory,
    RecalledMemories,
    RecallMemories,
    UpdateMemory,
)
from services.gateway.audit import Action, record
from services.gateway.errors import IdempotencyKeyReused, MemoryNotFound, NotSaidWhatToForget
from services.gateway.guards import GatewayHere, Manager, OriginHere, Reader, count_request
from services.gateway.idempotency import IdempotencyKey, derived_id
from services.gateway.principal import Principal
from services.gateway.strict_json import StrictRoute
from services.gateway.wire import AUTHENTICATED, WITH_BODY, MemoryKey, MemoryText, Prose, StrictBody, problems

router = APIRouter(prefix="/api/ai/memory", tags=["memory"], route_class=StrictRoute)


async def _counted_reader(caller: Reader, gateway: GatewayHere, response: Response) -> Principal:
    await count_request(caller, gateway, gateway.memory_limit, response)
    return caller


async def _counted_manager(caller: Manager, gateway: GatewayHere, response: Response) -> Principal:
    await count_request(caller, gateway, gateway.memory_limit, response)
    return caller


CountedReader = Annotated[Principal, Depends(_counted_reader)]
CountedManager = Annotated[Principal, Depends(_counted_manager)]
MemoryRef = Annotated[str, Field(pattern=r"^me_[0-9a-f]{32}$")]
Kind = Literal["preference", "fact", "person", "goal"]
Importance = Annotated[float, Field(ge=0, le=1)]
Keys = Annotated[list[Annotated[str, Field(max_length=1000)]], Query(max_length=50, description="Names, also a,b")]
Ids = Annotated[list[MemoryRef], Query(max_length=50)]
Cursor = Annotated[str | None, Query(max_length=200, pattern=r"^[A-Za-z0-9_-]*$")]
_NONE: list[str] = []


class MemoryRequest(StrictBody):
    """What is to be remembered. An entry of the same `key` is replaced; `importance` is computed where it is absent."""

    text: MemoryText
    kind: Kind = "fact"
    key: MemoryKey | None = None
    importance: Importance | None = None


class MemoryChangeRequest(StrictBody):
    """Absent fields stay."""

    text: MemoryText | None = None
    kind: Kind | None = None
    importance: Importance | None = None


class MemorySearch(StrictBody):
    """What it is about: a question, or a whole message."""

    text: Prose
    limit: Annotated[int, Field(ge=1, le=50)] = 5


@router.get("", responses=problems(*AUTHENTICATED, 422, 429))
async def read(
    caller: CountedReader,
    gateway: GatewayHere,
    keys: Keys = _NONE,
    limit: Annotated[int, Query(ge=1, le=100)] = 100,
    cursor: Cursor = None,
) -> Memories:
    """The entries of these keys, or all of them; those that changed last come first."""
    query = ListMemories(keys=_split(keys), limit=limit, cursor=cursor)
    return await gateway.bus.ask(query, scope=caller.scope)


@router.post("/search", responses=problems(*AUTHENTICATED, *WITH_BODY, 429))
async def search(body: MemorySearch, caller: CountedReader, gateway: GatewayHere) -> RecalledMemories:
    """What has to do with a text, the best first, and what the score of each is made of."""
    sealed = gateway.seal.seal("memory_text", caller.scope, json.dumps(body.text))
    return await gateway.bus.ask(RecallMemories(sealed_text=sealed, limit=body.limit), scope=caller.scope)


@router.post("", status_code=201, responses=problems(*AUTHENTICATED, *WITH_BODY, 409, 429))
async def add(
    body: MemoryRequest, caller: CountedManager, gateway: GatewayHere, idempotency_key: IdempotencyKey = None
) -> MemoryView:
    """Remember something. Said word for word before, it is the entry that says so already."""
    # Sources are not the client's to say: what comes this way is the user's own word.
    memory = NewMemory(text=body.text, kind=MemoryKind(body.kind), key=body.key, importance=body.importance)
    memory_id = derived_id("me", caller.scope, idempotency_key) if idempotency_key else new_id("me")
    sealed = gateway.seal.seal("memory", caller.scope, memory.model_dump_json())
    kept = await gateway.bus.ask(AddMemory(memory_id=memory_id, sealed_memory=sealed), scope=caller.scope)
    if kept.memory_id == memory_id and kept.text != body.text.strip():
        raise IdempotencyKeyReused("This Idempotency-Key came with another request before.")
    return kept


@router.patch("/{memory_id}", responses=problems(*AUTHENTICATED, *WITH_BODY, 404, 409, 429))
async def change(
    memory_id: Annotated[MemoryRef, Path()], body: MemoryChangeRequest, caller: CountedManager, gateway: GatewayHere
) -> MemoryView:
    """Other words, another kind or importance. What the entry was made from stays the same."""
    kind = MemoryKind(body.kind) if body.kind else None
    wanted = MemoryChange(text=body.text, kind=kind, importance=body.importance)
    sealed = gateway.seal.seal("memory", caller.scope, wanted.model_dump_json())
    return await gateway.bus.ask(UpdateMemory(memory_id=memory_id, sealed_change=sealed), scope=caller.scope)


@router.delete("", responses=problems(*AUTHENTICATED, 422, 429))
async def forget(
    caller: CountedManager,
    gateway: GatewayHere,
    origin: OriginHere,
    keys: Keys = _NONE,
    ids: Ids = _NONE,
    everything: Annotated[bool, Query(alias="all")] = False,
) -> ForgottenMemories:
    """Forget the entries of these keys and ids, or, with `all=true` alone, everything; how many there were."""
    named = _split(keys)
    if everything is bool(named or ids):
        raise NotSaidWhatToForget("It has to be said what is to be forgotten: some entries, or all of them.")
    query = ForgetMemories(keys=named, memory_ids=tuple(ids), everything=everything)
    forgotten = await gateway.bus.ask(query, scope=caller.scope)
    async with gateway.db.transaction(caller.scope) as tx:
        # A key may tell what it was about; the trail says how many went.
        what = "everything" if everything else f"{forgotten.count} entries"
        await record(tx, caller.name, Action.MEMORY_FORGOTTEN, what, origin)
    return forgotten


@router.delete("/{memory_id}", status_code=204, responses=problems(*AUTHENTICATED, 404, 422, 429))
async def forget_one(
    memory_id: Annotated[MemoryRef, Path()], caller: CountedManager, gateway: GatewayHere, origin: OriginHere
) -> None:
    """Forget one entry."""
    forgotten = await gateway.bus.ask(ForgetMemories(memory_ids=(memory_id,)), scope=caller.scope)
    if not forgotten.count:
        raise MemoryNotFound("There is no such entry.")
    async with gateway.db.transaction(caller.scope) as tx:
        await record(tx, caller.name, Action.MEMORY_FORGOTTEN, memory_id, origin)


def _split(keys: list[str]) -> tuple[str, ...]:
    return tuple(name for listed in keys for key in listed.split(",") if (name := key.strip()))
