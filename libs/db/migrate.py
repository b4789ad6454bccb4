"""Everything `adjutant migrate` does to PostgreSQL: roles, schemas, migrations, partitions. Safe to repeat.

The owner (the role of `admin_url`) owns every schema and table; a service logs in as `svc_<name>` and finds its own
schema alone. On a managed PostgreSQL the owner needs CREATEROLE; without it, create the roles first and pass no
passwords.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
import structlog

from libs.db.errors import translated
from libs.db.migrations import MigratedService, upgrade
from libs.db.scram import scram_verifier

log = structlog.get_logger("libs.db")

CONNECTION_LIMIT = 60
"""Connections one service's role may hold: six replicas with a pool of ten."""

_NAME = re.compile(r"^[a-z][a-z_]{1,30}$")


async def migrate_all(
    admin_url: str, services: Sequence[MigratedService], passwords: Mapping[str, str] | None = None
) -> None:
    """Create what is missing and upgrade every schema. `passwords`: service name to the password of its role.

    A service without a password keeps the role it has; the role is created without log-in if there is none.
    """
    with translated():
        connection = await asyncpg.connect(admin_url, timeout=10)
        try:
            await _prepare(connection, services, passwords or {})
        finally:
            await connection.close()
        for service in services:
            await upgrade(admin_url, service)
        await _make_partitions(admin_url, services)


async def _prepare(
    connection: "asyncpg.Connection[Any]", services: Sequence[MigratedService], passwords: Mapping[str, str]
) -> None:
    """Roles, schemas, and nothing for PUBLIC; one transaction."""
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock(hashtext('adjutant:prepare'))")
        await connection.execute("revoke all on schema public from public")
        await _create_vector(connection)
        for service in services:
            await _prepare_service(connection, service.name, passwords.get(service.name))


async def _create_vector(connection: "asyncpg.Connection[Any]") -> None:
    """pgvector in a schema of its own, where the server has it and lets us."""
    if not await connection.fetchval("select 1 from pg_available_extensions where name = 'vector'"):
        return
    await connection.execute("create schema if not exists extensions")
    await connection.execute("grant usage on schema extensions to public")
    try:
        async with connection.transaction():
            await connection.execute("create extension if not exists vector schema extensions")
    except asyncpg.InsufficientPrivilegeError:
        log.warning("vector_extension_needs_superuser", advice="create extension vector schema extensions")


async def _prepare_service(connection: "asyncpg.Connection[Any]", name: str, password: str | None) -> None:
    if not _NAME.match(name):
        raise ValueError(f"{name!r} cannot name a schema")
    role = f"svc_{name}"
    await connection.execute(f"create schema if not exists {name}")
    exists = await connection.fetchval("select 1 from pg_roles where rolname = $1", role)
    if not exists:
        await connection.execute(f"create role {role} nosuperuser nocreatedb nocreaterole nobypassrls")
        await connection.execute(f"alter role {role} set search_path = {name}")
        await connection.execute(f"alter role {role} set statement_timeout = '30s'")
        await connection.execute(f"alter role {role} set idle_in_transaction_session_timeout = '60s'")
        await connection.execute(f"alter role {role} set jit = off")
    if password is not None and not await _has_password(connection, role, password):
        verifier = scram_verifier(password)
        await connection.execute(f"alter role {role} login connection limit {CONNECTION_LIMIT} password '{verifier}'")
    await connection.execute(f"grant usage on schema {name} to {role}")


async def _has_password(connection: "asyncpg.Connection[Any]", role: str, password: str) -> bool:
    """Whether the role has this password already: asked so that two migrations of one server do not clash on it."""
    try:
        async with connection.transaction():
            stored = await connection.fetchval("select rolpassword from pg_authid where rolname = $1", role)
    except asyncpg.InsufficientPrivilegeError:
        return False  # a managed server hides pg_authid
    return stored is not None and _matches(stored, password)


def _matches(verifier: str, password: str) -> bool:
    parts = re.fullmatch(r"SCRAM-SHA-256\$(\d+):([^$]+)\$.+", verifier)
    if parts is None:
        return False
    return scram_verifier(password, iterations=int(parts[1]), salt=base64.b64decode(parts[2])) == verifier


async def _make_partitions(admin_url: str, services: Sequence[MigratedService]) -> None:
    connection = await asyncpg.connect(admin_url, timeout=10)
    try:
        for service in services:
            if await connection.fetchval("select to_regproc($1)", f"{service.name}.ensure_partitions"):
                await connection.execute(f"select {service.name}.ensure_partitions(2)")
    finally:
        await connection.close()
