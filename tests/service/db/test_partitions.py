"""Months appear by themselves, old ones go, and rows that came too early are found again."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from contracts.envelope import Scope
from contracts.ids import new_id
from libs.db import Database
from libs.db.partitions import ensure_partitions, retain

INSERT = "insert into notes (id, created_at, organization_id, user_id, text) values ($1, $2, $3, $4, $5)"
WHERE = "select tableoid::regclass::text from notes where id = $1"


async def write_at(notes: Database, scope: Scope, moment: datetime) -> str:
    note_id = new_id("m")
    async with notes.transaction(scope) as tx:
        await tx.execute(INSERT, note_id, moment, scope.organization_id, scope.user_id, "then")
    return note_id


async def place_of(notes: Database, scope: Scope, note_id: str) -> str | None:
    async with notes.reading(scope) as tx:
        found: str | None = await tx.fetchval(WHERE, note_id)
        return found


async def test_this_month_and_the_next_two_are_there_after_migration(
    notes: Database, owner: asyncpg.Connection
) -> None:
    names = await owner.fetch(
        "select relname from pg_class where relispartition and relname ~ '^notes_y' and relkind = 'r'"
    )
    this_month = datetime.now(UTC).strftime("notes_y%Ym%m")

    assert len(names) == 3
    assert this_month in {row["relname"] for row in names}


async def test_a_row_beyond_the_made_months_is_kept_and_moved_when_its_month_is_made(
    notes: Database, owner: asyncpg.Connection, scope: Scope
) -> None:
    moment = datetime.now(UTC) + timedelta(days=150)
    note_id = await write_at(notes, scope, moment)
    assert await place_of(notes, scope, note_id) == "notes_default"

    assert await ensure_partitions(notes, 6) == 4
    assert await ensure_partitions(notes, 6) == 0

    assert await place_of(notes, scope, note_id) == moment.strftime("notes_y%Ym%m")


async def test_retention_forgets_old_rows_of_everybody_and_keeps_the_rest(
    notes: Database, owner: asyncpg.Connection, scope: Scope, stranger: Scope
) -> None:
    now = datetime.now(UTC)
    kept = await write_at(notes, scope, now)
    early = [await write_at(notes, who, now - timedelta(days=400)) for who in (scope, stranger)]

    assert await retain(notes, "notes", timedelta(days=30)) == 2

    assert await place_of(notes, scope, kept) is not None
    assert [await place_of(notes, scope, early[0]), await place_of(notes, stranger, early[1])] == [None, None]


async def test_a_month_that_is_over_is_dropped_whole(notes: Database, owner: asyncpg.Connection, scope: Scope) -> None:
    await owner.execute(
        "create table notes_y2020m01 partition of notes"
        " for values from ('2020-01-01 00:00+00') to ('2020-02-01 00:00+00')"
    )
    await write_at(notes, scope, datetime(2020, 1, 15, tzinfo=UTC))

    await retain(notes, "notes", timedelta(days=30))

    assert await owner.fetchval("select to_regclass('notes.notes_y2020m01')") is None


async def test_a_retention_that_looks_like_a_mistake_is_refused(notes: Database) -> None:
    with pytest.raises(asyncpg.RaiseError, match="mistake"):
        await retain(notes, "notes", timedelta(0))
