"""OAuth, assembled."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from contracts.oauth import (
    Disconnect,
    FinishConnection,
    GetAccessToken,
    GetSuppliedKey,
    ListConnections,
    ListSuppliedKeys,
    RemoveSuppliedKey,
    StartConnection,
    StoreSuppliedKey,
)
from libs.bus import answer
from libs.http.outgoing import HttpClient
from libs.providers.key_registry import KEY_PROVIDERS
from libs.providers.registry import FAMILIES
from libs.runtime import Resources, Service
from services.oauth import handlers
from services.oauth.deps import OAuth
from services.oauth.settings import OAuthSettings

routes = (
    answer(StartConnection, handlers.start_connection),
    answer(FinishConnection, handlers.finish_connection),
    answer(ListConnections, handlers.list_connections),
    answer(GetAccessToken, handlers.get_access_token),
    answer(Disconnect, handlers.disconnect),
    answer(StoreSuppliedKey, handlers.store_supplied_key),
    answer(ListSuppliedKeys, handlers.list_supplied_keys),
    answer(RemoveSuppliedKey, handlers.remove_supplied_key),
    answer(GetSuppliedKey, handlers.get_supplied_key),
)


@asynccontextmanager
async def open_oauth(resources: Resources[OAuthSettings]) -> AsyncIterator[OAuth]:
    """OAuth needs its schema, the bus, the vault, and a way out to the providers."""
    async with AsyncExitStack() as stack:
        # A client each: a vendor that is down is left alone without its neighbours.
        http = {
            family.name: await stack.enter_async_context(HttpClient(f"{family.name} log-in", "")) for family in FAMILIES
        }
        key_checks = {name: await stack.enter_async_context(HttpClient(f"{name} keys", "")) for name in KEY_PROVIDERS}
        yield OAuth(
            db=resources.db,
            bus=resources.bus,
            vault=resources.vault,
            seal=resources.seal,
            http=http,
            key_checks=key_checks,
            settings=resources.settings,
            public_url=resources.platform.public_url,
        )


service = Service(name="oauth", settings=OAuthSettings, routes=routes, open=open_oauth)
