"""Two gateway replicas on a real bus and a real database, and a chat peer that answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import pytest
import uvicorn

from contracts.ids import new_id
from libs.bus import Bus
from libs.db import Database
from libs.db.ddl import create_bus_tables, grant_to_service
from libs.http.outgoing import HttpClient
from libs.vault import HookSecrets, MasterKeys, TransitSeal
from services.gateway.authentication import Authenticator, PrincipalCache
from services.gateway.deps import Gateway
from services.gateway.passwords import Passwords
from services.gateway.settings import GatewaySettings
from services.gateway.signing import Signer
from services.gateway.web import web_application
from services.gateway.webhooks.google_keys import GoogleKeys
from services.gateway.webhooks.refusals import Refusals
from tests.conftest import Platform
from tests.service.gateway.peers import ROUTES, ChatPeer

PASSWORD = "correct horse battery"


@dataclass(frozen=True, slots=True)
class Replica:
    """One running gateway."""

    url: str
    gateway: Gateway

    def client(self, **options: Any) -> httpx.AsyncClient:
        """A client with a cookie jar of its own."""
        return httpx.AsyncClient(base_url=self.url, timeout=20, **options)


Start = Callable[..., Awaitable[Replica]]


@pytest.fixture(scope="module")
def schemas() -> tuple[str, ...]:
    """The chat peer handles commands, so it needs the tables that the bus keeps in chat's schema."""
    return ("gateway", "chat")


@asynccontextmanager
async def running(
    platform: Platform, settings: GatewaySettings, *, nats_url: str | None = None, database_url: str | None = None
) -> AsyncIterator[Replica]:
    """A gateway on a free port of its own; the addresses are given where something stands in between."""
    keys = MasterKeys.from_text(platform.master_keys)
    stopping = asyncio.Event()
    bus = Bus(
        "gateway",
        nats_url or platform.nats.url,
        user=platform.nats.user("gateway"),
        password=platform.nats.password("gateway"),
    )
    await bus.connect()
    db = await Database.connect(database_url or platform.database.url("gateway"), "gateway", patience_s=1, wait_s=10)
    signer = Signer.from_master(keys)
    http = HttpClient("Google's keys", "")
    gateway = Gateway(
        db=db,
        bus=bus,
        seal=TransitSeal(keys),
        settings=settings,
        signer=signer,
        passwords=Passwords(memory_kib=1024, passes=1, workers=2),
        authenticator=Authenticator(db, signer, PrincipalCache(1000, settings.auth_cache_s)),
        stopping=stopping,
        public_url="http://localhost:8080",
        hook_secrets=HookSecrets(keys),
        google_keys=GoogleKeys(http, settings.google_jwks_url),
        refusals=Refusals(),
    )
    await bus.start((), gateway, db)
    config = uvicorn.Config(
        web_application(gateway), host="127.0.0.1", port=0, log_level="warning", lifespan="off", proxy_headers=False
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(), name="gateway")
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Replica(f"http://127.0.0.1:{port}", gateway)
    finally:
        stopping.set()
        server.should_exit = True
        await serving
        await gateway.authenticator.close()
        gateway.passwords.close()
        await bus.stop(1)
        await bus.close()
        await http.close()
        await db.close()


@pytest.fixture(scope="module")
async def start(platform: Platform) -> AsyncIterator[Start]:
    """`await start(chat_per_minute=3)`: a replica with these settings."""
    async with AsyncExitStack() as stack:

        async def begin(**settings: Any) -> Replica:
            given = {"sign_ups_per_hour": 10_000, "chat_per_minute": 1_000, **settings}
            return await stack.enter_async_context(running(platform, GatewaySettings.explicit(**given)))

        yield begin


@pytest.fixture(scope="module")
async def replica(start: Start) -> Replica:
    """The gateway that most tests talk to."""
    return await start()


@pytest.fixture(scope="module")
async def other_replica(start: Start) -> Replica:
    """A second one."""
    return await start()


class Collected(list[str]):
    """The statements of a migration helper, to be run by hand."""

    def execute(self, sqltext: str) -> None:
        """Keep one."""
        self.append(sqltext)


async def prepare_schema(platform: Platform) -> None:
    """Give the peer the tables of the bus where chat's own migrations have not made them."""
    connection = await asyncpg.connect(platform.database.admin_url, server_settings={"search_path": "chat"})
    try:
        if await connection.fetchval("select to_regclass('chat.outbox')") is None:
            statements = Collected()
            create_bus_tables(statements)
            grant_to_service(statements, "chat")
            for statement in statements:
                await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="module")
async def chat_bus(platform: Platform) -> AsyncIterator[tuple[Bus, Database]]:
    """Chat's place on the bus."""
    await prepare_schema(platform)
    bus = Bus("chat", platform.nats.url, user=platform.nats.user("chat"), password=platform.nats.password("chat"))
    await bus.connect()
    db = await Database.connect(platform.database.url("chat"), "chat", wait_s=10)
    yield bus, db
    await bus.stop(1)
    await bus.close()
    await db.close()


@pytest.fixture(scope="module")
async def chat_peer(platform: Platform, chat_bus: tuple[Bus, Database]) -> ChatPeer:
    """Answers turns by echo; a test may give it another script through `script`."""
    bus, db = chat_bus
    peer = ChatPeer(db=db, bus=bus, seal=TransitSeal(MasterKeys.from_text(platform.master_keys)))
    await bus.start(ROUTES, peer, db)
    return peer


@pytest.fixture
def chat(chat_peer: ChatPeer) -> ChatPeer:
    """The peer with its usual script."""
    chat_peer.script = ChatPeer.echo
    return chat_peer


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account, a browser and an API key."""

    email: str
    browser: httpx.AsyncClient
    csrf: dict[str, str]
    bearer: dict[str, str]
    user_id: str


Joins = Callable[..., Awaitable[Person]]


@pytest.fixture
async def join(replica: Replica) -> AsyncIterator[Joins]:
    """`await join()`: a new person at the usual replica."""
    async with AsyncExitStack() as stack:

        async def sign_up(at: Replica = replica) -> Person:
            browser = await stack.enter_async_context(at.client())
            email = f"{new_id('u')}@example.org"
            joined = await browser.post("/api/auth/sign-up", json={"email": email, "password": PASSWORD})
            assert joined.status_code == 201, joined.text
            csrf = {"X-CSRF-Token": joined.json()["csrf_token"]}
            scopes = ["chat", "read", "manage"]
            made = await browser.post("/api/keys", json={"name": "all", "scopes": scopes}, headers=csrf)
            assert made.status_code == 201, made.text
            bearer = {"Authorization": f"Bearer {made.json()['key']}"}
            return Person(email, browser, csrf, bearer, joined.json()["account"]["user_id"])

        yield sign_up


@pytest.fixture
async def person(join: Joins) -> Person:
    """Somebody."""
    return await join()
