"""NATS itself refuses what the contracts do not allow."""

import asyncio
import gc
import json

import nats
import pytest
from nats.aio.client import Client

from contracts import catalog
from contracts.chat import GetTurn, TurnCompleted
from contracts.envelope import Service
from libs.bus.permissions import inbox_prefix
from tests.service.bus.world import PASSWORDS, World


class Intruder:
    """A plain client with a service's credentials, and what the server said to it."""

    def __init__(self) -> None:
        self.refusals: list[str] = []
        self.client: Client

    async def enter(self, world: World, service: str) -> "Intruder":
        async def note(error: Exception) -> None:
            self.refusals.append(str(error).lower())

        self.client = await nats.connect(
            world.nats.url,
            user=service,
            password=PASSWORDS[service],
            inbox_prefix=inbox_prefix(service),
            error_cb=note,
        )
        return self

    async def publish(self, subject: str, body: bytes = b"{}") -> bool:
        """Whether the server let it pass."""
        self.refusals.clear()
        await self.client.publish(subject, body)
        return await self._unrefused()

    async def subscribe(self, subject: str) -> bool:
        self.refusals.clear()
        await self.client.subscribe(subject)
        return await self._unrefused()

    async def _unrefused(self) -> bool:
        """The refusal precedes the answer to the flush; the client reports it from a task of its own."""
        await self.client.flush()
        await asyncio.sleep(0.01)
        return not self.refusals


@pytest.fixture
async def voice(world: World):  # type: ignore[no-untyped-def]
    intruder = await Intruder().enter(world, "voice")
    yield intruder
    await intruder.client.close()


FOREIGN = (
    f"{TurnCompleted.subject}.u_1",
    "cmd.chat.run_turn.v1",
    GetTurn.subject,
    "rpc.oauth.get_access_token.v1",
    "live.turn.t_1",
    "$JS.API.STREAM.DELETE.EVT_CHAT",
    "$JS.API.STREAM.PURGE.EVT_CHAT",
    "$JS.API.STREAM.MSG.GET.EVT_CHAT",
    "$JS.API.DIRECT.GET.EVT_CHAT",
    "$JS.API.DIRECT.GET.LIVE",
    "$JS.API.CONSUMER.CREATE.EVT_CHAT",
    "$JS.API.CONSUMER.CREATE.EVT_CHAT.mine.evt.chat.>",
    "$JS.API.CONSUMER.DELETE.EVT_CHAT.context_turn_completed",
    "$JS.API.CONSUMER.MSG.NEXT.EVT_GATEWAY.context_user_registered",
    "$JS.ACK.EVT_GATEWAY.context_user_registered.1.1.1.1.0",
    "$JS.ACK._.hash.EVT_GATEWAY.context_user_registered.1.1.1.1.0.x",
    "_INBOX_gateway.guessed",
)


@pytest.mark.parametrize("subject", FOREIGN)
async def test_the_server_refuses_what_a_service_may_not_publish(voice: Intruder, subject: str) -> None:
    assert not await voice.publish(subject)


@pytest.mark.parametrize(
    "subject", [">", "evt.>", "rpc.oauth.get_access_token.v1", "live.turn.*", "_INBOX_gateway.>", "_INBOX.>", "$JS.>"]
)
async def test_the_server_refuses_what_a_service_may_not_hear(voice: Intruder, subject: str) -> None:
    assert not await voice.subscribe(subject)


async def test_a_service_may_publish_its_own_events_and_answer_its_own_queries(voice: Intruder) -> None:
    assert await voice.publish("evt.voice.settings.updated.v1.u_1")
    assert await voice.subscribe("rpc.voice.get_voice_settings.v1")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_wrong_password_is_refused(world: World) -> None:
    async def quiet(error: Exception) -> None:
        return None

    with pytest.raises(nats.errors.Error):
        await nats.connect(world.nats.url, user="chat", password="wrong", allow_reconnect=False, error_cb=quiet)
    gc.collect()  # the client leaves its socket to the collector, which complains: let it do so here


async def test_every_service_may_say_exactly_what_the_contracts_let_it_say(world: World) -> None:
    """All messages times all services, asked of the server itself."""
    for service in Service:
        client = await Intruder().enter(world, service)
        for message in (*catalog.commands(), *catalog.queries()):
            senders = message.sent_by if hasattr(message, "sent_by") else message.asked_by
            allowed = await client.publish(message.subject, json.dumps({}).encode())
            assert allowed == (service in senders), f"{service} {message.subject}"
        for event in catalog.events():
            assert await client.publish(f"{event.subject}.u_1") == (service == event.owner())
        for live in catalog.lives():
            assert await client.publish(f"{live.subject}.x") == (service == live.sent_by)
            assert await client.subscribe(f"{live.subject}.x") == (service in live.followed_by)
        await client.client.close()
