"""Which streams are watched, when a provider allows it for some of them only."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from contracts.envelope import Scope
from contracts.ids import ConnectionId, new_id
from contracts.oauth import ConnectionEstablished
from contracts.sync import EndWatches, StartSync, SyncOutcome
from libs.providers.errors import PermissionMissing
from libs.providers.rest import Access
from libs.providers.source import Hook, Watch
from libs.runtime import Resources
from services.sync.app import open_sync, service
from services.sync.deps import Sync
from services.sync.settings import SyncSettings
from tests.conftest import Platform
from tests.service.neighbours import Neighbours, between_neighbours
from tests.service.sync.conftest import World
from tests.service.sync.scripted import ScriptedProvider
from tests.service.tool.oauth_peer import OAuthPeer


@dataclass
class PartlyWatched(ScriptedProvider):
    """Streams in `closed` may be read and not watched."""

    closed: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)

    async def watch(self, access: Access, stream: str, hook: Hook) -> Watch:
        """As the port says."""
        self.asked.append(stream)
        if stream in self.closed:
            raise PermissionMissing("Only its administrators may do this.")
        self.begun.append(stream)
        return Watch(f"remote-{stream}", None, stream)

    async def renew(self, access: Access, watch: Watch, hook: Hook) -> Watch | None:
        """It lasts."""
        return watch

    async def unwatch(self, access: Access, watch: Watch) -> None:
        """As the port says."""
        self.begun.remove(watch.resource)


@pytest.fixture
def provider() -> PartlyWatched:
    made = PartlyWatched()
    for name in ("archive", "inbox", "sent"):
        made.put("0" + name, name)
    return made


@pytest.fixture
async def world(platform: Platform, oauth: OAuthPeer, provider: PartlyWatched, scope: Scope) -> AsyncIterator[World]:
    @asynccontextmanager
    async def open_partly(resources: Resources[SyncSettings]) -> AsyncIterator[Sync]:
        async with open_sync(resources) as deps:
            yield replace(deps, sources={"scripted": provider})

    oauth.reset()
    oauth.connected = {"scripted"}
    here: Neighbours
    async with between_neighbours(
        replace(service, open=open_partly), platform, debounce_s=0.0, webhooks_url="https://adjutant.example"
    ) as here:
        yield World(here, provider, oauth, scope, ConnectionId(new_id("cn")))


async def test_a_stream_that_may_not_be_watched_keeps_no_other_from_it_and_is_not_asked_for_every_time(
    world: World, provider: PartlyWatched
) -> None:
    provider.closed = {"archive", "inbox"}
    first = await world.connect()
    await world.sync_now()

    assert first.outcome is SyncOutcome.SUCCESS
    assert provider.begun == ["sent"]
    assert provider.asked == ["archive", "inbox", "sent"]


async def test_who_connects_again_with_more_permissions_is_watched_at_once(
    world: World, provider: PartlyWatched
) -> None:
    provider.closed = {"inbox"}
    await world.connect()
    provider.closed = set()
    event = ConnectionEstablished(connection_id=world.connection_id, provider="scripted", scopes=("read", "hooks"))
    await world.sync.emit(event, world.scope)
    await world.run_over(2)

    assert sorted(provider.begun) == ["archive", "inbox", "sent"]


async def test_a_run_under_way_begins_no_watch_once_they_are_ended(world: World, provider: PartlyWatched) -> None:
    await world.connect()
    provider.put("0drafts", "drafts")
    for number in range(8):
        provider.put(f"10{number}", "inbox")
    provider.gate = gate = asyncio.Event()
    assert (await world.sync.ask(StartSync(provider="scripted"), world.scope)).started
    async with asyncio.timeout(10):
        await provider.at_gate.wait()
    ended = await world.sync.ask(EndWatches(provider="scripted"), world.scope)
    gate.set()
    assert (ended.ended, ended.left, provider.begun) == (3, 0, [])

    # The connection stays after all: the next run watches again, and the one before was not let go on.
    await world.sync_now()
    assert [run.error for run in await world.runs()] == [None, "interrupted", None]
    assert sorted(provider.begun) == ["archive", "drafts", "inbox", "sent"]
    assert await world.copy() == provider.truth()
