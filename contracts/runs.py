"""Multi-step runs: a plan is data that its user sees before it runs, and each of its steps is a durable command.

run   planned ──start──> running ⇄ waiting ──> done | failed ──resume, retry──> running
         └ cancel           ⇅ pause              └ cancel: cancelled
step  pending ──> ready ──> running ⇄ waiting ──> done | failed ──retry──> ready;  skipped, cancelled
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict

from contracts.envelope import Command, Event, Live, Query, Reply, Service
from contracts.ids import ExecutionId, RunId

_RUN = RunId("r_0193b0f1a8c07d3e9f00112233445566")
_MOMENT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


class RunStatus(StrEnum):
    """Where a run stands. `waiting`: nothing goes on until its user decides on a step."""

    PLANNED = "planned"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class StepStatus(StrEnum):
    """Where a step stands. `ready`: its command is on its way; `waiting`: for its user's decision."""

    PENDING = "pending"
    READY = "ready"
    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


PlannedBy = Literal["user", "model", "offline"]


class StepRequest(BaseModel):
    """A step as it is asked for. A value in `arguments` may be `{"$from": "<step id>", "path": "a.b[0]"}`."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    tool: str
    description: str = ""
    arguments: dict[str, Any] = {}
    depends_on: tuple[str, ...] = ()
    required: bool = True
    estimated_s: float | None = None
    time_limit_s: float | None = None


class RunRequest(BaseModel):
    """What is to be done: a goal in words, or the steps themselves."""

    model_config = ConfigDict(frozen=True)

    goal: str
    steps: tuple[StepRequest, ...] = ()
    timezone: str | None = None
    time_limit_s: float | None = None


class StepView(Reply):
    """A step as its user sees it. `result` is JSON text, shortened where it is long."""

    id: str
    name: str
    description: str
    tool: str
    effect: str
    arguments: dict[str, Any]
    depends_on: tuple[str, ...]
    required: bool
    estimated_s: float
    time_limit_s: float
    status: StepStatus
    attempts: int
    result: str | None = None
    error: str | None = None
    detail: str | None = None
    action_id: ExecutionId | None = None
    """What waits for a decision, see `contracts.actions`."""
    started_at: datetime | None = None
    finished_at: datetime | None = None


class RunView(Reply):
    """A run with its plan. `progress` counts steps that need nothing more, of all."""

    run_id: RunId
    goal: str
    status: RunStatus
    planned_by: PlannedBy
    steps: tuple[StepView, ...]
    progress: float
    estimated_s: float
    """Of all steps, with independent ones side by side."""
    estimated_cost_micros: int
    time_limit_s: float
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: str | None = None
    detail: str | None = None
    last_update: int = 0
    """Number of the newest update."""


class RunSummary(Reply):
    """A run in a list."""

    run_id: RunId
    goal: str
    status: RunStatus
    progress: float
    step_count: int
    created_at: datetime
    finished_at: datetime | None = None


class RunPage(Reply):
    """Newest first; `cursor` goes into the next query."""

    runs: tuple[RunSummary, ...]
    cursor: str | None = None


class RunUpdate(Reply):
    """One thing that happened in a run, numbered from 1 without gaps, kept as long as the run."""

    n: int
    type: Literal[
        "multi_step.initiated",
        "multi_step.complete",
        "step.started",
        "step.progress",
        "action.proposed",
        "step.result",
        "step.ended",
        "run.resumed",
        "run.paused",
        "run.done",
        "run.failed",
        "run.cancelled",
    ]
    at: datetime
    step_id: str | None = None
    name: str | None = None
    status: Literal["ok", "failed", "skipped"] | None = None
    text: str | None = None
    confidence: float | None = None
    action_id: ExecutionId | None = None
    error: str | None = None


class RunUpdates(Reply):
    """In order of `n`. `is_over`: nothing follows unless the user changes something."""

    updates: tuple[RunUpdate, ...]
    status: RunStatus
    is_over: bool


class CreateRun(Query[RunView]):
    """Plan, and with `start` begin. Asked again with the same id it gives the same run.

    Errors `plan_rejected` (its detail names each defect), `nothing_to_plan`.
    """

    subject: ClassVar[str] = "rpc.chat.create_run.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = RunView

    run_id: RunId
    sealed_request: str
    """`RunRequest` as JSON under `libs.vault.TransitSeal`, purpose `run_request`."""
    start: bool = False
    by_program: bool = False
    """Asked for with a key that may not decide for its user: what it does is proposed."""

    @classmethod
    def example(cls) -> Self:
        return cls(run_id=_RUN, sealed_request="v1.AAAA")


class ListRuns(Query[RunPage]):
    """The user's runs."""

    subject: ClassVar[str] = "rpc.chat.list_runs.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = RunPage

    limit: int = 50
    cursor: str | None = None

    @classmethod
    def example(cls) -> Self:
        return cls()


class GetRun(Query[RunView]):
    """One run. Error `run_not_found`."""

    subject: ClassVar[str] = "rpc.chat.get_run.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = RunView

    run_id: RunId

    @classmethod
    def example(cls) -> Self:
        return cls(run_id=_RUN)


class GetRunUpdates(Query[RunUpdates]):
    """What happened after update number `after`. Error `run_not_found`."""

    subject: ClassVar[str] = "rpc.chat.get_run_updates.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = RunUpdates

    run_id: RunId
    after: int = 0

    @classmethod
    def example(cls) -> Self:
        return cls(run_id=_RUN, after=3)


class ControlRun(Query[RunView]):
    """Start a planned run, pause, go on, or end it. What is so already stays so.

    Errors `run_not_found`, `run_not_possible`.
    """

    subject: ClassVar[str] = "rpc.chat.control_run.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = RunView

    run_id: RunId
    action: Literal["start", "pause", "resume", "cancel"]
    by_program: bool = False
    """As in `CreateRun`."""

    @classmethod
    def example(cls) -> Self:
        return cls(run_id=_RUN, action="start")


class ControlStep(Query[RunView]):
    """Leave a step out, or try it again. Errors `run_not_found`, `step_not_found`, `run_not_possible`.

    `was_not_done`: the user has looked, and an effect of which nobody knew whether it had happened has not happened.
    """

    subject: ClassVar[str] = "rpc.chat.control_step.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = RunView

    run_id: RunId
    step_id: str
    action: Literal["skip", "retry"]
    was_not_done: bool = False

    @classmethod
    def example(cls) -> Self:
        return cls(run_id=_RUN, step_id="find", action="skip")


class RunStep(Command):
    """Begin a step that has become ready. Idempotent by run, step and attempt.

    `place` is that of the step in its plan, from 0: its id may be somebody's words.
    """

    subject: ClassVar[str] = "cmd.chat.run_step.v1"
    sent_by: ClassVar[tuple[Service, ...]] = (Service.CHAT,)

    run_id: RunId
    place: int
    attempt: int

    @classmethod
    def example(cls) -> Self:
        return cls(run_id=_RUN, place=0, attempt=1)


class LookAtStep(Command):
    """Ask the tool service what became of a step's effect; a timer, or sent on an event. `look` counts the timers."""

    subject: ClassVar[str] = "cmd.chat.look_at_step.v1"
    sent_by: ClassVar[tuple[Service, ...]] = (Service.CHAT,)

    run_id: RunId
    place: int
    attempt: int
    look: int | None = None
    """None: an event told that there is something to see."""
    execution_id: ExecutionId | None = None
    """Of which the event told."""

    @classmethod
    def example(cls) -> Self:
        return cls(run_id=_RUN, place=3, attempt=1, look=2)


class EndRunInTime(Command):
    """A run's time may be up."""

    subject: ClassVar[str] = "cmd.chat.end_run_in_time.v1"
    sent_by: ClassVar[tuple[Service, ...]] = (Service.CHAT,)

    run_id: RunId

    @classmethod
    def example(cls) -> Self:
        return cls(run_id=_RUN)


class RunEnded(Event):
    """A run came to its end, or stopped, while its user did not look at it. No content: that stands under Runs."""

    subject: ClassVar[str] = "evt.chat.run.ended.v1"
    heard_by: ClassVar[tuple[Service, ...]] = (Service.NOTIFICATION,)

    run_id: RunId
    status: Literal["done", "failed"]
    number: int
    """Of the update that told of it: a run that goes on has more than one end."""
    step_count: int
    done_count: int
    ended_at: datetime
    error: str | None = None
    """`step_failed` or `run_timeout`."""

    @classmethod
    def example(cls) -> Self:
        return cls(run_id=_RUN, status="done", number=14, step_count=3, done_count=3, ended_at=_MOMENT)


class RunNotice(Live):
    """Wakes those who follow a run: there is an update `n`; `live.run.<run_id>`."""

    subject: ClassVar[str] = "live.run"
    sent_by: ClassVar[Service] = Service.CHAT
    followed_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)

    run_id: RunId
    n: int

    @classmethod
    def example(cls) -> Self:
        return cls(run_id=_RUN, n=3)
