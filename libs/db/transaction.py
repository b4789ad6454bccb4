"""A transaction as its user sees it: five ways to run SQL, the scope, and what happens after the commit."""

import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from contracts.envelope import Scope
from libs.db.errors import translated
from libs.resilience.errors import Unauthenticated

if TYPE_CHECKING:
    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

    Row: TypeAlias = asyncpg.Record
else:
    from asyncpg import Record as Row

_SETTING = re.compile(r"^[a-z][a-z_]{2,40}$")
_RESERVED = {"organization_id", "user_id"}


class Transaction:
    """One open transaction. Unqualified table names mean the service's own schema.

    `json` and `jsonb` take and give Python values, timestamps are aware UTC datetimes.
    """

    __slots__ = ("_after_commit", "_connection", "_over", "read_only", "schema", "scope")

    def __init__(
        self, connection: "PoolConnectionProxy[Row]", schema: str, scope: Scope | None, *, read_only: bool = False
    ) -> None:
        self._connection = connection
        self._over = False
        self._after_commit: list[Callable[[], object]] = []
        self.schema = schema
        self.scope = scope
        self.read_only = read_only

    def require_scope(self) -> Scope:
        """The scope, where a transaction without one is refused."""
        if self.scope is None:
            raise Unauthenticated("This needs to know whose data it touches.")
        return self.scope

    async def execute(self, sql: str, *args: object) -> str:
        """Run a statement; returns the command tag, for example `UPDATE 1`."""
        with self._sql() as connection:
            return await connection.execute(sql, *args)

    async def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run a statement once per row in one pipelined batch."""
        with self._sql() as connection:
            await connection.executemany(sql, rows)

    async def fetch(self, sql: str, *args: object) -> list[Row]:
        """All rows."""
        with self._sql() as connection:
            return await connection.fetch(sql, *args)

    async def fetchrow(self, sql: str, *args: object) -> Row | None:
        """The first row, or None."""
        with self._sql() as connection:
            return await connection.fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: object) -> Any:
        """The first column of the first row, or None."""
        with self._sql() as connection:
            return await connection.fetchval(sql, *args)

    async def present(self, name: str, value: str) -> None:
        """Show a secret for the rest of this transaction, so that a row policy may compare it (`libs.db.security`)."""
        if not _SETTING.match(name) or name in _RESERVED:
            raise ValueError(f"{name!r} is not a setting one may present")
        await self.execute("select set_config('adjutant.' || $1, $2, true)", name, value)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Survive an expected violation: what happened inside is undone, the transaction goes on."""
        await self.execute("savepoint inner_step")
        try:
            yield
        except Exception:
            await self.execute("rollback to savepoint inner_step")
            raise
        else:
            await self.execute("release savepoint inner_step")

    def after_commit(self, callback: Callable[[], object]) -> None:
        """Call this once the commit is certain; it must neither block nor raise."""
        self._after_commit.append(callback)

    def committed(self) -> None:
        """Run the callbacks; `libs.db.database` calls it."""
        for callback in self._after_commit:
            callback()

    def end(self) -> None:
        """Refuse everything from now on; `libs.db.database` calls it when the block is left."""
        self._over = True

    @contextmanager
    def _sql(self) -> "Iterator[PoolConnectionProxy[Row]]":
        if self._over:
            raise RuntimeError("this transaction is over: its block was left")
        with translated(self._connection):
            yield self._connection
