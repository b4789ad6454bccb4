"""Two services' worth of bus: real servers, bare schemas with the bus tables, a bus for any service."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import nats
from nats.js import JetStreamContext

from contracts.envelope import Scope, Service
from contracts.ids import OrganizationId, UserId, new_id
from libs.bus import Bus, Route
from libs.bus.provision import provision
from libs.bus.server_config import ADMIN
from libs.db import Database
from libs.db.bus_tables import create_bus_tables
from libs.runtime.embedded.nats import EmbeddedNats
from libs.runtime.embedded.postgres import EmbeddedPostgres

PASSWORDS = {name: f"pw-{name}" for name in (*Service, ADMIN)}


def a_scope() -> Scope:
    return Scope(OrganizationId(new_id("org")), UserId(new_id("u")))


@dataclass
class Deps:
    """What the handlers of these tests get: the database, the bus, and a place to note what they saw."""

    db: Database
    bus: Bus
    seen: list[Any] = field(default_factory=list)


class _Statements:
    """What a migration's `op` is, as far as the bus tables need it."""

    def __init__(self) -> None:
        self.all: list[str] = []

    def execute(self, statement: Any) -> None:
        self.all.append(str(statement))


class World:
    def __init__(self, directory: Path) -> None:
        self.nats = EmbeddedNats(directory, PASSWORDS, fast=False)
        self.postgres = EmbeddedPostgres(directory, "owner-password")

    async def start(self) -> None:
        await asyncio.gather(self.nats.start(), self.postgres.start())
        tables = _Statements()
        create_bus_tables(tables)
        connection = await asyncpg.connect(self.postgres.admin_url)
        for service in Service:
            await connection.execute(f"CREATE SCHEMA {service}; SET search_path = {service}")
            for statement in (*tables.all, "CREATE TABLE notes (id bigserial, text text not null)"):
                await connection.execute(statement)
        await connection.close()
        await self.provision()

    async def stop(self) -> None:
        await self.nats.stop()
        await self.postgres.stop()

    async def wipe(self) -> None:
        """An empty outbox, inbox and stream for the next test; durables stay where the streams end."""
        connection = await asyncpg.connect(self.postgres.admin_url)
        for service in Service:
            await connection.execute(
                f"TRUNCATE {service}.outbox, {service}.inbox, {service}.dead_letters, {service}.notes"
            )
        await connection.close()
        await self.lose_streams()

    async def lose_streams(self) -> None:
        """What an operator faces after a disk is gone: the streams are there again, and empty."""
        async with self.admin() as jetstream:
            for info in await jetstream.streams_info():
                await jetstream.delete_stream(info.config.name)
        await self.provision()

    async def provision(self) -> None:
        async with self.admin() as jetstream:
            await provision(jetstream)

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[JetStreamContext]:
        client = await nats.connect(self.nats.url_for(ADMIN))
        try:
            yield client.jetstream()
        finally:
            await client.close()

    @asynccontextmanager
    async def database(self, service: str) -> AsyncIterator[Database]:
        db = await Database.connect(self.postgres.admin_url, schema=service)
        try:
            yield db
        finally:
            await db.close()

    @asynccontextmanager
    async def service(self, name: str, *routes: Route[Deps]) -> AsyncIterator[Deps]:
        """A running service with these routes; stopped in order at the end."""
        async with self.database(name) as db, self.connected(name) as bus:
            deps = Deps(db, bus)
            await bus.start(routes, deps, db)
            try:
                yield deps
            finally:
                await bus.stop(grace_s=5)

    @asynccontextmanager
    async def connected(self, name: str) -> AsyncIterator[Bus]:
        bus = Bus(name, self.nats.url, user=name, password=PASSWORDS[name])
        await bus.connect()
        try:
            yield bus
        finally:
            await bus.close()


async def until(condition: Any, timeout_s: float = 10) -> None:
    """Wait for what a test expects to become true; the condition may be asynchronous."""
    async with asyncio.timeout(timeout_s):
        while True:
            result = condition()
            if (await result) if asyncio.iscoroutine(result) else result:
                return
            await asyncio.sleep(0.01)


def texts(notes: Sequence[Any]) -> list[str]:
    return [note["text"] for note in notes]
