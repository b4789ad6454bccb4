"""A module's database here holds the notes service of the database tests, whose schema has data keys."""

from collections.abc import AsyncIterator

import pytest

from libs.db import Database
from libs.db.admin import address
from libs.db.migrate import migrate_all
from libs.testing.servers import ServiceDatabase
from tests.service.db.conftest import NOTES, PASSWORDS


@pytest.fixture(scope="module")
def schemas() -> tuple[str, ...]:
    return ()


@pytest.fixture
async def notes(database: ServiceDatabase) -> AsyncIterator[Database]:
    """The pool of a service with data keys."""
    await migrate_all(database.admin_url, [NOTES], PASSWORDS)
    url = address(database.admin_url, database=database.name, role="svc_notes", password=PASSWORDS["notes"])
    pool = await Database.connect(url, "notes", wait_s=10)
    yield pool
    await pool.close()


@pytest.fixture
async def owner(database: ServiceDatabase, notes: Database) -> AsyncIterator[Database]:
    """The migrating role's pool on the same schema."""
    pool = await Database.connect(database.admin_url, "notes", wait_s=10)
    yield pool
    await pool.close()
