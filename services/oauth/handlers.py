"""What oauth does when something arrives."""

from contracts.oauth import (
    AccessToken,
    AuthorizationStarted,
    ConnectionRemoved,
    Connections,
    ConnectionView,
    Disconnect,
    Disconnected,
    FinishConnection,
    GetAccessToken,
    ListConnections,
    StartConnection,
)
from libs.bus import Call, publish
from libs.resilience.errors import AdjutantError
from services.oauth import access_tokens, audit, connections, endpoints, flow
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
    scope = call.require_scope()
    async with deps.db.transaction(scope) as tx:
        held = await connections.peek(tx, await deps.vault.user_key(tx), query.provider)
    try:
        _, at = endpoints.find(query.provider, deps.settings)
        revoked, note = True, await endpoints.revoke(deps.http, at, held.access_token, held.refresh_token)
    except AdjutantError as error:
        revoked, note = False, error.slug
    async with deps.db.transaction(scope) as tx:
        if await connections.remove(tx, held):
            # The proof that the provider no longer honours the grant, or why there is none.
            proof = f"revoked: {note}" if revoked else f"not revoked: {note}"
            await audit.record(tx, query.provider, "disconnected", proof)
            await publish(tx, ConnectionRemoved(connection_id=held.connection_id, provider=query.provider))
    return Disconnected(provider=query.provider, revoked_at_provider=revoked)
