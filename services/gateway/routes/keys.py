"""API keys for programs."""

from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, WithJsonSchema

from contracts.ids import is_id
from services.gateway.api_keys import ApiKey, NewKey, create_key, list_keys, revoke_key
from services.gateway.audit import Action, record
from services.gateway.errors import KeyNotFound
from services.gateway.guards import GatewayHere, Manager, OriginHere, Reader, check_permission
from services.gateway.principal import Permission
from services.gateway.strict_json import StrictRoute
from services.gateway.wire import AUTHENTICATED, WITH_BODY, ShortLine, StrictBody, problems

router = APIRouter(prefix="/api/keys", tags=["API keys"], route_class=StrictRoute)


def _network(text: str) -> str:
    try:
        return str(ip_network(text, strict=False))
    except ValueError as broken:
        raise ValueError("is not an IP address or network") from broken


def _future(moment: datetime) -> datetime:
    if moment <= datetime.now(UTC):
        raise ValueError("must lie in the future")
    return moment


Network = Annotated[
    str,
    AfterValidator(_network),
    WithJsonSchema({"type": "string", "examples": ["192.0.2.0/24"], "format": "ip-network"}),
]
Scope = Annotated[Permission, Field(strict=False)]


class KeyRequest(StrictBody):
    """What the key is for and what it may do."""

    name: ShortLine
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=3)]
    allowed_networks: Annotated[list[Network], Field(max_length=50, default_factory=list)]
    """Where the key may be used from; empty means everywhere."""
    expires_at: Annotated[AwareDatetime, Field(strict=False), AfterValidator(_future)] | None = None


class KeyView(BaseModel):
    """A key without its secret."""

    key_id: str
    name: str
    scopes: list[str]
    allowed_networks: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class CreatedKey(KeyView):
    """A new key; `key` is shown this once."""

    key: str


class Keys(BaseModel):
    """All keys that are not revoked."""

    keys: list[KeyView]


@router.post("", status_code=201, responses=problems(*AUTHENTICATED, *WITH_BODY))
async def create(body: KeyRequest, caller: Manager, gateway: GatewayHere, origin: OriginHere) -> CreatedKey:
    """Create a key. A key cannot create one that may more than itself."""
    for permission in body.scopes:
        check_permission(caller, permission)
    new = NewKey(body.name, tuple(dict.fromkeys(body.scopes)), tuple(body.allowed_networks), body.expires_at)
    async with gateway.db.transaction(caller.scope) as tx:
        key, secret = await create_key(tx, new)
        await record(tx, caller.name, Action.KEY_CREATED, key.key_id, origin)
    return CreatedKey(**_view(key).model_dump(), key=secret)


@router.get("", responses=problems(*AUTHENTICATED))
async def list_all(caller: Reader, gateway: GatewayHere) -> Keys:
    """The keys of the caller, newest first."""
    async with gateway.db.reading(caller.scope) as tx:
        return Keys(keys=[_view(key) for key in await list_keys(tx)])


@router.delete("/{key_id}", status_code=204, responses=problems(*AUTHENTICATED, 404))
async def revoke(key_id: str, caller: Manager, gateway: GatewayHere, origin: OriginHere) -> None:
    """Revoke a key: here at once, on other replicas within seconds."""
    async with gateway.db.transaction(caller.scope) as tx:
        if not is_id(key_id) or not await revoke_key(tx, key_id):
            raise KeyNotFound("There is no such API key.")
        await record(tx, caller.name, Action.KEY_REVOKED, key_id, origin)
    gateway.authenticator.cache.forget(key_id)


def _view(key: ApiKey) -> KeyView:
    return KeyView(
        key_id=key.key_id,
        name=key.name,
        scopes=list(key.permissions),
        allowed_networks=list(key.networks),
        created_at=key.created_at,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
    )
