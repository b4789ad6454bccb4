"""A replica that is killed in the middle of a page loses nothing and doubles nothing: another one goes on."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from contracts.envelope import Envelope
from contracts.ids import ConnectionId, new_id
from contracts.oauth import ConnectionEstablished
from libs.bus.subjects import stream_for, subject_for
from services.sync import schedule
from tests.conftest import Platform, new_scope
from tests.service.neighbours import eventually
from tests.service.sync.conftest import World
from tests.service.sync.replica import ITEMS, LEASE_S, described, filled, running_sync
from tests.service.sync.scripted import PAGE_SIZE, ScriptedProvider
from tests.service.tool.oauth_peer import OAuthPeer

PAGES = ITEMS // PAGE_SIZE + 1


@pytest.mark.timeout(180)
async def test_kill_9_at_every_page_ends_in_the_providers_truth_each_item_once(
    platform: Platform, oauth: OAuthPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "LEASE_S", LEASE_S)
    oauth.reset()
    oauth.connected = {"scripted"}
    users = {ConnectionId(new_id("cn")): new_scope() for _ in range(PAGES)}
    hold_at = {str(connection_id): page for page, connection_id in enumerate(users, 1)}
    admin = await platform.nats.admin()

    async with dying_replica(platform, hold_at) as victim:
        assert victim.stdout is not None
        for connection_id, scope in users.items():
            event = ConnectionEstablished(connection_id=connection_id, provider="scripted", scopes=("read",))
            envelope = Envelope.around(ConnectionEstablished, source="oauth", scope=scope)
            headers = {**envelope.headers(), "Nats-Msg-Id": envelope.id}
            subject, stream = subject_for(ConnectionEstablished, scope), stream_for(ConnectionEstablished)
            await admin.jetstream.publish(subject, event.model_dump_json().encode(), stream=stream, headers=headers)
        held = set[str]()
        async with asyncio.timeout(30):
            while len(held) < PAGES:
                word, _, connection = (await victim.stdout.readline()).decode().strip().partition(" ")
                held |= {connection} if word == "held" else set()
        victim.kill()
    await admin.close()

    provider = ScriptedProvider()
    filled(provider)
    async with running_sync(platform, provider) as sync:
        for connection_id, scope in users.items():
            world = World(sync, provider, oauth, scope, connection_id)

            async def whole(world: World = world) -> bool:
                return bool(await world.copy() == provider.truth() and (await world.runs())[0].outcome)

            await eventually(whole, timeout_s=90)
    # What was saved before the kill was not fetched again: page n held means n - 1 pages were saved.
    saved_before = sum(min((page - 1) * PAGE_SIZE, ITEMS) for page in hold_at.values())
    assert len(provider.sent) == PAGES * ITEMS - saved_before


@asynccontextmanager
async def dying_replica(platform: Platform, hold_at: dict[str, int]) -> AsyncIterator[asyncio.subprocess.Process]:
    """A replica in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.service.sync.replica"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{described(platform, hold_at)}\n".encode())
    await process.stdin.drain()
    try:
        async with asyncio.timeout(30):
            assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
