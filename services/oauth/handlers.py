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
    GetSuppliedKey,
    ListConnections,
    ListSuppliedKeys,
    RemoveSuppliedKey,
    StartConnection,
    StoreSuppliedKey,
    SuppliedKey,
    SuppliedKeyRemoved,
    SuppliedKeys,
    SuppliedKeyView,
)
from libs.bus import Call
from services.oauth import access_tokens, connections, disconnecting, endpoints, flow, key_check, supplied_keys
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
        mine = await connections.listed(tx, await deps.vault.user_key(tx))
    return Connections(connections=mine, available=endpoints.available(deps.settings))


async def get_access_token(query: GetAccessToken, call: Call, deps: OAuth) -> AccessToken:
    """A token for a service that calls the provider."""
    return await access_tokens.get(query, call.require_scope(), deps)


async def disconnect(query: Disconnect, call: Call, deps: OAuth) -> Disconnected:
    """Revoke at the provider, then forget. A provider that is away does not keep the user connected here."""
    return await disconnecting.disconnect(query.provider, call.require_scope(), deps)


async def store_supplied_key(query: StoreSuppliedKey, call: Call, deps: OAuth) -> SuppliedKeyView:
    """Somebody brings an API key: tried at its provider before it is kept."""
    scope, provider = call.require_scope(), key_check.find(query.provider)
    secret = deps.seal.open("supplied_key", scope, query.sealed_key)
    await key_check.check(provider, secret, deps.key_checks[provider.name], deps.settings)
    return await supplied_keys.store(query, secret, scope, deps)


async def list_supplied_keys(query: ListSuppliedKeys, call: Call, deps: OAuth) -> SuppliedKeys:
    """What is kept."""
    return SuppliedKeys(keys=await supplied_keys.listed(call.require_scope(), deps))


async def remove_supplied_key(query: RemoveSuppliedKey, call: Call, deps: OAuth) -> SuppliedKeyRemoved:
    """Forget one."""
    provider = await supplied_keys.remove(query.key_id, call.require_scope(), deps)
    return SuppliedKeyRemoved(key_id=query.key_id, provider=provider)


async def get_supplied_key(query: GetSuppliedKey, call: Call, deps: OAuth) -> SuppliedKey:
    """A key for a service that calls the provider."""
    return await supplied_keys.take(query, call.envelope.source, call.require_scope(), deps)
