"""Whatever happens on the way, the copy ends up equal to the provider's truth, each item once."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest

from contracts.activities import ListActivities
from contracts.envelope import Scope
from contracts.oauth import ConnectionRemoved
from contracts.sync import (
    ActivityGone,
    ActivityRecorded,
    GetSyncStatus,
    Hint,
    SourceFailing,
    StartSync,
    SyncOutcome,
    SyncReason,
    TakeNotification,
)
from libs.providers.activity_ref import activity_ref
from libs.providers.errors import PermissionMissing, ProviderBusy, ProviderGarbled, ProviderUnavailable
from tests.service.neighbours import eventually
from tests.service.sync.conftest import World
from tests.service.sync.scripted import ScriptedProvider


def fill(provider: ScriptedProvider, count: int = 8) -> None:
    for number in range(count):
        provider.put(f"{number:03}")


async def test_a_connected_provider_is_copied_at_once_and_each_thing_is_fetched_once(world: World) -> None:
    fill(world.provider)
    run = await world.connect()

    assert (run.outcome, run.reason, run.items) == (SyncOutcome.SUCCESS, SyncReason.CONNECTED, 8)
    assert await world.copy() == world.provider.truth()
    assert len(world.provider.sent) == 8


async def test_later_only_what_changed_is_fetched_and_what_went_goes(world: World) -> None:
    fill(world.provider)
    await world.connect()
    world.provider.sent.clear()
    world.provider.put("100")
    world.provider.put("003")
    world.provider.remove("005")
    run = await world.sync_now()

    assert await world.copy() == world.provider.truth()
    assert sorted(world.provider.sent) == ["003", "100"]
    assert (run.items, run.gone) == (2, 1)


async def test_every_page_with_changes_is_told(world: World) -> None:
    fill(world.provider, 4)
    await world.connect()

    told = await world.sync.heard(ActivityRecorded, world.scope, count=2)
    assert [(event.recorded, event.gone) for event in told] == [(3, 0), (1, 0)]


async def test_whoever_keeps_something_of_what_went_is_told_which_it_was(world: World) -> None:
    fill(world.provider)
    await world.connect()
    world.provider.remove("005")
    await world.sync_now()
    world.provider.remove("002")
    world.provider.forget_history()
    await world.sync_now()

    told = await world.sync.heard(ActivityGone, world.scope, count=2)
    assert [event.refs for event in told] == [(activity_ref("scripted", "005"),), (activity_ref("scripted", "002"),)]


async def test_an_expired_cursor_leads_to_a_fresh_listing_that_finds_what_is_gone(world: World) -> None:
    fill(world.provider)
    await world.connect()
    world.provider.remove("002")
    world.provider.put("200")
    world.provider.forget_history()
    run = await world.sync_now()

    assert run.outcome is SyncOutcome.SUCCESS
    assert await world.copy() == world.provider.truth()


async def test_a_refused_token_is_renewed_and_the_run_goes_on_where_it_was(world: World) -> None:
    fill(world.provider)
    world.oauth.hands_out_stale = True
    run = await world.connect()

    assert run.outcome is SyncOutcome.SUCCESS
    assert await world.copy() == world.provider.truth()
    assert len(world.provider.sent) == 8
    assert world.oauth.refreshes == 1


async def test_a_provider_that_asks_for_a_pause_gets_it_and_what_came_is_kept(world: World) -> None:
    fill(world.provider)
    world.provider.faults = [None, ProviderBusy("slow down", retry_after_s=900)]
    run = await world.connect()

    assert (run.outcome, run.error, run.items) == (SyncOutcome.PARTIAL, "provider_rate_limited", 3)
    assert len(await world.copy()) == 3
    (source,) = (await world.sync.ask(GetSyncStatus(), world.scope)).sources
    assert source.next_at
    assert timedelta(seconds=880) < source.next_at - datetime.now(UTC) < timedelta(seconds=910)
    await world.sync_now()
    assert await world.copy() == world.provider.truth()
    assert len(world.provider.sent) == 8, "what was saved is not fetched again"


@pytest.mark.parametrize("fault", [ProviderUnavailable("500"), ProviderGarbled("half a document")])
async def test_a_short_failure_is_waited_out(world: World, fault: ProviderUnavailable) -> None:
    fill(world.provider)
    world.provider.faults = [None, fault, fault]
    run = await world.connect()

    assert run.outcome is SyncOutcome.SUCCESS
    assert await world.copy() == world.provider.truth()


async def test_after_three_failed_runs_in_a_row_the_user_is_told_once(world: World) -> None:
    fill(world.provider)
    away = ProviderUnavailable("away")
    world.provider.faults = [away] * 12
    await world.connect()
    for _ in range(3):
        await world.sync_now()

    (told,) = await world.sync.heard(SourceFailing, world.scope)
    assert (told.provider, told.error) == ("scripted", "provider_unavailable")
    (source,) = (await world.sync.ask(GetSyncStatus(), world.scope)).sources
    assert (source.failures, source.last_outcome) == (4, SyncOutcome.FAILED)
    world.provider.faults = []
    await world.sync_now()
    (source,) = (await world.sync.ask(GetSyncStatus(), world.scope)).sources
    assert source.failures == 0
    assert await world.copy() == world.provider.truth()


async def test_a_stream_that_is_closed_to_us_does_not_keep_the_others_away(world: World) -> None:
    fill(world.provider, 2)
    world.provider.put("900", "archive")
    world.provider.faults = [PermissionMissing("closed")]
    run = await world.connect()

    assert (run.outcome, run.error) == (SyncOutcome.PARTIAL, "provider_permission_missing")
    assert set(await world.copy()) == {"000", "001"}


async def test_a_stream_that_vanished_takes_its_items_along(world: World) -> None:
    fill(world.provider, 2)
    world.provider.put("900", "archive")
    await world.connect()
    world.provider.remove("900", "archive")
    await world.sync_now()

    assert set(await world.copy()) == {"000", "001"}


async def test_a_replica_that_lost_its_lease_writes_nothing_more(world: World) -> None:
    fill(world.provider)
    world.provider.gate = gate = asyncio.Event()
    await world.sync.emit(_established(world), world.scope)
    async with asyncio.timeout(10):
        await world.provider.at_gate.wait()
    world.provider.gate = None
    # As if this replica had been killed: its lease ends, and the next one takes over at the saved cursor.
    async with world.sync.db.transaction(None) as tx:
        sql = "update schedule set running_until = now() - interval '1 s', due_at = now() where connection_id = $1"
        await tx.execute(sql, world.connection_id)
    await world.run_over(2)
    assert await world.copy() == world.provider.truth()
    world.provider.remove("001")
    gate.set()
    await world.sync_now()

    assert await world.copy() == world.provider.truth()
    outcomes = [(run.outcome, run.error) for run in await world.runs()]
    assert outcomes == [(SyncOutcome.SUCCESS, None)] * 2 + [(SyncOutcome.PARTIAL, "interrupted")]


async def test_a_notification_makes_its_account_due_at_once_and_a_burst_is_few_runs(world: World) -> None:
    fill(world.provider)
    await world.connect(("a" * 32,))
    world.provider.put("300")
    for _ in range(20):
        await _notify(world, account_ref="a" * 32)

    async def arrived() -> bool:
        return await world.copy() == world.provider.truth()

    await eventually(arrived)
    runs = await world.runs()
    assert runs[0].reason is SyncReason.NOTIFICATION
    assert len(runs) < 10


async def test_a_notification_about_an_unknown_account_changes_nothing(world: World) -> None:
    fill(world.provider, 1)
    await world.connect(("b" * 32,))
    await _notify(world, account_ref="c" * 32)
    await world.sync_now()

    assert len(await world.runs()) == 2


async def test_a_disconnected_provider_leaves_nothing_behind(world: World) -> None:
    fill(world.provider)
    await world.connect()
    await world.sync.handle(ConnectionRemoved(connection_id=world.connection_id, provider="scripted"), world.scope)

    assert await world.copy() == {}
    assert await world.runs() == ()
    async with world.sync.db.transaction(world.scope) as tx:
        for table in ("sources", "streams", "activities", "watches", "sync_runs"):
            assert await tx.fetchval(f"select count(*) from {table}") == 0  # noqa: S608 - names from the line above
        assert await tx.fetchval("select count(*) from schedule where connection_id = $1", world.connection_id) == 0


async def test_nobody_sees_the_activities_of_somebody_else(world: World, stranger: Scope) -> None:
    fill(world.provider)
    await world.connect()

    assert (await world.sync.ask(ListActivities(), stranger)).activities == ()


async def test_a_wish_while_a_run_is_under_way_is_not_a_second_run(world: World) -> None:
    fill(world.provider)
    world.provider.gate = asyncio.Event()
    await world.sync.emit(_established(world), world.scope)
    async with asyncio.timeout(10):
        await world.provider.at_gate.wait()
    assert not (await world.sync.ask(StartSync(provider="scripted"), world.scope)).started
    world.provider.gate.set()
    await world.run_over(1)

    assert len(await world.runs()) == 1


@pytest.mark.every_way(sample=4)
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("tells_deletions", [True, False])
async def test_after_any_story_of_changes_and_failures_the_copy_is_the_truth(
    world: World, seed: int, tells_deletions: bool
) -> None:
    chance = random.Random(seed)  # noqa: S311 - a story, repeatable by its seed
    provider = world.provider
    provider.tells_deletions = tells_deletions
    fill(provider, chance.randrange(12))
    provider.put("999", "archive")
    await world.connect()
    for _ in range(3):
        _change(provider, chance)
        await world.sync_now()
    provider.faults = []
    if not tells_deletions:
        await _list_anew(world)
    await world.sync_now()

    assert await world.copy() == provider.truth()


def _change(provider: ScriptedProvider, chance: random.Random) -> None:
    for _ in range(chance.randrange(8)):
        inbox = sorted(provider._truth["inbox"])
        if inbox and chance.random() < 0.4:
            provider.remove(chance.choice(inbox))
        else:
            provider.put(f"{chance.randrange(30):03}")
    if chance.random() < 0.3:
        provider.forget_history()
    faults = (None, None, ProviderGarbled("cut"), ProviderBusy("slow", retry_after_s=600), ProviderUnavailable("500"))
    provider.faults = [chance.choice(faults) for _ in range(chance.randrange(5))]


async def _list_anew(world: World) -> None:
    """As if a day had passed."""
    async with world.sync.db.transaction(world.scope) as tx:
        await tx.execute("update streams set listed_at = listed_at - interval '25 hours'")


async def _notify(world: World, **whom: str) -> None:
    notification = TakeNotification(provider="scripted", hint=Hint.CHANGED, received_at=datetime.now(UTC), **whom)
    await world.sync.askers["gateway"].send(notification, scope=None)


def _established(world: World):
    from contracts.oauth import ConnectionEstablished

    return ConnectionEstablished(connection_id=world.connection_id, provider="scripted", scopes=())
