"""Sync: a first sync of 50,000 items, a sync with nothing new, and how late the schedule is.

The provider is simulated in this process: its pages are JSON text that is parsed as a real answer would be. Baseline of
the first sync: the same pages parsed and copied (COPY) into a table, in the same run.
"""

import asyncio
import json
import random
import resource
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import psutil

from contracts.envelope import Scope
from contracts.ids import ConnectionId, OrganizationId, UserId, new_id
from contracts.oauth import ConnectionEstablished
from libs.providers.rest import Access
from libs.providers.source import Item, Kind, Page, Stream
from libs.runtime import Resources
from libs.vault import MasterKeys, TransitSeal
from services.sync.app import open_sync, service
from services.sync.deps import Sync
from services.sync.settings import SyncSettings
from tests.benchmarks.platform import platform
from tests.benchmarks.report import Measurement, percentile
from tests.conftest import Platform
from tests.service.neighbours import Neighbours, between_neighbours, eventually
from tests.service.sync.conftest import World
from tests.service.sync.scripted import ScriptedProvider
from tests.service.tool.oauth_peer import OAuthPeer

ITEMS, PAGE = 50_000, 500
CONNECTIONS, WINDOW_S = 660, 60
"""As dense as 10,000 connections within fifteen minutes."""
BEGAN = datetime(2026, 11, 20, tzinfo=UTC)


class Simulated:
    """A stream of so many items for one person; nothing for everybody else."""

    provider = "scripted"

    def __init__(self) -> None:
        self.answers = [_page(number) for number in range(ITEMS // PAGE)]
        self.calls = 0
        self.is_empty = False

    async def streams(self, access: Access) -> tuple[Stream, ...]:
        """One."""
        self.calls += 1
        return (Stream("inbox", "Inbox", tells_deletions=True),)

    async def pages(
        self, access: Access, stream: str, cursor: str | None, since: datetime
    ) -> AsyncGenerator[Page, None]:
        """From the cursor on; one empty page when there is nothing new."""
        at = int(cursor or 0)
        if self.is_empty or at >= len(self.answers):
            self.calls += 1
            yield Page((), (), str(at))
        while not self.is_empty and at < len(self.answers):
            self.calls += 1
            at += 1
            yield Page(parsed(self.answers[at - 1]), (), str(at))


def _page(number: int) -> str:
    rows = [
        {
            "id": f"mail-{number * PAGE + n}",
            "subject": f"Subject of mail {number * PAGE + n} about the budget of the third quarter",
            "from": "sarah.chen@example.com",
            "at": (BEGAN + timedelta(seconds=number * PAGE + n)).isoformat(),
        }
        for n in range(PAGE)
    ]
    return json.dumps(rows)


def parsed(answer: str) -> tuple[Item, ...]:
    """As a source does it."""
    return tuple(
        Item(row["id"], Kind.MAIL, datetime.fromisoformat(row["at"]), row["subject"], row["at"], actor=row["from"])
        for row in json.loads(answer)
    )


async def run() -> None:
    """Print all of it."""
    async with platform("sync") as servers:
        source = Simulated()
        async with _running(servers, source) as sync:
            oauth = await OAuthPeer.start(servers.nats, TransitSeal(MasterKeys.from_text(servers.master_keys)))
            oauth.connected = {"scripted"}
            world = World(sync, ScriptedProvider(), oauth, _somebody(), ConnectionId(new_id("cn")))
            await _first(servers, world, source)
            await _nothing_new(world, source)
            source.is_empty = True
            await _schedule(world)
            await oauth.client.close()


@asynccontextmanager
async def _running(servers: Platform, source: Simulated) -> AsyncIterator[Neighbours]:
    @asynccontextmanager
    async def open_simulated(resources: Resources[SyncSettings]) -> AsyncIterator[Sync]:
        async with open_sync(resources) as deps:
            yield replace(deps, sources={"scripted": source})

    async with between_neighbours(replace(service, open=open_simulated), servers, debounce_s=0.0) as neighbours:
        yield neighbours


async def _first(servers: Platform, world: World, source: Simulated) -> None:
    baseline = await _copied(servers, source)
    before = psutil.Process().memory_info().rss
    half_way = asyncio.create_task(_memory_half_way(world))
    started = time.perf_counter()
    await world.sync.emit(
        ConnectionEstablished(connection_id=world.connection_id, provider="scripted", scopes=()), world.scope
    )

    async def over() -> bool:
        runs = await world.runs()
        return bool(runs and runs[0].outcome)

    await eventually(over, timeout_s=240)
    rate = ITEMS / (time.perf_counter() - started)
    (done,) = await world.runs()
    assert done.items == ITEMS, done
    Measurement("sync", "first_sync_items_per_second", rate, "1/s", baseline, 0.4 * baseline, "higher").print()
    grown = (psutil.Process().memory_info().rss - await half_way) / 1e6
    total = (psutil.Process().memory_info().rss - before) / 1e6
    Measurement("sync", "memory_growth_over_the_second_half", grown, "MB", total, 20).print()


async def _memory_half_way(world: World) -> int:
    async def half() -> int:
        async with world.sync.db.reading(world.scope) as tx:
            cursor = await tx.fetchval("select cursor from streams where provider = 'scripted'")
        return psutil.Process().memory_info().rss if int(cursor or 0) >= ITEMS // PAGE // 2 else 0

    found: int = await eventually(half, timeout_s=240)
    return found


async def _copied(servers: Platform, source: Simulated) -> float:
    """Items per second of parsing the same pages and copying them."""
    connection = await asyncpg.connect(servers.database.admin_url)
    await connection.execute("create table plain (id text primary key, at timestamptz, subject text, sender text)")
    started = time.perf_counter()
    for answer in source.answers:
        records = [(item.external_id, item.at, item.title, item.actor) for item in parsed(answer)]
        await connection.copy_records_to_table("plain", records=records)
    taken = time.perf_counter() - started
    await connection.close()
    return ITEMS / taken


async def _nothing_new(world: World, source: Simulated) -> None:
    taken, before = [], source.calls
    for _ in range(10):
        run = await world.sync_now()
        assert run.finished_at
        taken.append((run.finished_at - run.started_at).total_seconds())
    Measurement("sync", "nothing_new_ms_p50", percentile(taken, 0.5) * 1000, "ms", 0.0, 50).print()
    Measurement("sync", "nothing_new_provider_calls", (source.calls - before) / 10, "calls", 0.0, 2).print()


async def _schedule(world: World) -> None:
    """Connections due at random moments of a minute: how long after its moment does each begin?"""
    chance = random.Random(1)  # noqa: S311 - a load, repeatable
    begins = datetime.now(UTC) + timedelta(seconds=5)
    due: dict[str, datetime] = {}
    for _ in range(CONNECTIONS):
        scope, connection_id = _somebody(), new_id("cn")
        due[connection_id] = begins + timedelta(seconds=chance.uniform(0, WINDOW_S))
        async with world.sync.db.transaction(scope) as tx:
            await tx.execute(
                """insert into sources (provider, connection_id, registered_at, connected_at)
                   values ($1, $2, now(), now())""",
                "scripted",
                connection_id,
            )
            await tx.execute(
                """insert into schedule (connection_id, organization_id, user_id, provider, due_at, reason)
                   values ($1, $2, $3, 'scripted', $4, 'schedule')""",
                connection_id,
                scope.organization_id,
                scope.user_id,
                due[connection_id],
            )

    async def begun() -> list[asyncpg.Record]:
        async with world.sync.db.reading(None) as tx:
            rows = await tx.fetch(
                "select connection_id, began_at from schedule where connection_id = any($1)", list(due)
            )
        return rows if all(row["began_at"] for row in rows) else []

    rows = await eventually(begun, timeout_s=WINDOW_S + 60)
    lags = [(row["began_at"] - due[row["connection_id"]]).total_seconds() for row in rows]
    Measurement("sync", "schedule_lag_p99", percentile(lags, 0.99), "s", percentile(lags, 0.5), 5).print()
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    Measurement("sync", "peak_memory", rss, "MB", 0.0, 400).print()


def _somebody() -> Scope:
    return Scope(OrganizationId(new_id("org")), UserId(new_id("u")))
