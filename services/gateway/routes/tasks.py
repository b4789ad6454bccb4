"""What the user means to do."""

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from contracts.ids import new_id
from contracts.tasks import (
    ChangeTask,
    CompleteTask,
    CreateTask,
    DeleteTask,
    ListTasks,
    NewTask,
    ReopenTask,
    TaskChange,
    Tasks,
    TaskView,
)
from services.gateway.errors import IdempotencyKeyReused
from services.gateway.guards import GatewayHere, Manager, Reader
from services.gateway.idempotency import IdempotencyKey, derived_id
from services.gateway.strict_json import StrictRoute
from services.gateway.wire import AUTHENTICATED, WITH_BODY, ShortLine, StrictBody, Timezone, problems

router = APIRouter(prefix="/api/tasks", tags=["tasks"], route_class=StrictRoute)

FIRST, LAST = date(1970, 1, 1), date(2199, 12, 31)
Day = Annotated[date, Field(strict=False, ge=FIRST, le=LAST)]


def _near(moment: datetime) -> datetime:
    if not FIRST <= moment.date() <= LAST:
        raise ValueError(f"must lie between {FIRST.year} and {LAST.year}")
    return moment


TaskRef = Annotated[str, Path(pattern=r"^tk_[0-9a-f]{32}$")]


Notes = Annotated[str, Field(max_length=4000)]
Moment = Annotated[AwareDatetime, Field(strict=False), AfterValidator(_near)]


class TaskRequest(StrictBody):
    """What is to be done; `due_on` is a day and `due_at` a moment, at most one of them."""

    title: ShortLine
    notes: Notes = ""
    due_on: Day | None = None
    due_at: Moment | None = None

    @model_validator(mode="after")
    def _is_due_once(self) -> "TaskRequest":
        if self.due_on is not None and self.due_at is not None:
            raise ValueError("give due_on or due_at, not both")
        return self


class TaskChangeRequest(StrictBody):
    """What is to be otherwise; what is not given stays. `due_on` or `due_at` takes the place of either; `null` takes it
    away, so that the task is due at no time."""

    title: ShortLine | None = None
    notes: Notes | None = None
    due_on: Day | None = None
    due_at: Moment | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "TaskChangeRequest":
        if not self.model_fields_set:
            raise ValueError("give title, notes, due_on or due_at")
        for name in ("title", "notes"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise ValueError(f"{name} must not be null")
        if self.due_on is not None and self.due_at is not None:
            raise ValueError("give due_on or due_at, not both")
        return self


@router.get("", responses=problems(*AUTHENTICATED, 422))
async def list_all(
    caller: Reader,
    gateway: GatewayHere,
    status: Literal["open", "done", "all"] = "open",
    due_by: Day | None = None,
    timezone: Timezone = "UTC",
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
) -> Tasks:
    """Open tasks by when they are due, then done ones. `due_by` is a day in `timezone`."""
    query = ListTasks(status=status, due_by=due_by, timezone=timezone, limit=limit)
    return await gateway.bus.ask(query, scope=caller.scope)


@router.post("", status_code=201, responses=problems(*AUTHENTICATED, *WITH_BODY, 409))
async def create(
    body: TaskRequest, caller: Manager, gateway: GatewayHere, idempotency_key: IdempotencyKey = None
) -> TaskView:
    """Write a task down. With an `Idempotency-Key`, a repeated request is answered with the same task."""
    task = NewTask(title=body.title, notes=body.notes, due_on=body.due_on, due_at=body.due_at)
    task_id = derived_id("tk", caller.scope, idempotency_key) if idempotency_key else new_id("tk")
    sealed = gateway.seal.seal("task", caller.scope, task.model_dump_json())
    made = await gateway.bus.ask(CreateTask(task_id=task_id, sealed_task=sealed), scope=caller.scope)
    if NewTask(title=made.title, notes=made.notes, due_on=made.due_on, due_at=made.due_at) != task:
        raise IdempotencyKeyReused("This Idempotency-Key came with another request before.")
    return made


@router.patch("/{task_id}", responses=problems(*AUTHENTICATED, *WITH_BODY, 404))
async def change(task_id: TaskRef, body: TaskChangeRequest, caller: Manager, gateway: GatewayHere) -> TaskView:
    """Other words, or another time, also for what is done."""
    wanted = TaskChange(**body.model_dump(exclude_unset=True))
    sealed = gateway.seal.seal("task", caller.scope, wanted.model_dump_json(exclude_unset=True))
    return await gateway.bus.ask(ChangeTask(task_id=task_id, sealed_change=sealed), scope=caller.scope)


@router.delete("/{task_id}", status_code=204, responses=problems(*AUTHENTICATED, 404, 422))
async def delete(task_id: TaskRef, caller: Manager, gateway: GatewayHere) -> None:
    """It is gone for good."""
    await gateway.bus.ask(DeleteTask(task_id=task_id), scope=caller.scope)


@router.post("/{task_id}/complete", responses=problems(*AUTHENTICATED, 404, 422))
async def complete(task_id: TaskRef, caller: Manager, gateway: GatewayHere) -> TaskView:
    """It is done. Saying so twice changes nothing."""
    return await gateway.bus.ask(CompleteTask(task_id=task_id), scope=caller.scope)


@router.post("/{task_id}/reopen", responses=problems(*AUTHENTICATED, 404, 409, 422))
async def reopen(task_id: TaskRef, caller: Manager, gateway: GatewayHere) -> TaskView:
    """It is to be done after all."""
    return await gateway.bus.ask(ReopenTask(task_id=task_id), scope=caller.scope)
