"""Watches, other accounts, pauses, defects: what keeps a copy true over time, with a provider that can be watched."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.envelope import Scope
from contracts.ids import ConnectionId, new_id
from contracts.oauth import ConnectionEstablished, ReauthorizationRequired
from contracts.sync import (
    EndWatches,
    GetSyncStatus,
    Hint,
    SourceFailing,
    StartAllSyncs,
    StartSync,
    SyncOutcome,
    TakeNotification,
)
from libs.providers.errors import PermissionMissing, ProviderBusy, RequestRefused, TokenRejected
from libs.providers.rest import Access
from libs.providers.source import Hook, Page, Watch
from libs.runtime import Resources
from services.sync import leaving
from services.sync.app import open_sync, service
from services.sync.deps import Sync
from services.sync.housekeeping import forget_old
from services.sync.settings import SyncSettings
from tests.conftest import Platform
from tests.service.neighbours import Neighbours, between_neighbours, eventually
from tests.service.sync.conftest import World
from tests.service.sync.scripted import ScriptedProvider
from tests.service.tool.oauth_peer import OAuthPeer


@dataclass
class WatchedProvider(ScriptedProvider):
    """Can be watched, and broken in more ways."""

    begun: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    hangs_at_the_end: bool = False
    refusal: Exception | None = None
    """Raised by `watch`."""
    broken: dict[str, Exception] = field(default_factory=dict)
    """Raised by the pages of a stream."""
    calls: int = 0
    is_resumable: bool = True

    async def watch(self, access: Access, stream: str, hook: Hook) -> Watch:
        """As the port says."""
        if self.refusal:
            raise self.refusal
        self.begun.append(hook.watch_id)
        return Watch(f"remote-{len(self.begun)}", None, stream)

    async def renew(self, access: Access, watch: Watch, hook: Hook) -> Watch | None:
        """It lasts."""
        return watch

    async def unwatch(self, access: Access, watch: Watch) -> None:
        """As the port says."""
        if self.hangs_at_the_end:
            await asyncio.sleep(60)
        self.ended.append(watch.remote_id)

    async def pages(
        self, access: Access, stream: str, cursor: str | None, since: datetime
    ) -> AsyncGenerator[Page, None]:
        """As the port says."""
        self.calls += 1
        if stream in self.broken:
            raise self.broken[stream]
        async with aclosing(super().pages(access, stream, cursor, since)) as pages:
            async for page in pages:
                is_in_listing = "after" in json.loads(page.cursor or "{}")
                yield page if self.is_resumable or not is_in_listing else replace(page, cursor=None)


@pytest.fixture(scope="module")
def played() -> WatchedProvider:
    return WatchedProvider()


@pytest.fixture(scope="module")
async def running(platform: Platform, oauth: OAuthPeer, played: WatchedProvider) -> AsyncIterator[Neighbours]:
    @asynccontextmanager
    async def open_watched(resources: Resources[SyncSettings]) -> AsyncIterator[Sync]:
        async with open_sync(resources) as deps:
            yield replace(deps, sources={"scripted": played})

    settings: dict[str, Any] = {"debounce_s": 0.0, "webhooks_url": "https://adjutant.example"}
    async with between_neighbours(replace(service, open=open_watched), platform, **settings) as neighbours:
        yield neighbours


@pytest.fixture
def provider(played: WatchedProvider) -> WatchedProvider:
    for name, value in vars(WatchedProvider()).items():
        setattr(played, name, value)
    return played


@pytest.fixture
def world(running: Neighbours, provider: WatchedProvider, oauth: OAuthPeer, scope: Scope) -> World:
    oauth.reset()
    oauth.connected = {"scripted"}
    for number in range(8):
        provider.put(f"{number:03}")
    return World(running, provider, oauth, scope, ConnectionId(new_id("cn")))


async def notify(world: World, **what: Any) -> None:
    given = {"hint": Hint.CHANGED, "received_at": datetime.now(UTC), **what}
    await world.sync.askers["gateway"].send(TakeNotification(provider="scripted", **given), scope=None)


async def routes(world: World) -> int:
    async with world.sync.db.reading(None) as tx:
        sql = "select count(*) from notification_routes where connection_id = $1 and key like 'watch:%'"
        return int(await tx.fetchval(sql, world.connection_id))


async def test_a_watch_begins_once_and_its_notification_brings_what_changed(
    world: World, provider: WatchedProvider
) -> None:
    await world.connect()
    await world.sync_now()
    assert len(provider.begun) == 1
    provider.put("100")
    await notify(world, watch_id=provider.begun[0])
    await world.run_over(3)

    assert await world.copy() == provider.truth()


async def test_a_watch_that_ended_is_begun_again(world: World, provider: WatchedProvider) -> None:
    await world.connect()
    await notify(world, watch_id=provider.begun[0], hint=Hint.WATCH_ENDED)
    await world.run_over(2)
    await world.sync_now()

    assert len(provider.begun) == 2
    assert await routes(world) == 1


@pytest.mark.parametrize("refusal", [PermissionMissing("no"), TokenRejected("no")])
async def test_a_refused_watch_fails_no_run_and_leaves_nothing_behind(
    world: World, provider: WatchedProvider, refusal: Exception
) -> None:
    provider.refusal = refusal
    run = await world.connect()
    await world.sync_now()

    assert run.outcome is SyncOutcome.SUCCESS
    assert await routes(world) == 0


async def test_another_account_under_the_same_connection_starts_over(world: World, provider: WatchedProvider) -> None:
    await world.connect(("a" * 32,))
    for id in list(provider.truth()):
        provider.remove(id)
        provider.put(f"9{id}")
    provider._log.clear()  # the other account has a history of its own: the old cursor would show nothing
    event = ConnectionEstablished(
        connection_id=world.connection_id, provider="scripted", scopes=(), account_refs=("b" * 32,)
    )
    await world.sync.emit(event, world.scope)
    await world.run_over(2)

    assert await world.copy() == provider.truth()


async def test_a_pause_that_the_provider_asked_for_outlasts_every_wish(world: World, provider: WatchedProvider) -> None:
    provider.faults = [ProviderBusy("slow", retry_after_s=900)]
    await world.connect(("d" * 32,))
    asked = provider.calls
    event = await _noted(world, "d" * 32)

    assert event, "the notification was taken"
    assert not (await world.sync.ask(StartSync(provider="scripted"), world.scope)).started
    assert provider.calls == asked
    assert len(await world.runs()) == 1


async def test_a_stream_that_is_refused_again_and_again_does_not_starve_the_next(
    world: World, provider: WatchedProvider
) -> None:
    provider.put("900", "archive")
    provider.broken = {"archive": RequestRefused("400")}
    run = await world.connect()

    assert (run.outcome, run.error) == (SyncOutcome.PARTIAL, "provider_refused")
    assert len(await world.copy()) == 8


async def test_a_defect_in_a_source_is_a_failed_run_like_any_other(world: World, provider: WatchedProvider) -> None:
    provider.broken = {"inbox": KeyError("what the provider sent")}
    run = await world.connect()

    assert (run.outcome, run.error) == (SyncOutcome.FAILED, "internal_error")
    (source,) = (await world.sync.ask(GetSyncStatus(), world.scope)).sources
    assert source.failures == 1


async def test_a_paused_source_does_not_say_that_it_started(world: World, provider: WatchedProvider) -> None:
    await world.connect()
    refused = ReauthorizationRequired(
        connection_id=world.connection_id, provider="scripted", refused_at=datetime.now(UTC)
    )
    await world.sync.handle(refused, world.scope)

    assert not (await world.sync.ask(StartSync(provider="scripted"), world.scope)).started


async def test_a_listing_that_cannot_be_resumed_finds_what_went_while_it_was_cut(
    world: World, provider: WatchedProvider
) -> None:
    provider.is_resumable = False
    provider.faults = [None, ProviderBusy("slow", retry_after_s=600)]
    await world.connect()
    provider.remove("001")
    await world.sync_now()

    assert await world.copy() == provider.truth()


async def _noted(world: World, account_ref: str) -> bool:
    """Whether sync has taken a notification about this account."""
    await notify(world, account_ref=account_ref)

    async def taken() -> bool:
        async with world.sync.db.reading(None) as tx:
            sql = "select reason = 'notification' from schedule where connection_id = $1"
            return bool(await tx.fetchval(sql, world.connection_id))

    return bool(await eventually(taken))


async def test_before_a_connection_ends_its_watches_are_ended_at_the_provider(
    world: World, provider: WatchedProvider
) -> None:
    await world.connect()

    ended = await world.sync.ask(EndWatches(provider="scripted"), world.scope)

    assert (ended.ended, ended.left) == (1, 0)
    assert provider.ended == ["remote-1"]
    assert await routes(world) == 0


async def test_a_provider_that_hangs_does_not_hold_up_the_disconnect(
    world: World, provider: WatchedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "WITHIN_S", 0.2)
    await world.connect()
    provider.hangs_at_the_end = True

    ended = await world.sync.ask(EndWatches(provider="scripted"), world.scope)

    assert (ended.ended, ended.left) == (0, 1)


async def test_everything_is_synced_at_once_when_asked(world: World, provider: WatchedProvider) -> None:
    await world.connect()
    started = await world.sync.ask(StartAllSyncs(), world.scope)
    await world.run_over(2)

    assert (started.started, started.not_started) == (("scripted",), ())


async def test_fresh_tokens_that_are_refused_twice_pause_the_source_and_its_user_is_told(
    world: World, provider: WatchedProvider
) -> None:
    await world.connect()
    provider.broken["inbox"] = TokenRejected("no")
    for _ in range(2):
        assert (await world.sync_now()).error == "token_rejected"
    calls = provider.calls

    (failing,) = await world.sync.heard(SourceFailing, world.scope)
    assert failing.error == "token_rejected"
    (source,) = (await world.sync.ask(GetSyncStatus(), world.scope)).sources
    assert (source.enabled, source.reason_disabled) == (False, "token_rejected")
    assert not (await world.sync.ask(StartSync(provider="scripted"), world.scope)).started
    assert provider.calls == calls

    provider.broken.clear()
    await world.connect()
    assert (await world.run_over(4)).outcome is SyncOutcome.SUCCESS


async def test_what_is_older_than_its_retention_goes_and_nothing_else(world: World, provider: WatchedProvider) -> None:
    await world.connect()
    now = datetime.now(UTC)
    async with world.sync.db.transaction(world.scope) as tx:
        await tx.execute("update activities set at = $1 where external_id <= '002'", now - timedelta(days=401))
        await tx.execute("update activities set at = $1 where external_id > '002'", now - timedelta(days=399))
        # A repository is no happening: it would come again with every listing.
        sql = "update activities set at = $1, kind = 'repository' where external_id = '007'"
        await tx.execute(sql, now - timedelta(days=4000))
        await tx.execute("update sync_runs set started_at = $1", now - timedelta(days=91))

    assert await forget_old(world.sync.db, timedelta(days=400)) == 3 + 1

    assert sorted(await world.copy()) == ["003", "004", "005", "006", "007"]
