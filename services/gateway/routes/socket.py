"""The WebSocket: chat, live events and notifications over one connection."""

from urllib.parse import urlsplit

from fastapi import APIRouter, WebSocket

from libs.resilience.errors import AdjutantError
from services.gateway.deps import Gateway
from services.gateway.errors import OriginRejected
from services.gateway.guards import authenticate, check_permission, gateway_of, origin_of
from services.gateway.principal import Permission, Principal
from services.gateway.problems import problem_response
from services.gateway.socket_session import SocketSession

router = APIRouter()

PROTOCOL = "bearer"


@router.websocket("/ws")
async def socket(websocket: WebSocket) -> None:
    """Authenticated by cookie, by bearer, or by the subprotocols `bearer, <key>` where a browser uses a key."""
    gateway = gateway_of(websocket)
    offered = [name.strip() for name in websocket.headers.get("sec-websocket-protocol", "").split(",")]
    key = offered[1] if len(offered) == 2 and offered[0] == PROTOCOL else None
    try:
        caller = await authenticate(websocket, key)
        check_permission(caller, Permission.CHAT)
        check_page(websocket, gateway, caller)
    except AdjutantError as error:
        await websocket.send_denial_response(problem_response(error, origin_of(websocket).request_id))
        return
    # The key itself is never echoed: of the two protocols offered, the server picks the word.
    await websocket.accept(subprotocol=PROTOCOL if key else None)
    await SocketSession(websocket, gateway, caller, origin_of(websocket)).run()


def check_page(websocket: WebSocket, gateway: Gateway, caller: Principal) -> None:
    """A cookie counts only from our own pages; browsers send it from every page. Raises OriginRejected."""
    if caller.kind != "session":
        return
    page = websocket.headers.get("origin")
    own = {gateway.public_url.rstrip("/"), *gateway.settings.cors_origins}
    if page is None or (page not in own and urlsplit(page).netloc != websocket.headers.get("host")):
        raise OriginRejected("This page may not open a connection with the user's session.")
