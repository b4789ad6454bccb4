"""Connecting providers. The flow belongs to oauth; here it is tied to whoever began it.

A flow begun in a browser is bound to its session, one begun by a program to its API key: the callback must come
with the same cookie or bearer. A program therefore catches the redirect itself and calls the callback with its key;
a link that somebody else began is worth nothing in the user's browser, and the other way round.
"""

import re
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from contracts.oauth import (
    Connections,
    ConnectionView,
    Disconnect,
    Disconnected,
    FinishConnection,
    ListConnections,
    StartConnection,
)
from libs.providers.registry import PROVIDERS
from services.gateway.audit import Action, record
from services.gateway.deps import Gateway
from services.gateway.errors import MalformedReturnPath, ProviderNotFound
from services.gateway.guards import GatewayHere, Manager, OriginHere, Reader
from services.gateway.principal import Origin, Principal
from services.gateway.signing import digest
from services.gateway.strict_json import StrictRoute
from services.gateway.wire import AUTHENTICATED, WITH_BODY, StrictBody, problems

router = APIRouter(prefix="/api/integrations", tags=["integrations"], route_class=StrictRoute)

RETURN_COOKIE = "adjutant_return_to"
_PROVIDER = re.compile(r"^[a-z][a-z0-9_]{0,40}$")
_LOCAL_PATH = re.compile(r"^/(?![/\\])[A-Za-z0-9/_.~?&=%#-]{0,499}$")

Type = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
Capability = Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,40}$")]
Given = Annotated[str | None, Query(max_length=4096, pattern=r"^[\x20-\x7e]*$")]


class ConnectRequest(StrictBody):
    """Which provider, and where the browser goes afterwards (a path of this site)."""

    type: Type
    return_to: Annotated[str, Field(pattern=_LOCAL_PATH.pattern.replace(r"(?![/\\])", ""), max_length=500)] | None = (
        None
    )
    capabilities: Annotated[list[Capability], Field(max_length=10, default_factory=list)]
    """What to allow beside reading and what is allowed already; GET on this path lists them."""


class ConnectStarted(BaseModel):
    """Where to send the browser, within ten minutes."""

    authUrl: str  # noqa: N815 - SPEC G6 names it so


class IntegrationType(BaseModel):
    """One provider: what it is called, what can be allowed there, and how it stands with the caller."""

    type: str
    label: str
    capabilities: list[str]
    available: bool
    """Whether the operator has registered this installation with it."""
    connected: bool


class IntegrationTypes(BaseModel):
    """The providers that can be connected."""

    types: list[str]
    providers: list[IntegrationType]


class IntegrationStatus(BaseModel):
    """Whether one provider is connected."""

    provider: str
    status: Literal["active", "reauthorization_required", "not_connected"]
    connection: ConnectionView | None


@router.get("", responses=problems(*AUTHENTICATED))
async def list_all(caller: Reader, gateway: GatewayHere) -> Connections:
    """The caller's connections."""
    return await gateway.bus.ask(ListConnections(), scope=caller.scope)


@router.get("/connect", responses=problems(*AUTHENTICATED))
async def types(caller: Reader, gateway: GatewayHere) -> IntegrationTypes:
    """What can be connected."""
    found = await gateway.bus.ask(ListConnections(), scope=caller.scope)
    connected = {connection.provider for connection in found.connections}
    return IntegrationTypes(
        types=list(PROVIDERS),
        providers=[
            IntegrationType(
                type=name,
                label=provider.label,
                capabilities=list(provider.capabilities),
                available=name in found.available,
                connected=name in connected,
            )
            for name, provider in PROVIDERS.items()
        ],
    )


@router.post("/connect", responses=problems(*AUTHENTICATED, *WITH_BODY, 404))
async def connect(
    body: ConnectRequest, response: Response, caller: Manager, gateway: GatewayHere, origin: OriginHere
) -> ConnectStarted:
    """Begin to connect a provider."""
    started = await _start(gateway, caller, origin, body.type, body.return_to, tuple(body.capabilities))
    if body.return_to and caller.kind == "session":
        _remember_return(response, body.return_to, gateway, origin)
    return ConnectStarted(authUrl=started)


@router.get(
    "/callback",
    response_model=ConnectionView,
    responses={303: {"description": "Back to the page"}, **problems(*AUTHENTICATED, 404, 409, 422, 502)},
)
async def callback(
    request: Request,
    caller: Manager,
    gateway: GatewayHere,
    origin: OriginHere,
    type: Annotated[str, Query(max_length=41)],
    state: Annotated[str, Query(min_length=1, max_length=512, pattern=r"^[\x21-\x7e]+$")],
    code: Given = None,
    iss: Given = None,
    error: Given = None,
) -> Response | ConnectionView:
    """The provider sends the browser back here, with the provider's type as a parameter."""
    return await _finish(
        request,
        gateway,
        caller,
        origin,
        FinishConnection(
            provider=_known(type), state=state, browser_binding=_binding(caller), code=code, issuer=iss, error=error
        ),
    )


@router.get(
    "/{provider}/connect",
    response_model=ConnectStarted,
    responses={303: {"description": "To the provider"}, **problems(*AUTHENTICATED, 404, 422)},
)
async def connect_by_link(
    provider: str,
    request: Request,
    caller: Manager,
    gateway: GatewayHere,
    origin: OriginHere,
    capability: Annotated[list[Capability], Query(max_length=10)] = [],  # noqa: B006 - FastAPI copies it
) -> Response | ConnectStarted:
    """The same as a link: a browser is sent to the provider, a program gets the address."""
    started = await _start(gateway, caller, origin, provider, None, tuple(capability))
    if _is_browser(request):
        return Response(status_code=303, headers={"location": started})
    return ConnectStarted(authUrl=started)


@router.get(
    "/{provider}/callback",
    response_model=ConnectionView,
    responses={303: {"description": "Back to the page"}, **problems(*AUTHENTICATED, 404, 409, 422, 502)},
)
async def callback_of_provider(
    provider: str,
    request: Request,
    caller: Manager,
    gateway: GatewayHere,
    origin: OriginHere,
    state: Annotated[str, Query(min_length=1, max_length=512, pattern=r"^[\x21-\x7e]+$")],
    code: Given = None,
    iss: Given = None,
    error: Given = None,
) -> Response | ConnectionView:
    """The provider sends the browser back here."""
    return await _finish(
        request,
        gateway,
        caller,
        origin,
        FinishConnection(
            provider=_known(provider), state=state, browser_binding=_binding(caller), code=code, issuer=iss, error=error
        ),
    )


@router.get("/{provider}/status", responses=problems(*AUTHENTICATED, 404))
async def status(provider: str, caller: Reader, gateway: GatewayHere) -> IntegrationStatus:
    """Whether a provider is connected."""
    name = _known(provider)
    found = await gateway.bus.ask(ListConnections(), scope=caller.scope)
    for connection in found.connections:
        if connection.provider == name:
            return IntegrationStatus(provider=name, status=connection.status.value, connection=connection)
    return IntegrationStatus(provider=name, status="not_connected", connection=None)


@router.post("/{provider}/disconnect", responses=problems(*AUTHENTICATED, 404))
async def disconnect(provider: str, caller: Manager, gateway: GatewayHere, origin: OriginHere) -> Disconnected:
    """Revoke the connection at the provider and forget its tokens."""
    gone = await gateway.bus.ask(Disconnect(provider=_known(provider)), scope=caller.scope, timeout_s=15)
    await _audit(gateway, caller, origin, Action.DISCONNECTED, gone.provider)
    return gone


async def _start(
    gateway: Gateway,
    caller: Principal,
    origin: Origin,
    provider: str,
    return_to: str | None,
    capabilities: tuple[str, ...],
) -> str:
    if return_to is not None and not _LOCAL_PATH.fullmatch(return_to):
        raise MalformedReturnPath("return_to must be a path of this site.")
    query = StartConnection(
        provider=_known(provider),
        browser_binding=_binding(caller),
        return_to=return_to or "/",
        capabilities=capabilities,
    )
    started = await gateway.bus.ask(query, scope=caller.scope)
    await _audit(gateway, caller, origin, Action.CONNECTION_STARTED, provider)
    return started.auth_url


async def _finish(
    request: Request, gateway: Gateway, caller: Principal, origin: Origin, query: FinishConnection
) -> Response | ConnectionView:
    # Redeeming the code is a call to the provider, which may be slow.
    connection = await gateway.bus.ask(query, scope=caller.scope, timeout_s=20)
    await _audit(gateway, caller, origin, Action.CONNECTED, connection.provider)
    return_to = request.cookies.get(RETURN_COOKIE, "")
    if _is_browser(request) and _LOCAL_PATH.fullmatch(return_to):
        response = Response(status_code=303, headers={"location": return_to})
        response.delete_cookie(RETURN_COOKIE, path="/api/integrations")
        return response
    return connection


async def _audit(gateway: Gateway, caller: Principal, origin: Origin, action: Action, provider: str) -> None:
    async with gateway.db.transaction(caller.scope) as tx:
        await record(tx, caller.name, action, provider, origin)


def _known(provider: str) -> str:
    if not _PROVIDER.fullmatch(provider):
        raise ProviderNotFound("There is no such provider.")
    return provider


def _binding(caller: Principal) -> str:
    return digest(f"browser binding|{caller.name}")


def _is_browser(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _remember_return(response: Response, return_to: str, gateway: Gateway, origin: Origin) -> None:
    secure = origin.secure or gateway.public_url.startswith("https://")
    response.set_cookie(
        RETURN_COOKIE, return_to, max_age=600, path="/api/integrations", secure=secure, httponly=True, samesite="lax"
    )
