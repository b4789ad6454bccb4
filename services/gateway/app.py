"""The gateway, assembled."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from contracts.actions import ActionDecided
from libs.bus import react
from libs.http.outgoing import HttpClient
from libs.runtime import Resources, Service
from libs.vault import HookSecrets
from services.gateway.audit import hear_decision
from services.gateway.authentication import Authenticator, PrincipalCache
from services.gateway.deps import Gateway
from services.gateway.housekeeping import keep_house
from services.gateway.passwords import Passwords
from services.gateway.settings import GatewaySettings
from services.gateway.signing import Signer
from services.gateway.web import web_application
from services.gateway.webhooks.google_keys import GoogleKeys
from services.gateway.webhooks.refusals import Refusals

routes = (react(ActionDecided, hear_decision),)


@asynccontextmanager
async def open_gateway(resources: Resources[GatewaySettings]) -> AsyncIterator[Gateway]:
    """The gateway needs its schema, the bus, the seal for what it sends, and threads for passwords."""
    settings = resources.settings
    signer = Signer.from_master(resources.master_keys)
    cache = PrincipalCache(settings.auth_cache_entries, settings.auth_cache_s)
    authenticator = Authenticator(resources.db, signer, cache)
    passwords = Passwords(
        memory_kib=settings.password_memory_kib, passes=settings.password_passes, workers=settings.password_workers
    )
    async with keep_house(resources.db, resources.stopping), HttpClient("Google's keys", "") as http:
        yield Gateway(
            db=resources.db,
            bus=resources.bus,
            seal=resources.seal,
            settings=settings,
            signer=signer,
            passwords=passwords,
            authenticator=authenticator,
            stopping=resources.stopping,
            public_url=resources.platform.public_url,
            hook_secrets=HookSecrets(resources.master_keys),
            google_keys=GoogleKeys(http, settings.google_jwks_url),
            refusals=Refusals(),
        )
    await authenticator.close()
    passwords.close()


service = Service(name="gateway", settings=GatewaySettings, routes=routes, open=open_gateway, web=web_application)
