"""One service cannot read another's schema; one user cannot touch another's rows, whatever SQL is written."""

from datetime import UTC, datetime

import asyncpg
import pytest

from contracts.envelope import Scope
from contracts.ids import new_id
from libs.db import Database, Transaction


async def write_note(tx: Transaction, owner: Scope, text: str = "a thought") -> str:
    note_id = new_id("m")
    await tx.execute(
        "insert into notes (id, created_at, organization_id, user_id, text) values ($1, $2, $3, $4, $5)",
        note_id,
        datetime.now(UTC),
        owner.organization_id,
        owner.user_id,
        text,
    )
    return note_id


async def test_a_service_cannot_read_another_services_schema(notes: Database) -> None:
    for statement in ("select * from ledger.entries", "insert into ledger.entries values (1)", "drop schema ledger"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with notes.transaction(None) as tx:
                await tx.execute(statement)


async def test_a_service_cannot_make_tables_or_switch_security_off(notes: Database) -> None:
    for statement in (
        "create table mine (id int)",
        "create table public.mine (id int)",
        "alter table notes disable row level security",
        "drop policy own_rows on notes",
        "set role postgres",
        "update alembic_version set version_num = 'x'",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with notes.transaction(None) as tx:
                await tx.execute(statement)


async def test_a_user_sees_own_rows_only_even_with_a_hand_written_query(
    notes: Database, scope: Scope, stranger: Scope
) -> None:
    async with notes.transaction(scope) as tx:
        note_id = await write_note(tx, scope, "mine")

    async with notes.transaction(scope) as tx:
        assert await tx.fetchval("select text from notes where id = $1", note_id) == "mine"
    async with notes.transaction(stranger) as tx:
        assert await tx.fetch("select * from notes") == []
        assert await tx.fetch("select * from notes where user_id = $1 or true", scope.user_id) == []


async def test_a_colleague_in_the_same_organization_sees_nothing_either(
    notes: Database, scope: Scope, stranger: Scope
) -> None:
    async with notes.transaction(scope) as tx:
        await write_note(tx, scope)

    async with notes.transaction(Scope(scope.organization_id, stranger.user_id)) as tx:
        assert await tx.fetch("select * from notes") == []


async def test_a_user_cannot_change_or_delete_anothers_rows(notes: Database, scope: Scope, stranger: Scope) -> None:
    async with notes.transaction(scope) as tx:
        note_id = await write_note(tx, scope, "mine")

    async with notes.transaction(stranger) as tx:
        assert await tx.execute("update notes set text = 'yours' where id = $1", note_id) == "UPDATE 0"
        assert await tx.execute("delete from notes where id = $1", note_id) == "DELETE 0"
    async with notes.transaction(scope) as tx:
        assert await tx.fetchval("select text from notes where id = $1", note_id) == "mine"


async def test_a_user_cannot_plant_a_row_in_anothers_name(notes: Database, scope: Scope, stranger: Scope) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with notes.transaction(stranger) as tx:
            await write_note(tx, scope)


async def test_a_user_cannot_give_a_row_away(notes: Database, scope: Scope, stranger: Scope) -> None:
    async with notes.transaction(scope) as tx:
        note_id = await write_note(tx, scope)

    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with notes.transaction(scope) as tx:
            await tx.execute("update notes set user_id = $2 where id = $1", note_id, stranger.user_id)


async def test_without_a_scope_nothing_is_seen_and_nothing_written(notes: Database, scope: Scope) -> None:
    async with notes.transaction(scope) as tx:
        await write_note(tx, scope)

    async with notes.transaction(None) as tx:
        assert await tx.fetchval("select count(*) from notes") == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with notes.transaction(None) as tx:
            await write_note(tx, scope)


async def test_a_partition_is_no_way_around_the_policy(notes: Database, scope: Scope) -> None:
    async with notes.transaction(scope) as tx:
        await write_note(tx, scope)
        partition = await tx.fetchval("select tableoid::regclass::text from notes limit 1")

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with notes.transaction(scope) as tx:
            await tx.fetch(f"select * from {partition}")  # noqa: S608 - a name the server gave


async def test_the_scope_does_not_leak_into_the_next_transaction(notes: Database, scope: Scope) -> None:
    async with notes.transaction(scope) as tx:
        await write_note(tx, scope)
        first = await tx.fetchval("select pg_backend_pid()")
    async with notes.transaction(None) as tx:
        assert await tx.fetchval("select pg_backend_pid()") == first, "the pool gives out the same connection"
        assert await tx.fetchval("select current_setting('adjutant.user_id', true)") in (None, "")
        assert await tx.fetchval("select count(*) from notes") == 0


async def test_who_presents_the_secret_sees_its_row_and_no_other(
    notes: Database, scope: Scope, stranger: Scope
) -> None:
    for owner, secret in ((scope, f"h-{scope.user_id}"), (stranger, f"h-{stranger.user_id}")):
        async with notes.transaction(owner) as tx:
            await tx.execute(
                "insert into keys values ($1, $2, $3, $4)", new_id("k"), owner.organization_id, owner.user_id, secret
            )

    async with notes.transaction(None) as tx:
        assert await tx.fetch("select * from keys") == []
        await tx.present("presented_hash", f"h-{scope.user_id}")
        assert [row["user_id"] for row in await tx.fetch("select user_id from keys")] == [scope.user_id]
        assert await tx.execute("delete from keys") == "DELETE 0"
    async with notes.transaction(None) as tx:
        assert await tx.fetch("select * from keys") == []


async def test_presenting_cannot_forge_a_scope(notes: Database, scope: Scope) -> None:
    async with notes.transaction(None) as tx:
        with pytest.raises(ValueError, match="user_id"):
            await tx.present("user_id", scope.user_id)
