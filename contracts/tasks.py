"""Tasks: what the user means to do. Tool keeps them; nobody else has a copy."""

from datetime import UTC, date, datetime
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict

from contracts.envelope import Query, Reply, Service

_TASK = "tk_0193b0f1a8c07d3e9f00112233445566"


class NewTask(BaseModel):
    """What is to be done, and when: at most one of the two."""

    model_config = ConfigDict(frozen=True)

    title: str
    notes: str = ""
    due_on: date | None = None
    due_at: datetime | None = None


class TaskChange(BaseModel):
    """What is to be otherwise. What is not given stays, so it is written without what was not set (`exclude_unset`).

    When it is due is one thing: either of the two takes the place of what there was, and None of it takes it away.
    """

    model_config = ConfigDict(frozen=True)

    title: str = ""
    notes: str = ""
    due_on: date | None = None
    due_at: datetime | None = None


class TaskView(Reply):
    """A task. Its words are the user's, or the assistant's with the user's consent."""

    task_id: str
    title: str
    notes: str = ""
    status: Literal["open", "done"]
    due_on: date | None = None
    """The day by which, on the user's calendar."""
    due_at: datetime | None = None
    """The moment by which, for what has one."""
    created_at: datetime
    completed_at: datetime | None = None


class Tasks(Reply):
    """Open ones by when they are due, then done ones, the last done first."""

    tasks: tuple[TaskView, ...]
    more: bool = False


class TaskDeleted(Reply):
    """The task that is no more."""

    task_id: str


class ListTasks(Query[Tasks]):
    """The user's tasks. `due_by` leaves out what is due later, or at no time."""

    subject: ClassVar[str] = "rpc.tool.list_tasks.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = Tasks

    status: Literal["open", "done", "all"] = "open"
    due_by: date | None = None
    timezone: str = "UTC"
    """Where the days begin and end."""
    limit: int = 100

    @classmethod
    def example(cls) -> Self:
        return cls(due_by=datetime(2026, 11, 24, tzinfo=UTC).date(), timezone="Europe/Berlin")


class CreateTask(Query[TaskView]):
    """Errors `too_many_tasks`. Asked again with the same `task_id` it is the same task."""

    subject: ClassVar[str] = "rpc.tool.create_task.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = TaskView

    task_id: str
    """Made by who asks."""
    sealed_task: str
    """`NewTask` as JSON under `libs.vault.TransitSeal`, purpose `task`."""

    @classmethod
    def example(cls) -> Self:
        return cls(task_id=_TASK, sealed_task="v1.AAAA")


class CompleteTask(Query[TaskView]):
    """It is done. Said twice it changes nothing. Error `task_not_found`."""

    subject: ClassVar[str] = "rpc.tool.complete_task.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = TaskView

    task_id: str

    @classmethod
    def example(cls) -> Self:
        return cls(task_id=_TASK)


class ReopenTask(Query[TaskView]):
    """It is to be done after all. Errors `task_not_found`, `too_many_tasks`."""

    subject: ClassVar[str] = "rpc.tool.reopen_task.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = TaskView

    task_id: str

    @classmethod
    def example(cls) -> Self:
        return cls(task_id=_TASK)


class ChangeTask(Query[TaskView]):
    """Other words, or another time. Error `task_not_found`."""

    subject: ClassVar[str] = "rpc.tool.change_task.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = TaskView

    task_id: str
    sealed_change: str
    """`TaskChange` as JSON, sealed as in `CreateTask`."""

    @classmethod
    def example(cls) -> Self:
        return cls(task_id=_TASK, sealed_change="v1.AAAA")


class DeleteTask(Query[TaskDeleted]):
    """It is gone for good. Error `task_not_found`, also when it is asked twice."""

    subject: ClassVar[str] = "rpc.tool.delete_task.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = TaskDeleted

    task_id: str

    @classmethod
    def example(cls) -> Self:
        return cls(task_id=_TASK)
