"""What tool does when the user's tasks are asked for or changed through the API."""

from datetime import UTC, datetime

from contracts.envelope import Scope
from contracts.tasks import (
    ChangeTask,
    CompleteTask,
    CreateTask,
    DeleteTask,
    ListTasks,
    NewTask,
    ReopenTask,
    TaskChange,
    TaskDeleted,
    Tasks,
    TaskView,
)
from libs.bus import Call
from services.tool import times
from services.tool.deps import ToolDeps
from services.tool.tasks import Due, TaskList


async def list_tasks(query: ListTasks, call: Call, deps: ToolDeps) -> Tasks:
    """What is to be done."""
    due = Due(query.due_by, times.zone(query.timezone)) if query.due_by else None
    return await _of(call.require_scope(), deps).listed(query.status, due, query.limit)


async def create_task(query: CreateTask, call: Call, deps: ToolDeps) -> TaskView:
    """One more."""
    scope = call.require_scope()
    task = NewTask.model_validate_json(deps.seal.open("task", scope, query.sealed_task))
    return await _of(scope, deps).create(query.task_id, task, datetime.now(UTC))


async def change_task(query: ChangeTask, call: Call, deps: ToolDeps) -> TaskView:
    """Other words, or another time."""
    scope = call.require_scope()
    change = TaskChange.model_validate_json(deps.seal.open("task", scope, query.sealed_change))
    return await _of(scope, deps).change(query.task_id, change)


async def delete_task(query: DeleteTask, call: Call, deps: ToolDeps) -> TaskDeleted:
    """As if it had never been."""
    await _of(call.require_scope(), deps).delete(query.task_id)
    return TaskDeleted(task_id=query.task_id)


async def complete_task(query: CompleteTask, call: Call, deps: ToolDeps) -> TaskView:
    """One less."""
    return await _of(call.require_scope(), deps).complete(query.task_id, datetime.now(UTC))


async def reopen_task(query: ReopenTask, call: Call, deps: ToolDeps) -> TaskView:
    """One more after all."""
    return await _of(call.require_scope(), deps).reopen(query.task_id)


def _of(scope: Scope, deps: ToolDeps) -> TaskList:
    return TaskList(deps.db, deps.vault, scope)
