"""API keys of other providers, brought by a user for themselves or for their organization.

Every member of an organization may bring and remove its keys: today an organization has one member, its founder. When
there are more, this is where their roles are asked for.
"""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field, SecretStr

from contracts.oauth import (
    KeyOwner,
    ListSuppliedKeys,
    RemoveSuppliedKey,
    StoreSuppliedKey,
    SuppliedKeyRemoved,
    SuppliedKeys,
    SuppliedKeyView,
)
from services.gateway.audit import Action, record
from services.gateway.guards import GatewayHere, Manager, OriginHere, Reader
from services.gateway.strict_json import StrictRoute
from services.gateway.wire import AUTHENTICATED, WITH_BODY, ShortLine, StrictBody, problems

router = APIRouter(prefix="/api/integrations/keys", tags=["integrations"], route_class=StrictRoute)

CHECK_TIMEOUT_S = 12.0
"""The key is tried at its provider, which may be slow."""

KeyRef = Annotated[str, Path(pattern=r"^sk_[0-9a-f]{32}$")]


class KeyBrought(StrictBody):
    """A key, whose it is to be, and how long the one before it stays valid."""

    provider: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
    key: Annotated[SecretStr, Field(min_length=8, max_length=4096)]
    label: ShortLine
    belongs_to: Annotated[KeyOwner, Field(strict=False)] = KeyOwner.USER
    overlap_h: Annotated[int, Field(ge=0, le=24 * 30)] = 24


@router.get("", responses=problems(*AUTHENTICATED))
async def list_all(caller: Reader, gateway: GatewayHere) -> SuppliedKeys:
    """The caller's keys and the organization's, with who used them; never a key."""
    return await gateway.bus.ask(ListSuppliedKeys(), scope=caller.scope)


@router.post("", status_code=201, responses=problems(*AUTHENTICATED, *WITH_BODY, 404))
async def bring(body: KeyBrought, caller: Manager, gateway: GatewayHere, origin: OriginHere) -> SuppliedKeyView:
    """Try a key at its provider and keep it; one that is there already is replaced, and retires after the overlap."""
    query = StoreSuppliedKey(
        provider=body.provider,
        belongs_to=body.belongs_to,
        label=body.label,
        sealed_key=gateway.seal.seal("supplied_key", caller.scope, body.key.get_secret_value().strip()),
        overlap_h=body.overlap_h,
    )
    kept = await gateway.bus.ask(query, scope=caller.scope, timeout_s=CHECK_TIMEOUT_S)
    async with gateway.db.transaction(caller.scope) as tx:
        await record(tx, caller.name, Action.SUPPLIED_KEY_STORED, kept.key_id, origin)
    return kept


@router.delete("/{key_id}", responses=problems(*AUTHENTICATED, 404, 422))
async def remove(key_id: KeyRef, caller: Manager, gateway: GatewayHere, origin: OriginHere) -> SuppliedKeyRemoved:
    """Forget a key at once. At its provider it lives on until its owner deletes it there."""
    gone = await gateway.bus.ask(RemoveSuppliedKey(key_id=key_id), scope=caller.scope)
    async with gateway.db.transaction(caller.scope) as tx:
        await record(tx, caller.name, Action.SUPPLIED_KEY_REMOVED, key_id, origin)
    return gone
