"""What the owner of a server does besides migrating: look whether it answers, make and drop databases."""

import re
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from libs.db.errors import translated

_NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}$")


async def answers(url: str, timeout_s: float = 2.0) -> bool:
    """Whether the server takes a connection right now. A refused password still raises: waiting would not help."""
    try:
        connection = await asyncpg.connect(url, timeout=timeout_s)
    except (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError):
        return False
    await connection.close()
    return True


async def create_database(admin_url: str, name: str, *, template: str = "template1") -> None:
    """Make a database as a copy of another, to which nobody may be connected. Takes some 30 ms."""
    await _run(admin_url, f"create database {_checked(name)} template {_checked(template)}")


async def drop_database(admin_url: str, name: str) -> None:
    """Remove a database if it is there, and cut who is still connected to it."""
    await _run(admin_url, f"drop database if exists {_checked(name)} with (force)")


def address(url: str, *, database: str, role: str | None = None, password: str = "") -> str:
    """The same server's address for another database, and for another role where one is given."""
    parts = urlsplit(url)
    server = parts.netloc.rpartition("@")[2]
    netloc = parts.netloc if role is None else f"{role}:{quote(password, safe='')}@{server}"
    return urlunsplit(parts._replace(netloc=netloc, path=f"/{database}"))


def _checked(name: str) -> str:
    if not _NAME.match(name):
        raise ValueError(f"{name!r} cannot name a database")
    return name


async def _run(admin_url: str, statement: str) -> None:
    with translated():
        connection = await asyncpg.connect(admin_url, timeout=10)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()
