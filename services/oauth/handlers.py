"""What oauth does when something arrives."""

from contracts.oauth import (
    AccessToken,
    AuthorizationStarted,
    Connections,
    ConnectionView,
    Disconnect,
    Disconnected,
    FinishConnection,
    GetAccessToken,
    ListConnections,
    StartConnection,
)
from libs.bus import Call
from services.oauth import access_tokens, connections, disconnecting, flow
from services.oauth.deps import OAuth


async def start_connection(query: StartConnection, call: Call, deps: OAuth) -> AuthorizationStarted:
    """Begin."""
    return AuthorizationStarted(auth_url=await flow.begin(query, call.require_scope(), deps))


async def finish_connection(query: FinishConnection, call: Call, deps: OAuth) -> ConnectionView:
    """The browser is back."""
    return await flow.finish(query, call.require_scope(), deps)


async def list_connections(query: ListConnections, call: Call, deps: OAuth) -> Connections:
    """What is connected."""
    async with deps.db.reading(call.require_scope()) as tx:
        return Connections(connections=await connections.listed(tx, await deps.vault.user_key(tx)))


async def get_access_token(query: GetAccessToken, call: Call, deps: OAuth) -> AccessToken:
    """A token for a service that calls the provider."""
    return await access_tokens.get(query, call.require_scope(), deps)


async def disconnect(query: Disconnect, call: Call, deps: OAuth) -> Disconnected:
    """Revoke at the provider, then forget. A provider that is away does not keep the user connected here."""
    return await disconnecting.disconnect(query.provider, call.require_scope(), deps)
