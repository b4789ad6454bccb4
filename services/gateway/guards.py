"""Who may pass: the dependencies that every route declares."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request, Response
from starlette.requests import HTTPConnection

from libs.resilience.errors import Unauthenticated
from services.gateway.deps import Gateway
from services.gateway.errors import AddressNotAllowed, CsrfRejected, ScopeMissing
from services.gateway.limits import Limit, spend
from services.gateway.principal import Origin, Permission, Principal
from services.gateway.sessions import COOKIE

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def gateway_of(connection: HTTPConnection) -> Gateway:
    """The gateway this connection arrived at."""
    gateway: Gateway = connection.app.state.gateway
    return gateway


def origin_of(connection: HTTPConnection) -> Origin:
    """Where the connection comes from, as the edge found out."""
    origin: Origin = connection.scope["state"]["origin"]
    return origin


async def authenticate(connection: HTTPConnection, bearer: str | None = None) -> Principal:
    """The caller behind a connection: an API key when one is sent, else the session cookie.

    Raises Unauthenticated, and AddressNotAllowed for a key used from elsewhere.
    """
    gateway = gateway_of(connection)
    header = connection.headers.get("authorization")
    if bearer is None and header is not None:
        scheme, _, bearer = header.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated("Only bearer tokens are accepted in the Authorization header.")
    if bearer is not None:
        caller = await gateway.authenticator.by_key(bearer.strip())
        address = origin_of(connection).address
        if caller.networks and not any(address in network for network in caller.networks if address is not None):
            raise AddressNotAllowed("This API key may not be used from this address.")
        return caller
    if cookie := connection.cookies.get(COOKIE):
        return await gateway.authenticator.by_session(cookie)
    raise Unauthenticated("This needs a log-in or an API key.")


def check_permission(caller: Principal, permission: Permission) -> None:
    """Raises ScopeMissing."""
    if permission not in caller.permissions:
        raise ScopeMissing(f"This API key does not have the scope {permission}.")


def may(permission: Permission) -> Callable[[Request], Awaitable[Principal]]:
    """A dependency: the caller, authenticated, permitted, and not tricked into it by another site."""

    async def caller_with_permission(request: Request) -> Principal:
        caller = await authenticate(request)
        check_permission(caller, permission)
        if caller.kind == "session" and request.method not in _SAFE:
            token = request.headers.get("x-csrf-token", "")
            if not gateway_of(request).signer.verifies(f"csrf.{caller.id}", token):
                raise CsrfRejected("The header X-CSRF-Token is missing or does not belong to this session.")
        return caller

    return caller_with_permission


async def count_request(caller: Principal, gateway: Gateway, limit: Limit, response: Response) -> None:
    """Count it against the caller's limit, and tell them what is left. Raises TooManyRequests."""
    async with gateway.db.transaction(caller.scope) as tx:
        allowance = await spend(tx, limit, caller.scope.user_id)
    response.headers.update(allowance.headers())


async def _gateway(connection: HTTPConnection) -> Gateway:
    # FastAPI runs a plain function in a thread: a third of a millisecond for reading an attribute.
    return gateway_of(connection)


async def _origin(connection: HTTPConnection) -> Origin:
    return origin_of(connection)


GatewayHere = Annotated[Gateway, Depends(_gateway)]
OriginHere = Annotated[Origin, Depends(_origin)]
Chatter = Annotated[Principal, Depends(may(Permission.CHAT))]
Reader = Annotated[Principal, Depends(may(Permission.READ))]
Manager = Annotated[Principal, Depends(may(Permission.MANAGE))]
