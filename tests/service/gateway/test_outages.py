"""A neighbour that is away makes a clear 503 with nothing half done, and when it is back everything goes on."""

import asyncio
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from services.gateway.settings import GatewaySettings
from tests.conftest import Platform
from tests.service.gateway.conftest import Person, Replica, running
from tests.service.gateway.peers import ChatPeer
from tests.service.gateway.relay import socket_wire, tcp_wire

# nats-py drops the stream of a lost connection without closing it.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

ASK = {"messages": [{"role": "user", "content": "hello there"}]}


async def _soon(client: httpx.AsyncClient) -> httpx.Response:
    """Ask until the neighbour is back, for five seconds."""
    async with asyncio.timeout(5):
        while (answer := await client.post("/api/ai/chat", json=ASK)).status_code == 503:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    return answer


async def test_without_nats_a_turn_is_refused_and_leaves_no_trace(
    person: Person, chat: ChatPeer, platform: Platform, replica: Replica
) -> None:
    server = urlsplit(platform.nats.url)
    assert server.hostname is not None
    assert server.port is not None
    settings = GatewaySettings.explicit(chat_per_minute=5)
    async with (
        tcp_wire(server.hostname, server.port) as (wire, port),
        running(platform, settings, nats_url=f"nats://127.0.0.1:{port}") as here,
        here.client(headers=person.bearer) as client,
    ):
        assert (await client.post("/api/ai/chat", json=ASK)).headers["x-ratelimit-remaining"] == "4"
        wire.cut()
        refused = await client.post("/api/ai/chat", json=ASK)
        assert (refused.status_code, refused.json()["title"]) == (503, "bus_unavailable")
        assert int(refused.headers["retry-after"]) >= 1
        health = (await client.get("/api/health")).json()
        assert (health["status"], health["dependencies"]["bus"]["healthy"]) == ("degraded", False)
        wire.mend()
        answer = await _soon(client)
        assert (answer.status_code, answer.headers["x-ratelimit-remaining"]) == (200, "3")
    scope = (await replica.gateway.authenticator.by_key(person.bearer["Authorization"].removeprefix("Bearer "))).scope
    async with replica.gateway.db.reading(scope) as tx:
        assert await tx.fetchval("select count(*) from turns") == 2


async def test_without_postgres_the_answer_is_503_and_then_it_goes_on(
    person: Person, chat: ChatPeer, platform: Platform, data_dir: Path
) -> None:
    url = platform.database.url("gateway")
    real = Path(parse_qs(urlsplit(url).query)["host"][0])
    settings = GatewaySettings.explicit(auth_cache_s=0)
    async with (
        socket_wire(data_dir, real / ".s.PGSQL.5432") as wire,
        running(platform, settings, database_url=url.replace(str(real), str(data_dir))) as here,
        here.client(headers=person.bearer) as client,
    ):
        assert (await client.get("/api/auth/me")).status_code == 200
        wire.cut()
        refused = await client.post("/api/ai/chat", json=ASK)
        assert (refused.status_code, refused.json()["title"]) == (503, "database_unavailable")
        assert int(refused.headers["retry-after"]) >= 1
        wire.mend()
        assert (await _soon(client)).status_code == 200
