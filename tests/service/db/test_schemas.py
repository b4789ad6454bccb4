"""Every service's schema: its tables.py says what is there, and no user-owned table is unguarded."""

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from contracts.envelope import Service
from libs.db.migrations import MigratedService, drift, unguarded_tables
from libs.testing.servers import Servers


@pytest.mark.parametrize("name", tuple(Service))
async def test_tables_and_migrations_of_a_service_agree_and_guard_their_users(servers: Servers, name: Service) -> None:
    database = await servers.database(f"schema_of_{name}", [name])
    engine = create_async_engine(
        "postgresql+asyncpg://", poolclass=NullPool, async_creator=lambda: asyncpg.connect(database.admin_url)
    )
    async with engine.connect() as connection:
        assert await drift(MigratedService(name, f"services.{name}"), connection) == []
        assert await unguarded_tables(name, connection) == []
    await engine.dispose()
    await database.drop()
