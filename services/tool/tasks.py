"""Tasks: written down, listed, changed, completed, opened again, deleted. SQL stands beside the function that runs it.

Each change may carry the execution that makes it, so that it can be told later whether that execution did.
"""

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from contracts.envelope import Scope
from contracts.tasks import NewTask, TaskChange, Tasks, TaskView
from libs.db import Database, Row, Transaction
from libs.vault import UserKey, Vault
from services.tool import times
from services.tool.errors import TaskNotFound, TooManyTasks

MOST_OPEN = 1_000
MOST_LISTED = 200
PURPOSE = "task"

Status = Literal["open", "done", "all"]
Became = Literal["open", "done", "changed"]


@dataclass(frozen=True, slots=True)
class Due:
    """Only tasks that are due by the end of this day in this zone."""

    by: date
    tz: ZoneInfo


@dataclass(frozen=True, slots=True)
class TaskList:
    """One user's tasks."""

    db: Database
    vault: Vault
    scope: Scope

    async def listed(self, status: Status, due: Due | None, limit: int) -> Tasks:
        """Open ones by when they are due, then done ones, the last done first; at most MOST_LISTED."""
        limit = max(1, min(limit, MOST_LISTED))
        end = times.day_bounds(due.by, due.tz)[1] if due else None
        async with self.db.reading(self.scope) as tx:
            key = await self.vault.user_key(tx)
            rows = await tx.fetch(_LISTED, status, due.by if due else None, end, limit + 1)
        return Tasks(tasks=tuple(_view(row, key) for row in rows[:limit]), more=len(rows) > limit)

    async def create(self, task_id: str, task: NewTask, now: datetime) -> TaskView:
        """Write it down, once per id. Raises TooManyTasks."""
        async with self.db.transaction(self.scope) as tx:
            key = await self.vault.user_key(tx)
            if (there := await _found(tx, key, task_id)) is not None:
                return there
            await _require_room(tx)
            sealed = _sealed(key, task_id, task.title, task.notes)
            await tx.execute(_INSERT, task_id, sealed, task.due_on, task.due_at, now)
            return await _require(tx, key, task_id)

    async def change(self, task_id: str, change: TaskChange, execution_id: str | None = None) -> TaskView:
        """Other words, or another time; what was not set stays. Raises TaskNotFound."""
        async with self.db.transaction(self.scope) as tx:
            key = await self.vault.user_key(tx)
            await tx.execute(_LOCK, task_id)
            # What was not set is not in it, and of two ways to be due there is at most one.
            given = change.model_dump(exclude_unset=True)
            if {"due_on", "due_at"} & given.keys():
                given = {"due_on": None, "due_at": None} | given
            wanted = (await _require(tx, key, task_id)).model_copy(update=given)
            sealed = _sealed(key, task_id, wanted.title, wanted.notes)
            await tx.execute(_CHANGE, task_id, sealed, wanted.due_on, wanted.due_at, execution_id)
            return await _require(tx, key, task_id)

    async def delete(self, task_id: str) -> None:
        """It is gone for good. Raises TaskNotFound."""
        async with self.db.transaction(self.scope) as tx:
            if await tx.fetchval(_DELETE, task_id) is None:
                raise _no_such()

    async def complete(self, task_id: str, now: datetime, execution_id: str | None = None) -> TaskView:
        """It is done; said twice it stays as it was done first. Raises TaskNotFound."""
        async with self.db.transaction(self.scope) as tx:
            await tx.execute(_COMPLETE, task_id, now, execution_id)
            return await _require(tx, await self.vault.user_key(tx), task_id)

    async def reopen(self, task_id: str, execution_id: str | None = None) -> TaskView:
        """It is to be done after all. Raises TaskNotFound, TooManyTasks."""
        async with self.db.transaction(self.scope) as tx:
            key = await self.vault.user_key(tx)
            if (await _require(tx, key, task_id)).status == "done":
                await _require_room(tx)
            await tx.execute(_REOPEN, task_id, execution_id)
            return await _require(tx, key, task_id)

    async def find(self, task_id: str) -> TaskView | None:
        """The task, if there is one."""
        async with self.db.reading(self.scope) as tx:
            return await _found(tx, await self.vault.user_key(tx), task_id)

    async def find_changed(self, task_id: str, into: Became, execution_id: str) -> TaskView | None:
        """The task, if this execution completed, reopened or changed it, whatever became of it since."""
        column = {"done": "completed_by", "open": "reopened_by", "changed": "changed_by"}[into]
        async with self.db.reading(self.scope) as tx:
            row = await tx.fetchrow(f"{_SELECT} where task_id = $1 and {column} = $2", task_id, execution_id)
            return _view(row, await self.vault.user_key(tx)) if row else None


_SELECT = "select task_id, content, status, due_on, due_at, created_at, completed_at from tasks"
_LISTED = f"""
{_SELECT}
where ($1 = 'all' or status = $1) and ($2::date is null or due_on <= $2 or due_at < $3)
order by status desc, completed_at desc nulls first,
         coalesce(due_at, (due_on + 1)::timestamp at time zone 'UTC') nulls last, created_at, task_id
limit $4
"""
_INSERT = """
insert into tasks (task_id, content, status, due_on, due_at, created_at) values ($1, $2, 'open', $3, $4, $5)
on conflict (organization_id, user_id, task_id) do nothing
"""
_LOCK = "select from tasks where task_id = $1 for update"
_CHANGE = """
update tasks set content = $2, due_on = $3, due_at = $4, changed_by = coalesce($5, changed_by) where task_id = $1
"""
_DELETE = "delete from tasks where task_id = $1 returning task_id"
_COMPLETE = """
update tasks set status = 'done', completed_at = $2, completed_by = coalesce($3, completed_by)
where task_id = $1 and status = 'open'
"""
_REOPEN = """
update tasks set status = 'open', completed_at = null, reopened_by = coalesce($2, reopened_by)
where task_id = $1 and status = 'done'
"""


async def _require_room(tx: Transaction) -> None:
    if await tx.fetchval("select count(*) from tasks where status = 'open'") >= MOST_OPEN:
        raise TooManyTasks(f"There may be {MOST_OPEN} open tasks at a time.")


async def _require(tx: Transaction, key: UserKey, task_id: str) -> TaskView:
    found = await _found(tx, key, task_id)
    if found is None:
        raise _no_such()
    return found


def _no_such() -> TaskNotFound:
    return TaskNotFound("There is no such task.")


async def _found(tx: Transaction, key: UserKey, task_id: str) -> TaskView | None:
    row = await tx.fetchrow(f"{_SELECT} where task_id = $1", task_id)
    return _view(row, key) if row else None


def _sealed(key: UserKey, task_id: str, title: str, notes: str) -> bytes:
    content = json.dumps({"title": title, "notes": notes}, separators=(",", ":"))
    return key.seal(PURPOSE, task_id, content.encode())


def _view(row: Row, key: UserKey) -> TaskView:
    content = json.loads(key.open(PURPOSE, row["task_id"], row["content"]))
    kept = ("task_id", "status", "due_on", "due_at", "created_at", "completed_at")
    return TaskView(title=content["title"], notes=content["notes"], **{name: row[name] for name in kept})
