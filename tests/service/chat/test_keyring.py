"""A model is asked with the key that its user or their organization has brought, also while it is being replaced.

The vault is the real oauth service; the provider is a server of ours that tells the keys apart.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from contracts.envelope import Scope
from contracts.ids import UserId, new_id
from contracts.oauth import KeyOwner, StoreSuppliedKey
from libs.bus import Bus
from libs.models.errors import ModelRefusedKey
from libs.models.messages import TextDelta, UserText
from libs.resilience.deadline import Deadline
from libs.runtime.run import RunningService
from libs.vault import MasterKeys, TransitSeal
from services.chat.routing.deployments import DeploymentSettings, open_deployments
from services.chat.routing.health import State
from services.chat.routing.keyring import Keyring
from services.chat.routing.request import ModelRequest
from services.chat.routing.router import Router
from tests.conftest import Platform
from tests.service.oauth.buses import bus_of
from tests.service.providers.vendor_server import Asked, Told, vendor

ANSWER = (
    b'data: {"model": "m", "choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}]}\n\n'
    b"data: [DONE]\n\n"
)


@pytest.fixture(scope="module")
def schemas() -> tuple[str, ...]:
    return ("oauth", "chat")


@dataclass
class Scene:
    """A person who brings keys, a router that uses them, and a provider that knows some."""

    gateway: Bus
    seal: TransitSeal
    router: Router
    keyring: Keyring
    good: set[str] = field(default_factory=lambda: {"sk-first-key-0001", "sk-second-key-0002"})
    used: list[str] = field(default_factory=list)

    def told(self, asked: Asked) -> Told:
        """The provider."""
        key = asked.headers["authorization"].removeprefix("Bearer ")
        if key not in self.good:
            return Told({"error": {"code": "invalid_api_key"}}, 401)
        if asked.path.endswith("/chat/completions"):
            self.used.append(key)
            return Told(raw=ANSWER, headers={"content-type": "text/event-stream"})
        return Told({})

    async def bring(self, key: str, scope: Scope, to: KeyOwner = KeyOwner.USER) -> None:
        """Through the gateway's contract."""
        sealed = self.seal.seal("supplied_key", scope, key)
        query = StoreSuppliedKey(provider="openai", belongs_to=to, label="work", sealed_key=sealed)
        await self.gateway.ask(query, scope=scope, timeout_s=10)

    async def ask(self, scope: Scope) -> str:
        """Through the router."""
        request = ModelRequest((UserText("hi"),), scope=scope)
        events = [event async for event in self.router.stream(request, Deadline.after(5))]
        return "".join(event.text for event in events if isinstance(event, TextDelta))


@pytest.fixture
async def scene(start_service: Callable[..., Awaitable[RunningService]], platform: Platform) -> AsyncIterator[Scene]:
    seal = TransitSeal(MasterKeys.from_text(platform.master_keys))
    made: list[Scene] = []
    async with (
        bus_of(platform, "gateway") as gateway,
        bus_of(platform, "chat") as chat,
        vendor(lambda asked: made[0].told(asked)) as provider,
    ):
        provider.is_open = True
        described = DeploymentSettings(
            name="theirs", provider="openai", model="m", base_url=f"{provider.url}/v1", key_from="vault"
        )
        await start_service("oauth", openai_api_url=provider.url)
        async with open_deployments((described,), 5) as deployments:
            keyring = Keyring(chat, seal, 5)
            router = Router(deployments, keyring=keyring)
            made.append(Scene(gateway, seal, router, keyring))
            yield made[0]
            await router.aclose()


async def test_ones_own_key_is_used_and_the_organizations_for_who_has_none(scene: Scene, scope: Scope) -> None:
    colleague = Scope(scope.organization_id, UserId(new_id("u")))
    await scene.bring("sk-first-key-0001", scope, KeyOwner.ORGANIZATION)
    await scene.bring("sk-second-key-0002", scope)

    assert [await scene.ask(scope), await scene.ask(colleague)] == ["hi", "hi"]
    assert scene.used == ["sk-second-key-0002", "sk-first-key-0001"]


async def test_while_a_key_is_replaced_the_old_one_serves_if_the_new_one_is_refused(scene: Scene, scope: Scope) -> None:
    await scene.bring("sk-first-key-0001", scope)
    await scene.bring("sk-second-key-0002", scope)
    scene.good.discard("sk-second-key-0002")

    assert await scene.ask(scope) == "hi"
    assert scene.used == ["sk-first-key-0001"]


async def test_somebody_without_a_key_is_told_and_spoils_it_for_nobody(
    scene: Scene, scope: Scope, stranger: Scope
) -> None:
    await scene.bring("sk-first-key-0001", scope)
    for _ in range(6):
        with pytest.raises(ModelRefusedKey):
            await scene.ask(stranger)

    assert scene.router.deployments[0].health.state is State.WELL
    assert await scene.ask(scope) == "hi"


async def test_many_requests_at_once_share_one_client(scene: Scene, scope: Scope) -> None:
    """A second one would be forgotten with its connections open."""
    await scene.bring("sk-first-key-0001", scope)
    (deployment,) = scene.router.deployments
    found = await asyncio.gather(*(scene.keyring.client(deployment.settings, scope) for _ in range(10)))
    assert len({id(client) for client, _ in found}) == 1


async def test_without_the_vault_somebody_with_a_key_of_their_own_answers(platform: Platform, scope: Scope) -> None:
    """Nobody answers for the vault: that is no reason to fail while another deployment needs no key of it."""
    seal = TransitSeal(MasterKeys.from_text(platform.master_keys))
    answer = Told(raw=ANSWER, headers={"content-type": "text/event-stream"})
    async with bus_of(platform, "chat") as chat, vendor(lambda asked: answer) as provider:
        provider.is_open = True
        url = f"{provider.url}/v1"
        described = (
            DeploymentSettings(name="theirs", provider="openai", model="m", base_url=url, key_from="vault"),
            DeploymentSettings(name="ours", provider="openai", model="m", base_url=url, order=1),
        )
        async with open_deployments(described, 5) as deployments:
            router = Router(deployments, keyring=Keyring(chat, seal, 5))
            request = ModelRequest((UserText("hi"),), scope=scope)
            events = [event async for event in router.stream(request, Deadline.after(5))]
            await router.aclose()
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["hi"]
