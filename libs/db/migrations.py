"""Alembic, once per schema: how a service's migrations run, and whether tables and metadata still agree.

The version table lives in the schema it speaks of. Any number of processes may upgrade at once: one works, the
others wait for its advisory lock and find nothing left to do.
"""

import asyncio
import importlib
import importlib.util
import pkgutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
from alembic import context
from alembic.autogenerate import compare_metadata
from alembic.command import upgrade as alembic_upgrade
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from libs.db.errors import DatabaseUnavailable
from libs.db.grants import grant_to_service
from libs.db.metadata import service_metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection

LOCK_WAIT = "120s"
LOCK_TIMEOUT = "5s"
STATEMENT_TIMEOUT = "60s"

# Made by the helpers of libs.db.ddl, not declared as SQLModel tables.
_INFRASTRUCTURE = {"alembic_version", "outbox", "inbox", "dead_letters", "data_keys", "api_usage"}

# Alembic's `context` and `op` are global to the process.
_one_at_a_time = asyncio.Lock()


@dataclass(frozen=True, slots=True)
class MigratedService:
    """A service with a schema: its name and the package that holds `migrations/` and `tables.py`."""

    name: str
    package: str

    def script_location(self) -> Path | None:
        """The directory of its migrations; None when it has none (yet)."""
        spec = importlib.util.find_spec(self.package)
        for directory in (spec.submodule_search_locations or ()) if spec else ():
            if (path := Path(directory) / "migrations").joinpath("env.py").is_file():
                return path
        return None


def run(service: str) -> None:
    """The whole of a service's `migrations/env.py`: upgrade `service`'s schema on the connection that was handed in."""
    connection: Connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=service_metadata(service), version_table_schema=service)
    with context.begin_transaction():
        # The wait for a neighbour's upgrade may be long; the wait for a table that the application uses may not.
        context.execute(f"set local lock_timeout = '{LOCK_WAIT}'")
        context.execute(f"select pg_advisory_xact_lock(hashtext('alembic:{service}'))")
        context.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
        context.execute(f"set local statement_timeout = '{STATEMENT_TIMEOUT}'")
        context.run_migrations()
        grant_to_service(Operations(context.get_context()), service)


async def upgrade(admin_url: str, service: MigratedService) -> None:
    """Bring one schema to its newest version. The schema and the role exist already (`libs.db.migrate`)."""
    location = service.script_location()
    if location is None:
        return
    config = Config()
    config.set_main_option("script_location", str(location))
    config.set_main_option("path_separator", "os")

    def work(connection: "Connection") -> None:
        config.attributes["connection"] = connection
        alembic_upgrade(config, "head")

    engine = create_async_engine(
        "postgresql+asyncpg://", poolclass=NullPool, async_creator=lambda: _owner_connection(admin_url, service.name)
    )
    try:
        async with _one_at_a_time, engine.connect() as connection:
            await connection.run_sync(work)
            await connection.commit()
    except DBAPIError as error:
        if error.connection_invalidated:
            raise DatabaseUnavailable(f"The database went away while {service.name} was migrated.") from error
        raise
    finally:
        await engine.dispose()


async def drift(service: MigratedService, connection: "AsyncConnection") -> list[str]:
    """Every difference between the service's modules named `tables` and its migrated schema, one line each; empty is
    good."""
    package = importlib.import_module(service.package)
    for module in pkgutil.walk_packages(package.__path__, f"{service.package}."):
        if module.name.endswith(".tables"):
            importlib.import_module(module.name)
    metadata = service_metadata(service.name)

    def work(sync: "Connection") -> list[str]:
        partitions = set(sync.exec_driver_sql(_PARTITIONS, (service.name,)).scalars())
        hidden = _INFRASTRUCTURE | partitions

        def include_name(name: str | None, kind: str, parents: Any) -> bool:
            if kind == "schema":
                return name == service.name
            return not (kind == "table" and name in hidden)

        options = {"include_schemas": True, "include_name": include_name, "compare_type": True}
        migration = MigrationContext.configure(sync, opts=options)
        return [str(difference) for difference in compare_metadata(migration, metadata)]

    return await connection.run_sync(work)


async def unguarded_tables(service: str, connection: "AsyncConnection") -> list[str]:
    """Tables of the schema with a `user_id` and without forced row security; empty is good."""
    rows = await connection.exec_driver_sql(_UNGUARDED, (service,))
    return [name for (name,) in rows]


_PARTITIONS = """
select relname from pg_class where relispartition and relnamespace = to_regnamespace($1)
"""
_UNGUARDED = """
select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'user_id'
where c.relnamespace = to_regnamespace($1) and c.relkind in ('r', 'p') and not c.relispartition
  and not (c.relrowsecurity and c.relforcerowsecurity)
order by 1
"""


async def _owner_connection(admin_url: str, schema: str) -> "asyncpg.Connection[Any]":
    # asyncpg wants a plain str here and nothing derived from it, such as a member of an enumeration.
    settings = {"search_path": str(schema), "application_name": f"adjutant migrate {schema}"}
    return await asyncpg.connect(admin_url, server_settings=settings)
