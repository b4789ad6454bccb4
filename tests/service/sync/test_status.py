"""The status says of each stream how it fares."""

import asyncio

from contracts.sync import GetSyncStatus, SourceFailing, StreamView, SyncOutcome
from libs.providers.errors import PermissionMissing, ProviderBusy, ProviderUnavailable, TokenRejected
from tests.service.sync.conftest import World


async def streams_of(world: World) -> dict[str, StreamView]:
    (source,) = (await world.sync.ask(GetSyncStatus(), world.scope)).sources
    return {stream.stream: stream for stream in source.streams}


async def test_a_stream_that_failed_comes_first_with_its_reason_until_it_succeeds(world: World) -> None:
    world.provider.put("900", "archive")
    world.provider.put("000")
    world.provider.faults = [PermissionMissing("closed")]
    await world.connect()

    shown = await streams_of(world)
    assert list(shown) == ["archive", "inbox"]
    closed, read = shown.values()
    assert (closed.error, closed.last_success_at, closed.items) == ("provider_permission_missing", None, 0)
    assert (read.error, read.items, read.resyncing) == (None, 1, False)
    assert read.last_success_at is not None

    await world.sync_now()
    mended = (await streams_of(world))["archive"]
    assert (mended.error, mended.items, mended.resyncing) == (None, 1, False)
    assert mended.last_success_at is not None


async def test_a_listing_that_was_cut_is_a_resync_under_way(world: World) -> None:
    for number in range(8):
        world.provider.put(f"{number:03}")
    world.provider.faults = [None, ProviderBusy("slow", retry_after_s=900)]
    await world.connect()

    (stream,) = (await streams_of(world)).values()
    assert (stream.error, stream.items, stream.resyncing) == ("provider_rate_limited", 3, True)


async def test_a_listing_under_way_is_told_while_it_runs(world: World) -> None:
    for number in range(8):
        world.provider.put(f"{number:03}")
    await world.connect()
    world.provider.forget_history()
    world.provider.gate = gate = asyncio.Event()
    asked = asyncio.create_task(world.sync_now())
    async with asyncio.timeout(10):
        await world.provider.at_gate.wait()
    (stream,) = (await streams_of(world)).values()
    gate.set()
    await asked

    assert stream.resyncing
    assert not (await streams_of(world))["inbox"].resyncing


async def test_an_outage_and_one_refused_token_are_not_two_refused_tokens(world: World) -> None:
    world.provider.put("000")
    await world.connect()
    world.provider.faults = [ProviderUnavailable("500")] * 3
    assert (await world.sync_now()).error == "provider_unavailable"
    world.provider.faults = [TokenRejected("no")] * 2
    assert (await world.sync_now()).error == "token_rejected"

    (source,) = (await world.sync.ask(GetSyncStatus(), world.scope)).sources
    assert source.enabled


async def test_tokens_that_are_refused_after_something_arrived_pause_the_source_as_well(world: World) -> None:
    world.provider.put("900", "archive")
    world.provider.put("000")
    await world.connect()
    for number in range(2):
        world.provider.put(f"90{number}", "archive")
        world.provider.faults = [None, *[TokenRejected("no")] * 2]
        run = await world.sync_now()
        assert (run.outcome, run.error) == (SyncOutcome.PARTIAL, "token_rejected")

    (source,) = (await world.sync.ask(GetSyncStatus(), world.scope)).sources
    assert (source.enabled, source.reason_disabled) == (False, "token_rejected")
    (told,) = await world.sync.heard(SourceFailing, world.scope)
    assert told.error == "token_rejected"
