"""API keys that people bring: tried, sealed, replaced with an overlap, and accounted for.

The provider is a server of ours that answers as the vendors' references say: 2xx to a key it knows, 401 to others.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from contracts.envelope import Scope
from contracts.ids import UserId, new_id
from contracts.oauth import (
    GetSuppliedKey,
    KeyOwner,
    ListSuppliedKeys,
    RemoveSuppliedKey,
    StoreSuppliedKey,
    SuppliedKeyView,
)
from libs.bus import Bus, RemoteError
from libs.db import Database
from libs.runtime.run import RunningService
from libs.vault import MasterKeys, TransitSeal
from tests.conftest import Platform
from tests.service.oauth.buses import bus_of
from tests.service.providers.vendor_server import Asked, Told, vendor

Start = Callable[..., Awaitable[RunningService]]


@dataclass
class Scene:
    """A person who brings keys (by the gateway), the service that takes them (chat), and the provider's good keys."""

    gateway: Bus
    chat: Bus
    seal: TransitSeal
    scope: Scope
    good: set[str] = field(default_factory=lambda: {"sk-first-key-0001", "sk-second-key-0002"})
    is_down: bool = False

    def told(self, asked: Asked) -> Told:
        """The provider."""
        if self.is_down:
            return Told({}, 503)
        return Told({}, 200 if asked.headers["authorization"].removeprefix("Bearer ") in self.good else 401)

    async def bring(
        self, key: str, *, to: KeyOwner = KeyOwner.USER, overlap_h: int = 24, scope: Scope | None = None
    ) -> SuppliedKeyView:
        """Through the gateway's contract."""
        scope = scope or self.scope
        sealed = self.seal.seal("supplied_key", scope, key)
        query = StoreSuppliedKey(provider="openai", belongs_to=to, label="work", sealed_key=sealed, overlap_h=overlap_h)
        return await self.gateway.ask(query, scope=scope, timeout_s=10)

    async def take(self, *refused: str, scope: Scope | None = None) -> tuple[str, str]:
        """(key, key id) as chat gets it."""
        scope = scope or self.scope
        taken = await self.chat.ask(GetSuppliedKey(provider="openai", refused_key_ids=refused), scope=scope)
        return self.seal.open("supplied_key", scope, taken.sealed_key), taken.key_id


@pytest.fixture
async def scene(start_service: Start, platform: Platform, scope: Scope) -> AsyncIterator[Scene]:
    seal = TransitSeal(MasterKeys.from_text(platform.master_keys))
    async with bus_of(platform, "gateway") as gateway, bus_of(platform, "chat") as chat:
        made = Scene(gateway, chat, seal, scope)
        async with vendor(made.told) as provider:
            provider.is_open = True
            await start_service("oauth", openai_api_url=provider.url)
            yield made


async def test_a_key_that_works_is_kept_and_reaches_the_service_that_needs_it(scene: Scene) -> None:
    kept = await scene.bring("sk-first-key-0001")

    assert (kept.ends_with, kept.retires_at) == ("0001", None)
    assert await scene.take() == ("sk-first-key-0001", kept.key_id)


async def test_a_wrong_key_is_refused_and_nothing_is_kept(scene: Scene) -> None:
    with pytest.raises(RemoteError) as refused:
        await scene.bring("sk-wrong-key-0000")

    assert refused.value.slug == "supplied_key_refused"
    assert (await scene.gateway.ask(ListSuppliedKeys(), scope=scene.scope)).keys == ()


async def test_a_provider_that_cannot_say_leaves_things_as_they_are(scene: Scene) -> None:
    first = await scene.bring("sk-first-key-0001")
    scene.is_down = True

    with pytest.raises(RemoteError) as away:
        await scene.bring("sk-second-key-0002")

    assert away.value.status == 503
    assert (await scene.take())[1] == first.key_id


async def test_during_the_overlap_the_replaced_key_serves_whoever_is_refused_with_the_new_one(scene: Scene) -> None:
    first = await scene.bring("sk-first-key-0001")
    second = await scene.bring("sk-second-key-0002", overlap_h=2)

    assert await scene.take() == ("sk-second-key-0002", second.key_id)
    assert await scene.take(second.key_id) == ("sk-first-key-0001", first.key_id)
    listed = {key.key_id: key for key in (await scene.gateway.ask(ListSuppliedKeys(), scope=scene.scope)).keys}
    retires_at = listed[first.key_id].retires_at
    assert retires_at is not None
    assert 1.9 < (retires_at - datetime.now(UTC)).total_seconds() / 3600 <= 2


async def test_without_overlap_the_replaced_key_is_gone_at_once(scene: Scene) -> None:
    await scene.bring("sk-first-key-0001")
    second = await scene.bring("sk-second-key-0002", overlap_h=0)

    with pytest.raises(RemoteError) as none:
        await scene.take(second.key_id)

    assert none.value.slug == "not_connected"
    assert [key.key_id for key in (await scene.gateway.ask(ListSuppliedKeys(), scope=scene.scope)).keys] == [
        second.key_id
    ]


async def test_the_organizations_key_serves_its_members_and_ones_own_goes_first(scene: Scene) -> None:
    shared = await scene.bring("sk-first-key-0001", to=KeyOwner.ORGANIZATION)
    colleague = Scope(scene.scope.organization_id, UserId(new_id("u")))
    own = await scene.bring("sk-second-key-0002", scope=colleague)

    assert await scene.take() == ("sk-first-key-0001", shared.key_id)
    assert await scene.take(scope=colleague) == ("sk-second-key-0002", own.key_id)
    assert await scene.take(own.key_id, scope=colleague) == ("sk-first-key-0001", shared.key_id)


async def test_strangers_neither_see_nor_take_nor_remove_it(scene: Scene, stranger: Scope) -> None:
    key = await scene.bring("sk-first-key-0001", to=KeyOwner.ORGANIZATION)

    with pytest.raises(RemoteError) as none:
        await scene.chat.ask(GetSuppliedKey(provider="openai"), scope=stranger)
    assert none.value.slug == "not_connected"
    with pytest.raises(RemoteError) as unknown:
        await scene.gateway.ask(RemoveSuppliedKey(key_id=key.key_id), scope=stranger)
    assert unknown.value.slug == "unknown_supplied_key"
    assert (await scene.gateway.ask(ListSuppliedKeys(), scope=stranger)).keys == ()


async def test_every_use_is_counted_by_service_and_day(scene: Scene) -> None:
    await scene.bring("sk-first-key-0001")
    for _ in range(3):
        await scene.take()

    (key,) = (await scene.gateway.ask(ListSuppliedKeys(), scope=scene.scope)).keys

    assert [(use.service, use.uses) for use in key.uses] == [("chat", 3)]


async def test_a_removed_key_is_forgotten(scene: Scene) -> None:
    key = await scene.bring("sk-first-key-0001")

    gone = await scene.gateway.ask(RemoveSuppliedKey(key_id=key.key_id), scope=scene.scope)

    assert gone.provider == "openai"
    with pytest.raises(RemoteError):
        await scene.take()


async def test_no_key_lies_readable_in_any_table(scene: Scene, connect: Callable[[str], Awaitable[Database]]) -> None:
    await scene.bring("sk-first-key-0001")
    await scene.take()

    db = await connect("oauth")
    async with db.reading(scene.scope) as tx:
        rows = [*await tx.fetch("select * from supplied_keys"), *await tx.fetch("select * from connection_audit")]
    assert len(rows) == 2
    assert "sk-first" not in repr([dict(row) for row in rows])
