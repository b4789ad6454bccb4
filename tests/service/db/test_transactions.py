"""A transaction commits at its end or not at all, and takes an outage as an outage."""

import asyncio
import contextlib

import asyncpg
import pytest

from contracts.envelope import Scope
from contracts.ids import new_id
from libs.db import Database, DatabaseUnavailable, TransactionUndone, UniqueViolation

INSERT = "insert into inbox (consumer, event_id) values ('tests', $1)"
COUNT = "select count(*) from inbox where event_id = $1"


async def count(notes: Database, event_id: str) -> int:
    async with notes.reading(None) as tx:
        return int(await tx.fetchval(COUNT, event_id))


async def test_an_exception_undoes_everything_and_runs_no_callback(notes: Database) -> None:
    called: list[str] = []
    event_id = new_id("evt")

    with pytest.raises(KeyError):
        await _fail_late(notes, event_id, called)

    assert await count(notes, event_id) == 0
    assert called == []


async def _fail_late(notes: Database, event_id: str, called: list[str]) -> None:
    async with notes.transaction(None) as tx:
        tx.after_commit(lambda: called.append("told"))
        await tx.execute(INSERT, event_id)
        raise KeyError


async def test_callbacks_run_after_the_commit(notes: Database) -> None:
    called: list[str] = []
    event_id = new_id("evt")

    async with notes.transaction(None) as tx:
        tx.after_commit(lambda: called.append("told"))
        await tx.execute(INSERT, event_id)
        assert called == []

    assert called == ["told"]
    assert await count(notes, event_id) == 1


async def test_a_cancelled_task_leaves_a_clean_connection(notes: Database) -> None:
    event_id = new_id("evt")

    async def interrupted() -> None:
        async with notes.transaction(None) as tx:
            await tx.execute(INSERT, event_id)
            await tx.execute("select pg_sleep(20)")

    task = asyncio.create_task(interrupted())
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await count(notes, event_id) == 0


async def test_who_swallows_an_error_gets_no_commit_that_pretends(notes: Database) -> None:
    event_id = new_id("evt")

    with pytest.raises(TransactionUndone):
        await _insert_twice_and_carry_on(notes, event_id)

    assert await count(notes, event_id) == 0


async def _insert_twice_and_carry_on(notes: Database, event_id: str) -> None:
    async with notes.transaction(None) as tx:
        await tx.execute(INSERT, event_id)
        with contextlib.suppress(UniqueViolation):
            await tx.execute(INSERT, event_id)


async def test_a_savepoint_survives_an_expected_violation(notes: Database) -> None:
    event_id = new_id("evt")
    async with notes.transaction(None) as tx:
        await tx.execute(INSERT, event_id)
        with pytest.raises(UniqueViolation):
            async with tx.savepoint():
                await tx.execute(INSERT, event_id)

    assert await count(notes, event_id) == 1


async def test_a_transaction_is_of_no_use_after_its_block(notes: Database) -> None:
    async with notes.transaction(None) as tx:
        pass

    with pytest.raises(RuntimeError, match="over"):
        await tx.fetchval("select 1")


async def test_a_reading_transaction_refuses_to_write(notes: Database, scope: Scope) -> None:
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        async with notes.reading(scope) as tx:
            await tx.execute(INSERT, new_id("evt"))


async def test_json_goes_in_and_out_as_values(notes: Database) -> None:
    async with notes.reading(None) as tx:
        assert await tx.fetchval("select $1::jsonb", {"a": [1, None, "ü"]}) == {"a": [1, None, "ü"]}
        with pytest.raises(asyncpg.DataError, match="not its text"):
            await tx.fetchval("select $1::jsonb", '{"a": 1}')


async def test_when_every_connection_is_busy_the_caller_hears_it_in_time(notes: Database) -> None:
    small = Database(notes._pool, "notes", patience_s=0.3)
    async with asyncio.TaskGroup() as group:
        held = asyncio.Event()
        holders = [group.create_task(_hold(notes, held)) for _ in range(10)]
        await asyncio.sleep(0.2)
        with pytest.raises(DatabaseUnavailable):
            async with small.transaction(None):
                pass
        held.set()
    assert all(holder.done() for holder in holders)


async def _hold(database: Database, until: asyncio.Event) -> None:
    async with database.transaction(None):
        await until.wait()


async def test_a_deadlock_is_a_clash_that_may_be_repeated(notes: Database) -> None:
    ids = [new_id("evt"), new_id("evt")]
    async with notes.transaction(None) as tx:
        await tx.executemany(INSERT, [(event_id,) for event_id in ids])
    touch = "update inbox set handled_at = now() where event_id = $1"
    both = asyncio.Barrier(2)

    async def cross(first: str, second: str) -> None:
        async with notes.transaction(None) as tx:
            await tx.execute(touch, first)
            await both.wait()
            await tx.execute(touch, second)

    results = await asyncio.gather(cross(*ids), cross(*reversed(ids)), return_exceptions=True)

    assert sorted(type(result).__name__ for result in results) == ["DatabaseClash", "NoneType"]


async def test_a_reading_transaction_sees_one_moment_in_all_its_statements(notes: Database) -> None:
    first, second = new_id("evt"), new_id("evt")
    both = "select count(*) from inbox where event_id in ($1, $2)"
    async with notes.reading(None) as tx:
        assert await tx.fetchval(both, first, second) == 0
        async with notes.transaction(None) as other:
            await other.execute(INSERT, first)
            await other.execute(INSERT, second)
        assert await tx.fetchval(both, first, second) == 0

    assert await count(notes, first) == await count(notes, second) == 1
