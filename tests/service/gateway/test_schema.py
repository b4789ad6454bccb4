"""The migrated schema is what `tables.py` says, and no person's table is without row security."""

import asyncpg
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from libs.db.migrations import MigratedService, drift, unguarded_tables
from tests.conftest import Platform


async def test_tables_and_migrations_agree_and_every_table_of_people_is_guarded(platform: Platform) -> None:
    engine = create_async_engine(
        "postgresql+asyncpg://",
        poolclass=NullPool,
        async_creator=lambda: asyncpg.connect(platform.database.admin_url),
    )
    async with engine.connect() as connection:
        assert await drift(MigratedService("gateway", "services.gateway"), connection) == []
        assert await unguarded_tables("gateway", connection) == []
    await engine.dispose()
