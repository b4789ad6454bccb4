"""The pool of one service and its transactions.

A transaction costs two round trips of its own: `BEGIN` together with the scope, and `COMMIT`. asyncpg's pool
would add a third (`RESET ALL` at release); nothing here leaves session state behind, so it is switched off.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self

import asyncpg
import msgspec
from opentelemetry.trace import SpanKind

from contracts.envelope import Scope
from libs.db.errors import AWAY, DatabaseUnavailable, TransactionUndone, is_lost, translated
from libs.db.transaction import Row, Transaction
from libs.telemetry import get_logger, tracer

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    _AsyncpgConnection = asyncpg.Connection[Any]
else:
    _AsyncpgConnection = asyncpg.Connection

log = get_logger("libs.db")

RETRY_EVERY_S = 0.1
COMMAND_TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 3.0


class Database:
    """The pool behind one service. It outlives PostgreSQL: after an outage the next transaction reconnects."""

    def __init__(self, pool: "asyncpg.Pool[Row]", schema: str, patience_s: float) -> None:
        self._pool = pool
        self._patience_s = patience_s
        self.schema = schema

    @classmethod
    async def connect(
        cls,
        url: str,
        schema: str,
        max_connections: int = 10,
        *,
        patience_s: float = 12.0,
        wait_s: float | None = None,
    ) -> Self:
        """Open the pool, waiting while PostgreSQL is away: for ever, or `wait_s`, then DatabaseUnavailable.

        `url` is a libpq address; a unix socket is `postgresql://role:password@/name?host=/directory`.
        `patience_s` is how long a transaction waits for a connection before it raises DatabaseUnavailable.
        """
        pool = asyncpg.create_pool(
            url,
            min_size=0,  # connections come with demand, so that a service starts while PostgreSQL is away
            max_size=max_connections,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=COMMAND_TIMEOUT_S,
            connection_class=_Connection,
            init=_speak_json,
            server_settings={"search_path": str(schema), "application_name": f"adjutant {schema}", "jit": "off"},
        )
        database = cls(pool, schema, patience_s)
        await pool
        try:
            await database._wait(wait_s)
        except BaseException:
            pool.terminate()
            raise
        return database

    @asynccontextmanager
    async def transaction(self, scope: Scope | None) -> AsyncIterator[Transaction]:
        """A read-write transaction, committed at the end of the block and rolled back on any exception.

        Under a scope, row security shows that user's rows alone; with None it shows none of anybody's.
        """
        async with self._open(scope, read_only=False) as tx:
            yield tx

    @asynccontextmanager
    async def reading(self, scope: Scope | None) -> AsyncIterator[Transaction]:
        """A read-only transaction that sees one moment, however many statements it makes: a row and the key that opens
        it are both there or neither is. PostgreSQL refuses any write in it."""
        async with self._open(scope, read_only=True) as tx:
            yield tx

    async def call(self, sql: str, *arguments: Any) -> list[Row]:
        """One statement that is a transaction of its own: a function that does everything in one round trip. It sees
        no user's rows unless it sets a scope itself. Raises DatabaseUnavailable: then it may or may not have run."""
        attributes = {"db.system.name": "postgresql"}
        with tracer.span(f"db {self.schema}.call", kind=SpanKind.CLIENT, attributes=attributes), translated():
            async with asyncio.timeout(COMMAND_TIMEOUT_S), self._pool.acquire() as connection:
                rows: list[Row] = await connection.fetch(sql, *arguments)
        return rows

    async def ping(self, timeout_s: float = 1.0) -> None:
        """Ask whether PostgreSQL answers, without patience. Raises DatabaseUnavailable."""
        with translated():
            async with asyncio.timeout(timeout_s), self._pool.acquire() as connection:
                await connection.execute("select 1")

    async def close(self, timeout_s: float = 5.0) -> None:
        """Wait for open transactions, then close; what is still open after the timeout is cut."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    @asynccontextmanager
    async def _open(self, scope: Scope | None, *, read_only: bool) -> AsyncIterator[Transaction]:
        # One span, and no statement or value in it.
        attributes = {"db.system.name": "postgresql"}
        with tracer.span(f"db {self.schema}.transaction", kind=SpanKind.CLIENT, attributes=attributes):
            connection = await self._begin(_opening(scope, read_only=read_only))
            tx = Transaction(connection, self.schema, scope, read_only=read_only)
            try:
                yield tx
                await _commit(connection)
            except BaseException:
                await _roll_back(connection)
                raise
            finally:
                tx.end()
                await self._release(connection)
            tx.committed()

    async def _begin(self, opening: str) -> "PoolConnectionProxy[Row]":
        """Acquire and begin. Nothing has happened before the first BEGIN succeeds, so it is safe to try again."""
        deadline = time.monotonic() + self._patience_s
        while True:
            left_s = max(deadline - time.monotonic(), 0.05)
            connection = None
            try:
                async with asyncio.timeout(left_s):
                    connection = await self._pool.acquire()
                    await connection.execute(opening)
                return connection
            except BaseException as error:
                if connection is not None:
                    _cut(connection)
                    await self._release(connection)
                if not _is_weather(error):
                    raise
                if time.monotonic() + RETRY_EVERY_S >= deadline:
                    detail = f"The database did not answer for {self._patience_s:g} s."
                    raise DatabaseUnavailable(detail, retry_after_s=5) from error
            await asyncio.sleep(RETRY_EVERY_S)

    async def _release(self, connection: "PoolConnectionProxy[Row]") -> None:
        try:
            await self._pool.release(connection, timeout=COMMAND_TIMEOUT_S)
        except (*AWAY, asyncpg.InterfaceError) as error:
            # The connection died on its way back; the pool replaces it at the next acquire.
            log.debug("database_connection_dropped", schema=self.schema, error=type(error).__name__)

    async def _wait(self, wait_s: float | None) -> None:
        """Until the first answer; says every five seconds that it still waits."""
        started = time.monotonic()
        told = 0.0
        while True:
            try:
                return await self.ping(timeout_s=CONNECT_TIMEOUT_S)
            except DatabaseUnavailable as error:
                waited = time.monotonic() - started
                if wait_s is not None and waited >= wait_s:
                    raise
                if waited >= told:
                    log.warning("waiting_for_database", schema=self.schema, waited_s=round(waited), why=error.detail)
                    told = waited + 5
                await asyncio.sleep(RETRY_EVERY_S)


class _Connection(_AsyncpgConnection):
    """A connection that needs no reset: settings are all `SET LOCAL`, and nobody listens or locks by session."""

    __slots__ = ()

    def get_reset_query(self) -> str:
        return ""


def _opening(scope: Scope | None, *, read_only: bool) -> str:
    begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if read_only else "BEGIN"
    if scope is None:
        return begin
    # Literals are safe: a Scope holds well-formed ids only (letters, digits, one underscore).
    return (
        f"{begin};SET LOCAL adjutant.organization_id='{scope.organization_id}';"
        f"SET LOCAL adjutant.user_id='{scope.user_id}'"
    )


async def _commit(connection: "PoolConnectionProxy[Row]") -> None:
    with translated(connection):
        outcome = await connection.execute("COMMIT")
    if outcome != "COMMIT":
        raise TransactionUndone("A change could not be stored.")


async def _roll_back(connection: "PoolConnectionProxy[Row]") -> None:
    """Undo, or cut the connection: either way the server forgets the transaction."""
    if is_lost(connection) or not connection.is_in_transaction():
        return
    try:
        await connection.execute("ROLLBACK", timeout=3)
    except (*AWAY, asyncpg.InterfaceError):
        _cut(connection)
    except asyncio.CancelledError:
        _cut(connection)
        raise


def _cut(connection: "PoolConnectionProxy[Row]") -> None:
    if not is_lost(connection):
        connection.terminate()


def _is_weather(error: BaseException) -> bool:
    """Whether trying again may help: PostgreSQL is away, starting, or all connections are in use."""
    if isinstance(error, asyncpg.InterfaceError):
        return "closed" in str(error) and "pool is" not in str(error)
    return isinstance(error, AWAY)


async def _speak_json(connection: "asyncpg.Connection[Any]") -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=_to_json, decoder=msgspec.json.decode, format="text"
        )


def _to_json(value: object) -> str:
    if isinstance(value, str | bytes):
        raise TypeError("a json column takes the value itself, not its text")
    return msgspec.json.encode(value).decode()
