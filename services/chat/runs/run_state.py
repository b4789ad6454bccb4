"""A run and what follows from what happens to it: which steps begin, which are left out, how it stands. No I/O.

Whoever changes a run holds its row; the changes, the commands of the steps that became ready and the updates that tell
of it are written in that one transaction (`services.chat.runs.run_writing`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from contracts.ids import ExecutionId, RunId
from contracts.runs import PlannedBy, RunStatus, RunUpdate, StepStatus
from services.chat.runs.errors import StepNotFound
from services.chat.runs.plan import Plan, PlannedStep

AT_ONCE = 8
"""So many steps of one run are under way at the same time."""
ENDED = frozenset({StepStatus.DONE, StepStatus.FAILED, StepStatus.SKIPPED, StepStatus.CANCELLED})
GONE = frozenset({StepStatus.SKIPPED, StepStatus.CANCELLED})
OVER = frozenset({RunStatus.DONE, RunStatus.FAILED, RunStatus.CANCELLED})
GOING = frozenset({RunStatus.RUNNING, RunStatus.WAITING})
INPUT_SKIPPED = "input_skipped"
RUN_TIMEOUT = "run_timeout"
UNSEEN_S = 45.0
"""After so long without a look, its user is told in their inbox how a run ended."""
UNCERTAIN = frozenset({"step_timeout", "execution_unknown"})
"""Errors after which nobody knows whether an effect happened."""


@dataclass(slots=True)
class StepState:
    """A step and how it stands."""

    step: PlannedStep
    status: StepStatus = StepStatus.PENDING
    attempt: int = 0
    """How often its command was sent."""
    failures: int = 0
    """Since it was last asked for by its user."""
    generation: int = 0
    """Counts attempts at its effect that are known to have failed; the execution id follows from it."""
    execution_id: ExecutionId | None = None
    result: str | None = None
    error: str | None = None
    detail: str | None = None
    started_at: datetime | None = None
    """Of this attempt."""
    finished_at: datetime | None = None

    @property
    def is_uncertain(self) -> bool:
        """Whether its effect may have happened although it counts as failed."""
        return self.status is StepStatus.FAILED and self.step.changes_something and self.error in UNCERTAIN


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A step's command, to be sent now or at `at`."""

    step_id: str
    attempt: int
    at: datetime | None = None


@dataclass(slots=True)
class Run:
    """One run. `changes` and `outcomes` change it; `updates` and `dispatches` are what is to be written with that."""

    id: RunId
    goal: str
    plan: Plan
    states: dict[str, StepState]
    status: RunStatus
    planned_by: PlannedBy
    timezone: str
    time_limit_s: float
    created_at: datetime
    """What words such as "tomorrow" in its steps are relative to: the plan means what it meant when it was shown."""
    after_reading: bool = False
    """Whether texts of outsiders were before the planner."""
    conversation_id: str | None = None
    """In which it was planned."""
    is_asked: bool = False
    """Whether its user began it after having seen it, or wrote it."""
    by_program: bool = False
    """Whether a program began it, which may not decide for its user."""
    cost_micros: int = 0
    confidence: float = 1.0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    paused_at: datetime | None = None
    deadline_at: datetime | None = None
    timed_for: datetime | None = None
    """The deadline for which there is a timer."""
    error: str | None = None
    detail: str | None = None
    n: int = 0
    """Number of the newest update."""
    seen_at: datetime | None = None
    """When its user last started, steered or looked at it, more or less."""
    stored: tuple[object, ...] | None = None
    """How it stood when it was read; None: there is no row of it."""
    has_ended: bool = False
    """Whether it came to its end in this change."""
    updates: list[RunUpdate] = field(default_factory=list)
    dispatches: list[Dispatch] = field(default_factory=list)
    unwanted: list[ExecutionId] = field(default_factory=list)
    """Effects that are not to be done any more, as far as they are not yet."""
    changed: set[str] = field(default_factory=set)

    @property
    def standing(self) -> tuple[object, ...]:
        """Everything of its own that changes; what is told and ordered never does without one of these."""
        times = self.started_at, self.finished_at, self.paused_at, self.deadline_at, self.seen_at
        return self.status, self.n, self.error, self.detail, self.is_asked, self.by_program, *times

    @property
    def progress(self) -> float:
        """How much of it needs nothing more, between 0 and 1."""
        return sum(state.status in ENDED for state in self.states.values()) / len(self.states)

    @property
    def is_halted(self) -> bool:
        """Whether nothing more of it may begin."""
        return self.error == RUN_TIMEOUT or any(
            state.status is StepStatus.FAILED and state.step.required for state in self.states.values()
        )

    def ended_unseen(self, now: datetime) -> bool:
        """Whether it has just ended by itself, and nobody has seen it."""
        is_told = self.has_ended and self.status in (RunStatus.DONE, RunStatus.FAILED)
        return is_told and (self.seen_at is None or (now - self.seen_at).total_seconds() > UNSEEN_S)

    def state(self, step_id: str) -> StepState:
        """Raises StepNotFound."""
        if step_id not in self.states:
            raise StepNotFound("The run has no such step.")
        return self.states[step_id]

    def results(self, step_ids: Iterable[str]) -> dict[str, str]:
        """Results of those that have one."""
        wanted = ((step_id, self.states[step_id].result) for step_id in step_ids)
        return {step_id: result for step_id, result in wanted if result is not None}

    def tell(self, type: Any, now: datetime, **fields: Any) -> None:
        """One more update."""
        self.n += 1
        self.updates.append(RunUpdate(n=self.n, type=type, at=now, **fields))

    def end_step(self, state: StepState, status: StepStatus, now: datetime, error: str | None = None) -> None:
        """A step's last word, until somebody tries it again. What it has proposed goes when it is not wanted."""
        if status in GONE and (state.status is StepStatus.WAITING or state.is_uncertain):
            self.withdraw(state)
        state.status, state.finished_at, state.error = status, now, error
        self.changed.add(state.step.id)
        told = {StepStatus.DONE: "ok", StepStatus.FAILED: "failed"}.get(status, "skipped")
        self.tell("step.result", now, step_id=state.step.id, status=told, text=state.detail, error=error)
        self.tell("step.ended", now, step_id=state.step.id)

    def withdraw(self, state: StepState) -> None:
        """Its effect is not to be done any more; an effect that was, or is being, done stays."""
        if state.execution_id is not None:
            self.unwanted.append(state.execution_id)

    def dispatch(self, state: StepState, at: datetime | None = None) -> None:
        """Its command goes out."""
        state.status, state.error, state.finished_at = StepStatus.READY, None, None
        state.attempt += 1
        self.changed.add(state.step.id)
        self.dispatches.append(Dispatch(state.step.id, state.attempt, at))

    def hold_back(self) -> None:
        """What is ready and has not begun waits again; its command finds that it came too late."""
        for state in self.states.values():
            if state.status is StepStatus.READY:
                state.status = StepStatus.PENDING
                self.changed.add(state.step.id)

    def advance(self, now: datetime) -> None:
        """Begin what can begin, leave out what cannot be done any more, and say how the run stands."""
        self._leave_out(now)
        if self.status not in GOING:
            return
        if self.is_halted:
            self.hold_back()
        else:
            self._begin()
        self._settle(now)

    def _leave_out(self, now: datetime) -> None:
        """Steps that use what will never be there; in the plan's order, so that one walk is enough."""
        for step in self.plan.steps:
            state = self.states[step.id]
            if state.status in (StepStatus.PENDING, StepStatus.READY) and any(map(self._is_lost, step.uses)):
                state.detail = "A step whose result it needs was left out."
                self.end_step(state, StepStatus.SKIPPED, now, INPUT_SKIPPED)

    def _is_lost(self, step_id: str) -> bool:
        state = self.states[step_id]
        return state.status in GONE or (state.status is StepStatus.FAILED and not state.step.required)

    def _begin(self) -> None:
        under_way = sum(state.status in (StepStatus.READY, StepStatus.RUNNING) for state in self.states.values())
        for step in self.plan.steps:
            if under_way >= AT_ONCE:
                return
            state = self.states[step.id]
            if state.status is StepStatus.PENDING and not self.is_waiting_for_others(state):
                self.dispatch(state)
                under_way += 1

    def is_waiting_for_others(self, state: StepState) -> bool:
        """Whether a step before it is open; also one that its user left out at first and then wanted after all."""
        return any(self.states[other].status not in ENDED for other in state.step.depends_on)

    def _settle(self, now: datetime) -> None:
        statuses = {state.status for state in self.states.values()}
        if statuses & {StepStatus.READY, StepStatus.RUNNING}:
            self.status = RunStatus.RUNNING
        elif self.is_halted:
            self.end(RunStatus.FAILED, now)
        elif StepStatus.WAITING in statuses:
            self.status = RunStatus.WAITING
        else:
            self.end(RunStatus.DONE, now)

    def end(self, status: RunStatus, now: datetime) -> None:
        """The run's last word, until somebody tries something again."""
        self.status, self.finished_at, self.has_ended = status, now, True
        if status is RunStatus.FAILED and self.error is None:
            self.error, self.detail = "step_failed", self._why()
        if self.started_at is not None:
            self.tell("multi_step.complete", now)
        self.tell(f"run.{status}", now, error=self.error, text=self.detail)

    def _why(self) -> str:
        failed = next(s for s in self.states.values() if s.status is StepStatus.FAILED and s.step.required)
        return f"The step {failed.step.id} did not work."

    def go_on(self, now: datetime) -> None:
        """From paused or ended back to running, with time enough."""
        if self.paused_at and self.deadline_at:
            self.deadline_at += now - self.paused_at
        if self.deadline_at is None or self.deadline_at <= now:
            self.deadline_at = now + timedelta(seconds=self.time_limit_s)
        self.status, self.paused_at, self.finished_at, self.error, self.detail = (
            RunStatus.RUNNING,
            None,
            None,
            None,
            None,
        )
        self.has_ended = False
        self.tell("run.resumed", now)


def fresh(
    run_id: RunId,
    goal: str,
    plan: Plan,
    now: datetime,
    *,
    planned_by: PlannedBy,
    timezone: str,
    time_limit_s: float,
    after_reading: bool = False,
    cost_micros: int = 0,
    confidence: float = 1.0,
) -> Run:
    """A run that waits to be started."""
    return Run(
        id=run_id,
        goal=goal,
        plan=plan,
        states={step.id: StepState(step) for step in plan.steps},
        status=RunStatus.PLANNED,
        planned_by=planned_by,
        timezone=timezone,
        time_limit_s=time_limit_s,
        created_at=now,
        after_reading=after_reading,
        cost_micros=cost_micros,
        confidence=confidence,
        changed={step.id for step in plan.steps},
    )
