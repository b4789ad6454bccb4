"""Sync, running: connected providers become sources, refused ones pause, removed ones go."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from contracts.envelope import Scope
from contracts.ids import ConnectionId, new_id
from contracts.oauth import ConnectionEstablished, ConnectionRemoved, ReauthorizationRequired
from contracts.sync import GetSyncStatus, SourceRegistered, SourceView
from services.sync.app import service
from tests.conftest import Platform
from tests.service.neighbours import Neighbours, between_neighbours, eventually


@pytest.fixture(scope="module")
async def sync(platform: Platform) -> AsyncIterator[Neighbours]:
    async with between_neighbours(service, platform) as running:
        yield running


def connected(provider: str = "gmail", connection_id: str | None = None) -> ConnectionEstablished:
    return ConnectionEstablished(
        connection_id=ConnectionId(connection_id or new_id("cn")), provider=provider, scopes=("read",)
    )


def refused(event: ConnectionEstablished, at: datetime) -> ReauthorizationRequired:
    return ReauthorizationRequired(connection_id=event.connection_id, provider=event.provider, refused_at=at)


async def status(sync: Neighbours, scope: Scope) -> tuple[SourceView, ...]:
    return (await sync.ask(GetSyncStatus(), scope)).sources


async def test_a_connected_provider_becomes_a_source_and_is_announced(sync: Neighbours, scope: Scope) -> None:
    await sync.emit(connected("gmail"), scope)

    (announced,) = await sync.heard(SourceRegistered, scope)
    (source,) = await status(sync, scope)
    assert announced.provider == source.provider == "gmail"
    assert source.enabled
    assert source.registered_at == announced.registered_at


async def test_the_same_event_twice_is_handled_once(sync: Neighbours, scope: Scope) -> None:
    event = connected()
    event_id = await sync.emit(event, scope)
    await sync.emit(event, scope, event_id=event_id)
    await sync.emit(connected("calendar"), scope)

    announced = await sync.heard(SourceRegistered, scope, count=2)
    assert [event.provider for event in announced] == ["gmail", "calendar"]


async def test_a_refused_connection_pauses_its_source_until_it_is_connected_again(
    sync: Neighbours, scope: Scope
) -> None:
    event = connected()
    await sync.emit(event, scope)
    await sync.heard(SourceRegistered, scope)

    await sync.emit(refused(event, datetime.now(UTC)), scope)
    (paused,) = await eventually(lambda: _when(sync, scope, enabled=False))
    assert paused.reason_disabled == "reauthorization_required"

    await sync.emit(event, scope)
    (again,) = await eventually(lambda: _when(sync, scope, enabled=True))
    assert again.reason_disabled is None
    assert again.registered_at == paused.registered_at


async def test_a_refusal_older_than_the_connection_changes_nothing(sync: Neighbours, scope: Scope) -> None:
    event = connected()
    await sync.emit(event, scope)
    await sync.heard(SourceRegistered, scope)

    await sync.handle(refused(event, datetime.now(UTC) - timedelta(hours=1)), scope)

    (source,) = await status(sync, scope)
    assert source.enabled


async def test_a_removed_connection_takes_its_source_along_and_no_other(sync: Neighbours, scope: Scope) -> None:
    old, new, other = connected("gmail"), connected("gmail"), connected("calendar")
    for event in (old, new, other):
        await sync.emit(event, scope)
    await sync.heard(SourceRegistered, scope, count=3)

    for event in (old, other):
        await sync.handle(ConnectionRemoved(connection_id=event.connection_id, provider=event.provider), scope)

    assert [source.provider for source in await status(sync, scope)] == ["gmail"]


async def test_nobody_sees_the_sources_of_somebody_else(sync: Neighbours, scope: Scope, stranger: Scope) -> None:
    await sync.emit(connected(), scope)
    await sync.heard(SourceRegistered, scope)

    assert await status(sync, stranger) == ()


async def _when(sync: Neighbours, scope: Scope, *, enabled: bool) -> tuple[SourceView, ...]:
    return tuple(source for source in await status(sync, scope) if source.enabled is enabled)
