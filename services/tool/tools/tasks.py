"""The user's tasks: listed, written down, changed, done, deleted. They are in our own database, for every user."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from contracts.tasks import NewTask, TaskChange, TaskView
from contracts.tool import Effect
from services.tool import times
from services.tool.arguments import Arguments, Prose, TimeText, Title, bounded
from services.tool.context import Context
from services.tool.errors import InvalidArguments, TaskNotFound, TimeNotUnderstood
from services.tool.registry import Tool
from services.tool.tasks import Due
from services.tool.tools.names import Names, named
from services.tool.windows import rfc3339

TaskId = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^tk_[0-9a-f]{32}$")]
_ID = "The id of a task that tasks_list found"
_NEVER = frozenset({"never", "none"})


class TasksList(Arguments):
    """Which tasks."""

    status: Literal["open", "done", "all"] = Field(default="open", description="open, done or all")
    due_by: TimeText | None = Field(
        default=None, description="Only what is due by the end of this day: today, tomorrow or a date like 2026-11-24"
    )
    limit: int = bounded(50, 1, 200, "At most so many tasks")


class TasksCreate(Arguments):
    """The task."""

    title: Title = Field(description="What is to be done, in a few words")
    notes: Prose | None = Field(default=None, description="What else there is to say about it")
    due: TimeText | None = Field(
        default=None, description="By when: a day such as tomorrow or 2026-11-24, or a time like 2026-11-24T14:00"
    )


class TasksChange(Arguments):
    """What is to be otherwise; what is not given stays."""

    task_id: TaskId = Field(description=_ID)
    title: Title | None = Field(default=None, description="What is to be done, if it is to be called otherwise")
    notes: Prose | None = Field(default=None, description="What takes the place of its notes")
    due: TimeText | None = Field(
        default=None, description="By when instead: a day, a time like 2026-11-24T14:00, or never"
    )


class TasksDelete(Arguments):
    """Which task."""

    task_id: TaskId = Field(description=_ID)


class TasksComplete(Arguments):
    """Which task."""

    task_id: TaskId = Field(description=_ID)


class TasksReopen(Arguments):
    """Which task."""

    task_id: TaskId = Field(description=_ID)


class ShownTask(BaseModel):
    """A task; `due` is a day, or an RFC 3339 time in the user's timezone."""

    task_id: str
    title: str
    notes: str
    status: str
    due: str | None


class DeletedTask(BaseModel):
    """The task that is no more."""

    task_id: str
    deleted: bool = True


class ShownTasks(BaseModel):
    """Open ones by when they are due, then done ones."""

    tasks: list[ShownTask]
    more: bool


async def tasks_list(arguments: TasksList, context: Context) -> ShownTasks:
    """What the user means to do, and has done."""
    due = Due(_day(arguments.due_by, "due_by", context), context.tz) if arguments.due_by else None
    found = await context.tasks.listed(arguments.status, due, arguments.limit)
    return ShownTasks(tasks=[_shown(task, context) for task in found.tasks], more=found.more)


async def tasks_create(arguments: TasksCreate, context: Context) -> ShownTask:
    """Write it down; once per execution id."""
    on, at = _due(arguments.due, context)
    task = NewTask(title=arguments.title, notes=arguments.notes or "", due_on=on, due_at=at)
    return _shown(await context.tasks.create(_task_id(context), task, context.begun_at), context)


async def find_created_task(arguments: TasksCreate, context: Context) -> ShownTask | None:
    """What `tasks_create` achieved earlier under this execution id."""
    found = await context.tasks.find(_task_id(context))
    return _shown(found, context) if found else None


async def tasks_change(arguments: TasksChange, context: Context) -> ShownTask:
    """Other words, or another time."""
    given: dict[str, Any] = arguments.model_dump(include={"title", "notes"}, exclude_none=True)
    if arguments.due is not None:
        due = None if arguments.due.lower() in _NEVER else arguments.due
        given["due_on"], given["due_at"] = _due(due, context)
    if not given:
        raise InvalidArguments("tasks_change: give title, notes or due: what is to be otherwise.")
    changed = await context.tasks.change(arguments.task_id, TaskChange(**given), context.effect_id)
    return _shown(changed, context)


async def find_changed_task(arguments: TasksChange, context: Context) -> ShownTask | None:
    """What `tasks_change` achieved earlier under this execution id."""
    found = await context.tasks.find_changed(arguments.task_id, "changed", context.effect_id)
    return _shown(found, context) if found else None


async def tasks_delete(arguments: TasksDelete, context: Context) -> DeletedTask:
    """It is gone for good."""
    await context.tasks.delete(arguments.task_id)
    return DeletedTask(task_id=arguments.task_id)


async def find_deleted(arguments: TasksDelete, context: Context) -> DeletedTask | None:
    """That it is gone; by whom makes no difference."""
    there = await context.tasks.find(arguments.task_id)
    return None if there else DeletedTask(task_id=arguments.task_id)


async def tasks_complete(arguments: TasksComplete, context: Context) -> ShownTask:
    """It is done."""
    return _shown(await context.tasks.complete(arguments.task_id, context.begun_at, context.effect_id), context)


async def find_completed(arguments: TasksComplete, context: Context) -> ShownTask | None:
    """What `tasks_complete` achieved earlier under this execution id."""
    found = await context.tasks.find_changed(arguments.task_id, "done", context.effect_id)
    return _shown(found, context) if found else None


async def tasks_reopen(arguments: TasksReopen, context: Context) -> ShownTask:
    """It is to be done after all."""
    return _shown(await context.tasks.reopen(arguments.task_id, context.effect_id), context)


async def find_reopened(arguments: TasksReopen, context: Context) -> ShownTask | None:
    """What `tasks_reopen` achieved earlier under this execution id."""
    found = await context.tasks.find_changed(arguments.task_id, "open", context.effect_id)
    return _shown(found, context) if found else None


async def shown_task(arguments: TasksChange | TasksDelete | TasksComplete | TasksReopen, context: Context) -> Names:
    """Which task it is. Raises TaskNotFound."""
    found = await context.tasks.find(arguments.task_id)
    if found is None:
        raise TaskNotFound("There is no such task.")
    return (named("Task", found.title),)


def _task_id(context: Context) -> str:
    """Of the task that this execution creates: the same number, as another kind of thing."""
    return f"tk_{context.effect_id.partition('_')[2]}"


def _due(text: str | None, context: Context) -> tuple[date | None, datetime | None]:
    """A day or a moment. Raises TimeNotUnderstood for what is neither."""
    if text is None:
        return None, None
    try:
        # First: "tomorrow at 2pm" names a day too.
        return None, times.moment(text, context.tz, context.now, what="due").at
    except TimeNotUnderstood:
        return _day(text, "due", context), None


def _day(text: str, what: str, context: Context) -> date:
    on = times.day(text, context.tz, context.now, what=what)
    if not times.EARLIEST_YEAR <= on.year <= times.LATEST_YEAR:
        raise TimeNotUnderstood(f"{what} is too far away.")
    return on


def _shown(task: TaskView, context: Context) -> ShownTask:
    due = task.due_on or task.due_at
    return ShownTask(
        task_id=task.task_id,
        title=task.title,
        notes=task.notes,
        status=task.status,
        due=rfc3339(due, context.tz) if due else None,
    )


TASK_TOOLS = (
    Tool(
        name="tasks_list",
        description="List the user's tasks: what is to be done, by when, and what has been done.",
        effect=Effect.READ,
        arguments=TasksList,
        run=tasks_list,
        needs=frozenset(),
        # A title may have come out of a mail, once the user agreed to writing it down; that makes it no instruction.
        returns_untrusted_text=True,
    ),
    Tool(
        name="tasks_create",
        description="Write down a task for the user.",
        effect=Effect.WRITE,
        arguments=TasksCreate,
        run=tasks_create,
        look_up=find_created_task,
        needs=frozenset(),
        returns_untrusted_text=False,
    ),
    Tool(
        name="tasks_change",
        description="Change what a task of the user is called, what its notes say, or when it is due.",
        effect=Effect.WRITE,
        arguments=TasksChange,
        run=tasks_change,
        look_up=find_changed_task,
        shown=shown_task,
        needs=frozenset(),
        returns_untrusted_text=True,
    ),
    Tool(
        name="tasks_delete",
        description="Delete a task of the user for good. What is done is not deleted, but completed.",
        effect=Effect.WRITE,
        arguments=TasksDelete,
        run=tasks_delete,
        look_up=find_deleted,
        shown=shown_task,
        needs=frozenset(),
        returns_untrusted_text=False,
    ),
    Tool(
        name="tasks_complete",
        description="Mark a task of the user as done.",
        effect=Effect.WRITE,
        arguments=TasksComplete,
        run=tasks_complete,
        look_up=find_completed,
        shown=shown_task,
        needs=frozenset(),
        returns_untrusted_text=True,
    ),
    Tool(
        name="tasks_reopen",
        description="Open a task of the user again that was marked as done.",
        effect=Effect.WRITE,
        arguments=TasksReopen,
        run=tasks_reopen,
        look_up=find_reopened,
        shown=shown_task,
        needs=frozenset(),
        returns_untrusted_text=True,
    ),
)
