"""Sync, running, between an oauth and a provider that the test plays."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from contracts.activities import ListActivities
from contracts.envelope import Scope
from contracts.ids import ConnectionId, new_id
from contracts.oauth import ConnectionEstablished
from contracts.sync import ListSyncRuns, StartSync, SyncRunView
from libs.runtime import Resources
from libs.vault import MasterKeys, TransitSeal
from services.sync.app import open_sync, service
from services.sync.deps import Sync
from services.sync.settings import SyncSettings
from tests.conftest import Platform
from tests.service.neighbours import Neighbours, between_neighbours, eventually
from tests.service.sync.scripted import ScriptedProvider
from tests.service.tool.oauth_peer import OAuthPeer


@dataclass
class World:
    """One user of a running sync service, whose provider holds what the test says."""

    sync: Neighbours
    provider: ScriptedProvider
    oauth: OAuthPeer
    scope: Scope
    connection_id: ConnectionId

    async def connect(self, account_refs: tuple[str, ...] = ()) -> SyncRunView:
        """The user connects; returns the first run when it is over."""
        event = ConnectionEstablished(
            connection_id=self.connection_id, provider="scripted", scopes=("read",), account_refs=account_refs
        )
        await self.sync.emit(event, self.scope)
        return await self.run_over(1)

    async def sync_now(self) -> SyncRunView:
        """The user asks for a sync; returns that run when it is over."""
        async with self.sync.db.transaction(None) as tx:  # as if every pause were over
            await tx.execute("update schedule set not_before = null where connection_id = $1", self.connection_id)
        before = len(await self.runs())
        assert (await self.sync.ask(StartSync(provider="scripted"), self.scope)).started
        return await self.run_over(before + 1)

    async def run_over(self, count: int) -> SyncRunView:
        """The newest run, once there are so many and it has ended."""

        async def over() -> SyncRunView | None:
            runs = await self.runs()
            return runs[0] if len(runs) >= count and runs[0].outcome else None

        found: SyncRunView = await eventually(over, timeout_s=20)
        return found

    async def runs(self) -> tuple[SyncRunView, ...]:
        """All attempts, newest first."""
        return (await self.sync.ask(ListSyncRuns(limit=100), self.scope)).runs

    async def copy(self) -> dict[str, str]:
        """Title by external id, of everything in the copy; fails when something is there twice."""
        found: list[tuple[str, str]] = []
        cursor = None
        while True:
            page = await self.sync.ask(ListActivities(limit=7, cursor=cursor), self.scope)
            found += [(activity.external_id, activity.title) for activity in page.activities]
            if (cursor := page.next_cursor) is None:
                break
        assert len(dict(found)) == len(found), "something is in the copy twice"
        return dict(found)


@pytest.fixture(scope="module")
def played() -> ScriptedProvider:
    """The same object for the service and the tests; `provider` gives it back as new."""
    return ScriptedProvider()


@pytest.fixture
def provider(played: ScriptedProvider) -> ScriptedProvider:
    """Empty, and without faults."""
    for name, value in vars(ScriptedProvider()).items():
        setattr(played, name, value)
    return played


@pytest.fixture(scope="module")
async def oauth(platform: Platform) -> AsyncIterator[OAuthPeer]:
    """Tokens."""
    peer = await OAuthPeer.start(platform.nats, TransitSeal(MasterKeys.from_text(platform.master_keys)))
    yield peer
    await peer.client.close()


@pytest.fixture(scope="module")
async def running(platform: Platform, oauth: OAuthPeer, played: ScriptedProvider) -> AsyncIterator[Neighbours]:
    """The service with one source, and no patience asked of those who sync by hand."""

    @asynccontextmanager
    async def open_scripted(resources: Resources[SyncSettings]) -> AsyncIterator[Sync]:
        async with open_sync(resources) as deps:
            yield replace(deps, sources={"scripted": played})

    async with between_neighbours(replace(service, open=open_scripted), platform, debounce_s=0.0) as neighbours:
        yield neighbours


@pytest.fixture
def world(running: Neighbours, provider: ScriptedProvider, oauth: OAuthPeer, scope: Scope) -> World:
    """A user who has not connected anything yet."""
    oauth.reset()
    oauth.connected = {"scripted"}
    return World(running, provider, oauth, scope, ConnectionId(new_id("cn")))
