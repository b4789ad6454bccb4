"""What a disconnected account leaves behind is hidden at once, goes in bites, and never mixes with what comes after."""

import random

import pytest

from contracts.activities import GetActivitySummary
from contracts.ids import ConnectionId, new_id
from contracts.oauth import ConnectionEstablished, ConnectionRemoved
from contracts.sync import GetSyncStatus
from libs.db import Transaction
from services.sync import leftovers
from tests.service.neighbours import eventually
from tests.service.sync.conftest import World
from tests.service.sync.scripted import BEGAN


class Killed(Exception):
    """Of the process, as far as the rows can tell."""


@pytest.fixture
def connected(world: World) -> World:
    for number in range(8):
        world.provider.put(f"{number:03}")
    return world


async def rows_of(world: World, table: str = "activities") -> int:
    async with world.sync.db.reading(world.scope) as tx:
        return int(await tx.fetchval(f"select count(*) from {table}"))  # noqa: S608 - names from the tests below


async def mark(world: World) -> None:
    """As the end of a connection does, without the command that follows."""
    async with world.sync.db.transaction(world.scope) as tx:
        await tx.execute("insert into leftovers (provider) values ('scripted')")


async def test_after_a_disconnect_nothing_is_shown_and_all_rows_go_bite_by_bite(
    connected: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "BITE", 3)
    await connected.connect()
    await connected.sync.handle(
        ConnectionRemoved(connection_id=connected.connection_id, provider="scripted"), connected.scope
    )
    assert await connected.copy() == {}

    async def all_gone() -> bool:
        return await rows_of(connected) + await rows_of(connected, "leftovers") == 0

    await eventually(all_gone)


async def test_what_waits_to_be_deleted_is_neither_listed_nor_counted(connected: World) -> None:
    await connected.connect()
    await mark(connected)

    assert await rows_of(connected) == 8
    assert await connected.copy() == {}
    (source,) = (await connected.sync.ask(GetSyncStatus(), connected.scope)).sources
    assert (source.items, [stream.items for stream in source.streams]) == (0, [0])
    day = GetActivitySummary(start=BEGAN.date(), end=BEGAN.date())
    (figures,) = (await connected.sync.ask(day, connected.scope)).periods
    assert figures.by_source == {}


async def test_a_deletion_that_was_killed_goes_on_with_what_is_left(
    connected: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "BITE", 3)
    await connected.connect()
    await mark(connected)
    lives = 2

    async def die_at_the_third(tx: Transaction) -> None:
        nonlocal lives
        if lives == 0:
            raise Killed
        lives -= 1

    with pytest.raises(Killed):
        await leftovers.clear(connected.sync.db, connected.scope, "scripted", die_at_the_third)
    assert await rows_of(connected) == 2

    assert await leftovers.clear(connected.sync.db, connected.scope, "scripted") == 2
    assert await rows_of(connected, "leftovers") == 0


async def test_a_late_repetition_of_the_deletion_takes_nothing_of_a_new_connection(connected: World) -> None:
    await connected.connect()

    assert await leftovers.clear(connected.sync.db, connected.scope, "scripted") == 0
    assert await connected.copy() == connected.provider.truth()


async def test_another_connection_to_the_same_provider_begins_anew_even_if_the_end_of_the_first_is_heard_later(
    connected: World,
) -> None:
    await connected.connect()
    for id in list(connected.provider.truth()):
        connected.provider.remove(id)
        connected.provider.put(f"9{id}")
    connected.provider._log.clear()  # the other account has a history of its own: the old cursor would show nothing
    first, connected.connection_id = connected.connection_id, ConnectionId(new_id("cn"))
    event = ConnectionEstablished(connection_id=connected.connection_id, provider="scripted", scopes=())
    await connected.sync.emit(event, connected.scope)
    await connected.run_over(2)
    await connected.sync.handle(ConnectionRemoved(connection_id=first, provider="scripted"), connected.scope)

    assert await connected.copy() == connected.provider.truth()
    (run,) = await connected.runs()
    assert run.items == 8


@pytest.mark.every_way(sample=2)
@pytest.mark.parametrize("seed", range(10))
async def test_after_any_story_of_connections_the_copy_is_that_of_the_last_one_and_nothing_else_is_left(
    connected: World, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)  # noqa: S311 - a story, repeatable by its seed
    monkeypatch.setattr(leftovers, "BITE", chance.choice([1, 3, 8]))
    unheard: list[ConnectionId] = []
    current: ConnectionId | None = None
    for number in range(6):
        if current is None or chance.random() < 0.5:
            unheard += [current] if current else []
            current = ConnectionId(new_id("cn"))
            event = ConnectionEstablished(connection_id=current, provider="scripted", scopes=())
            await connected.sync.handle(event, connected.scope)
        else:
            unheard, current = [*unheard, current], None
        connected.provider.put(f"1{number:02}")
        while unheard and (current is None or chance.random() < 0.6):
            removed = ConnectionRemoved(connection_id=unheard.pop(chance.randrange(len(unheard))), provider="scripted")
            await connected.sync.handle(removed, connected.scope)
    for id in unheard:
        await connected.sync.handle(ConnectionRemoved(connection_id=id, provider="scripted"), connected.scope)
    truth = connected.provider.truth() if current else {}
    if current:
        connected.connection_id = current
        await eventually(lambda: _settled(connected))
        await connected.sync_now()

    async def is_true() -> bool:
        left = await rows_of(connected, "leftovers")
        return left == 0 and await rows_of(connected) == len(truth) and await connected.copy() == truth

    await eventually(is_true)


async def _settled(world: World) -> bool:
    """The run that follows connecting is over."""
    return any(run.outcome for run in await world.runs()) and not await _is_running(world)


async def _is_running(world: World) -> bool:
    (source,) = (await world.sync.ask(GetSyncStatus(), world.scope)).sources
    return source.running
