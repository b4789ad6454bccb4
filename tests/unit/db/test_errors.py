"""What asyncpg raises when PostgreSQL dies under it is weather, and a mistake of ours is not."""

import asyncpg
import pytest

from libs.db import DatabaseUnavailable
from libs.db.errors import DatabaseClash, translated


@pytest.mark.parametrize(
    "raised",
    [
        # Seen in a chaos run at a COMMIT while PostgreSQL was killed.
        asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.AdminShutdownError("terminating connection"),
        ConnectionResetError(),
        TimeoutError(),
    ],
)
def test_a_dying_server_is_an_outage(raised: Exception) -> None:
    with pytest.raises(DatabaseUnavailable), translated():
        raise raised


def test_a_deadlock_is_a_clash() -> None:
    with pytest.raises(DatabaseClash), translated():
        raise asyncpg.DeadlockDetectedError("")


def test_a_mistake_of_ours_stays_what_it_is() -> None:
    with pytest.raises(asyncpg.UndefinedTableError), translated():
        raise asyncpg.UndefinedTableError("")
