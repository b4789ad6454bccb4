"""Migrations run from a running loop, from many processes at once, and leave nothing that tables.py does not know."""

import asyncio
import subprocess
import sys

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from libs.db import DatabaseUnavailable, service_metadata
from libs.db.admin import address, create_database, drop_database
from libs.db.migrate import migrate_all
from libs.db.migrations import MigratedService, drift, unguarded_tables
from libs.testing.servers import Servers, ServiceDatabase
from tests.service.db.conftest import LEDGER, NOTES, PASSWORDS


async def test_migrating_again_changes_nothing(migrated: ServiceDatabase, owner: asyncpg.Connection) -> None:
    before = await owner.fetch("select oid, relname from pg_class order by oid")

    await migrate_all(migrated.admin_url, [NOTES, LEDGER], PASSWORDS)

    assert [tuple(r) for r in await owner.fetch("select oid, relname from pg_class order by oid")] == [
        tuple(r) for r in before
    ]


async def test_four_processes_may_migrate_a_fresh_database_at_once(servers: Servers) -> None:
    name = "four_at_once"
    await create_database(servers.admin_url, name)
    url = address(servers.admin_url, database=name)
    program = (
        "import asyncio, sys\n"
        "from libs.db.migrate import migrate_all\n"
        "from tests.service.db.conftest import NOTES, PASSWORDS\n"
        "asyncio.run(migrate_all(sys.argv[1], [NOTES], PASSWORDS))\n"
    )
    command = [sys.executable, "-c", program, url]
    processes = [await asyncio.create_subprocess_exec(*command, stderr=subprocess.PIPE) for _ in range(4)]
    outcomes = await asyncio.gather(*(process.communicate() for process in processes))

    assert [process.returncode for process in processes] == [0, 0, 0, 0], outcomes
    await drop_database(servers.admin_url, name)


async def test_tables_and_migrations_agree(migrated: ServiceDatabase) -> None:
    engine = create_async_engine(
        "postgresql+asyncpg://", poolclass=NullPool, async_creator=lambda: asyncpg.connect(migrated.admin_url)
    )
    async with engine.connect() as connection:
        assert await drift(NOTES, connection) == []
        assert await unguarded_tables("notes", connection) == []

        await connection.exec_driver_sql("alter table notes.keys add column forgotten text")
        await connection.exec_driver_sql("create table notes.diaries (user_id text)")
        found = await drift(NOTES, connection)
        assert len(found) == 2
        assert "forgotten" in str(found)
        assert await unguarded_tables("notes", connection) == ["diaries"]
    await engine.dispose()


async def test_a_service_whose_password_changed_logs_in_with_the_new_one(migrated: ServiceDatabase) -> None:
    new = {"ledger": "another"}
    await migrate_all(migrated.admin_url, [LEDGER], new)
    try:
        url = address(migrated.admin_url, database=migrated.name, role="svc_ledger", password="another")
        connection = await asyncpg.connect(url)
        await connection.close()
    finally:
        await migrate_all(migrated.admin_url, [LEDGER], PASSWORDS)


async def test_migrating_an_absent_server_says_so() -> None:
    with pytest.raises(DatabaseUnavailable):
        await migrate_all("postgresql://postgres@/x?host=/nonexistent", [NOTES], PASSWORDS)


async def test_a_schema_name_is_never_sql(migrated: ServiceDatabase) -> None:
    with pytest.raises(ValueError, match="schema"):
        await migrate_all(migrated.admin_url, [MigratedService('x"; drop schema notes; --', "tests")], {})


def test_metadata_is_one_object_per_service() -> None:
    assert service_metadata("notes") is service_metadata("notes")
    assert service_metadata("notes").schema == "notes"
