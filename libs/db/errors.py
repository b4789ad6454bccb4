"""What the database can do to its caller, and the one place where asyncpg's errors become ours.

    Unavailable
    ├── DatabaseUnavailable   it is away, starting, full, or did not answer in time
    └── DatabaseClash         a deadlock or a serialization failure: the same transaction may succeed now
    Internal
    └── TransactionUndone     a statement had failed, its error was swallowed, and nothing could be committed

Constraint violations stay asyncpg's (`libs.db.UniqueViolation` and its siblings): the function that wrote the
SQL knows what they mean. Everything else (a typing mistake in SQL, a denied permission) is a defect and stays too.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from asyncpg import exceptions as pg

from libs.resilience.errors import Internal, Unavailable


class DatabaseUnavailable(Unavailable):
    """PostgreSQL cannot be reached or did not answer.

    Raised at the commit, it leaves open whether the transaction happened: only an idempotent caller may repeat it.
    """

    slug = "database_unavailable"
    advice = "Try again in a moment; nothing that was accepted is lost."


class DatabaseClash(Unavailable):
    """Two transactions could not both go on; this one was rolled back."""

    slug = "database_clash"
    advice = "Repeat the transaction."


class TransactionUndone(Internal):
    """PostgreSQL rolled back where a commit was asked for. Put what may fail into `tx.savepoint()`."""

    slug = "transaction_undone"


AWAY = (
    pg.PostgresConnectionError,  # class 08: the connection broke
    pg.OperatorInterventionError,  # class 57: shutdown, crash, starting up, statement timeout
    pg.InsufficientResourcesError,  # class 53: disk full, out of memory, too many connections
    pg.LockNotAvailableError,
    asyncpg.InternalClientError,  # a server that died in the middle of an answer leaves asyncpg's protocol confused
    OSError,  # refused, reset, no such socket
    TimeoutError,
)
_CLASH = (pg.DeadlockDetectedError, pg.SerializationError)


def is_lost(connection: "asyncpg.Connection | asyncpg.pool.PoolConnectionProxy") -> bool:
    """Whether the connection is gone; asyncpg's pool takes a broken one from its user's hands at once."""
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        return True


@contextmanager
def translated(connection: "asyncpg.Connection | asyncpg.pool.PoolConnectionProxy | None" = None) -> Iterator[None]:
    """Turn outages and clashes into `DatabaseUnavailable` and `DatabaseClash`, keeping the cause chained."""
    try:
        yield
    except _CLASH as error:
        raise DatabaseClash("Two changes met; this one was undone.") from error
    except AWAY as error:
        raise DatabaseUnavailable(f"The database does not answer ({type(error).__name__}).") from error
    except asyncpg.InterfaceError as error:
        # asyncpg uses one class for "you called me wrongly" and "the connection is gone"; only the latter is weather.
        if connection is not None and is_lost(connection):
            raise DatabaseUnavailable("The connection to the database was lost.") from error
        raise
