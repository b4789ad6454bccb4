"""A module's database here holds two services: `notes`, with tables, and `ledger`, with one table of its own."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from libs.db import Database
from libs.db.admin import address
from libs.db.migrate import migrate_all
from libs.db.migrations import MigratedService
from libs.testing.servers import ServiceDatabase

NOTES = MigratedService("notes", "tests.service.db.notes")
LEDGER = MigratedService("ledger", "tests.service.db.ledger")
PASSWORDS = {"notes": "notes-of-the-tests", "ledger": "ledger-of-the-tests"}


@pytest.fixture(scope="module")
def schemas() -> tuple[str, ...]:
    return ()


@pytest.fixture(scope="module")
async def migrated(database: ServiceDatabase) -> ServiceDatabase:
    """Both schemas in place, with rows nobody should see by mistake."""
    await migrate_all(database.admin_url, [NOTES, LEDGER], PASSWORDS)
    owner = await asyncpg.connect(database.admin_url)
    await owner.execute("create table ledger.entries (amount bigint)")
    await owner.execute("insert into ledger.entries values (42)")
    await owner.close()
    return database


def url_of(database: ServiceDatabase, service: str) -> str:
    """How the service logs in."""
    return address(database.admin_url, database=database.name, role=f"svc_{service}", password=PASSWORDS[service])


@pytest.fixture
async def notes(migrated: ServiceDatabase) -> AsyncIterator[Database]:
    """The pool of the notes service."""
    pool = await Database.connect(url_of(migrated, "notes"), "notes", wait_s=10)
    yield pool
    await pool.close()


@pytest.fixture
async def owner(migrated: ServiceDatabase) -> AsyncIterator[asyncpg.Connection]:
    """The migrating role's connection."""
    connection = await asyncpg.connect(migrated.admin_url, server_settings={"search_path": "notes"})
    yield connection
    await connection.close()
