"""What becomes of a step that was begun, and of the run with it. No I/O."""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from contracts.ids import ExecutionId, RunId
from contracts.runs import RunStatus, StepStatus
from services.chat.runs import retries
from services.chat.runs.references import MalformedReference, ReferenceMissing, leaves, resolved
from services.chat.runs.run_state import GOING, GONE, OVER, RUN_TIMEOUT, UNCERTAIN, Run, StepState

STEP_TIMEOUT = "step_timeout"
TOO_SLOW = "It took longer than it may."
MAX_RESOLVED_CHARACTERS = 100_000
"""Sealed and encoded it has to fit into a message."""
NOT_WANTED = frozenset({"declined", "expired", "withdrawn"})
MAX_VALUES = 1_000
"""So many of them have their origins said beside them in one message."""
MAX_RESULT_CHARACTERS = 250_000
"""Whoever uses a result looks through all of it for the words of others."""
DETAIL_CHARACTERS = 500
_UNDER_WAY = frozenset({StepStatus.RUNNING, StepStatus.WAITING})


@dataclass(frozen=True, slots=True)
class Begun:
    """A step that is to be done now. `is_first`: this attempt was not begun before."""

    state: StepState
    arguments: dict[str, Any]
    is_first: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """What a step came to: a result as JSON text, or an error slug and a sentence."""

    result: str | None = None
    error: str | None = None
    detail: str | None = None
    may_retry: bool = True
    """Whether it is known that nothing happened."""


def execution_id(run_id: RunId, step_id: str, generation: int) -> ExecutionId:
    """The same for every attempt at an effect of which it is not known that it failed: so it happens once."""
    digest = hashlib.sha256(f"{run_id}:{step_id}:{generation}".encode()).hexdigest()
    return ExecutionId(f"x_{digest[:32]}")


def spend(run: Run, state: StepState) -> None:
    """Its execution is known to have come to nothing: the next attempt is another one. Once is enough."""
    if state.execution_id == execution_id(run.id, state.step.id, state.generation):
        state.generation += 1
        run.changed.add(state.step.id)


def begin(run: Run, step_id: str, attempt: int, now: datetime) -> Begun | None:
    """Take a step up, or again after a crash; None when its command is out of date or its values are not there."""
    state = run.state(step_id)
    if run.status not in GOING or state.attempt != attempt or state.status is not StepStatus.READY:
        return _again(run, state, attempt)
    try:
        arguments = resolved(state.step.arguments, run.results(state.step.uses))
    except (ReferenceMissing, MalformedReference) as missing:
        _refuse(run, state, Ended(error="reference_missing", detail=str(missing)), now)
        return None
    if len(json.dumps(arguments)) > MAX_RESOLVED_CHARACTERS or _count(arguments) > MAX_VALUES:
        _refuse(run, state, Ended(error="arguments_too_large", detail="The values for it are too long."), now)
        return None
    state.status, state.started_at = StepStatus.RUNNING, now
    if state.step.changes_something:
        state.execution_id = execution_id(run.id, step_id, state.generation)
    run.changed.add(step_id)
    run.tell("step.started", now, step_id=step_id, name=state.step.name)
    return Begun(state, arguments, is_first=True)


def begin_next(run: Run, now: datetime) -> Begun | None:
    """A read that this change has made possible, begun with it: its command need not be sent. Who records this change
    does it next; should they die over it, their own command comes again (`left_behind`)."""
    for order in tuple(run.dispatches):
        if order.at is None and not run.state(order.step_id).step.changes_something:
            run.dispatches.remove(order)
            if (begun := begin(run, order.step_id, order.attempt, now)) is not None:
                return begun
    return None


def left_behind(run: Run) -> tuple[Begun, ...]:
    """Reads under way, whose reader may be dead. Reading once more does no harm."""
    states = (run.states[step.id] for step in run.plan.steps if not step.changes_something)
    return tuple(begun for state in states if (begun := _again(run, state, state.attempt)) is not None)


def _refuse(run: Run, state: StepState, ended: Ended, now: datetime) -> None:
    """It cannot be done with the values that there are."""
    state.started_at = now
    run.tell("step.started", now, step_id=state.step.id, name=state.step.name)
    _fail(run, state, ended, now)
    run.advance(now)


def _again(run: Run, state: StepState, attempt: int) -> Begun | None:
    """Delivered again: whoever began this attempt may be dead."""
    if state.status is not StepStatus.RUNNING or state.attempt != attempt:
        return None
    return Begun(state, resolved(state.step.arguments, run.results(state.step.uses)), is_first=False)


def wait(run: Run, step_id: str, attempt: int, now: datetime) -> None:
    """It is its user's turn: the action is proposed. In a run that was cancelled nobody is asked."""
    state = run.state(step_id)
    if run.status is RunStatus.CANCELLED or state.status in GONE:
        run.withdraw(state)
    elif state.attempt == attempt and state.status is StepStatus.RUNNING:
        state.status = StepStatus.WAITING
        run.changed.add(step_id)
        run.tell("action.proposed", now, step_id=step_id, action_id=state.execution_id)
        run.advance(now)


def wait_no_more(run: Run, step_id: str, attempt: int, now: datetime) -> None:
    """The user has approved; now it is the provider's turn, with the whole time limit."""
    state = run.state(step_id)
    if state.attempt == attempt and state.status is StepStatus.WAITING:
        state.status, state.started_at = StepStatus.RUNNING, now
        run.changed.add(step_id)
        run.tell("step.progress", now, step_id=step_id, text="Approved.")
        run.advance(now)


def end(run: Run, step_id: str, attempt: int, ended: Ended, now: datetime) -> None:
    """Record what came of it, once. The truth about an effect is taken also when it comes late."""
    state = run.state(step_id)
    if state.attempt != attempt or not _is_open(state):
        return
    ended = _kept(ended, state)
    if ended.error is None:
        _succeed(run, state, ended, now)
    elif ended.error not in UNCERTAIN:
        spend(run, state)
    if ended.error is not None and state.status in _UNDER_WAY and not _tried_again(run, state, ended, now):
        _fail(run, state, ended, now)
    run.advance(now)


def give_up(run: Run, step_id: str, attempt: int, now: datetime) -> None:
    """A defect of ours keeps the step from being done; an effect that was ordered is still looked after."""
    state = run.state(step_id)
    is_ordered = state.status is StepStatus.RUNNING and state.step.changes_something
    if state.attempt == attempt and state.status in (StepStatus.READY, StepStatus.RUNNING) and not is_ordered:
        _fail(run, state, Ended(error="internal_error", detail="Something went wrong on our side."), now)
        run.advance(now)


def time_left_s(state: StepState, now: datetime) -> float:
    """Until the step's own limit; a step that waits for its user has all the time."""
    if state.status is StepStatus.WAITING or state.started_at is None:
        return state.step.time_limit_s
    return state.step.time_limit_s - (now - state.started_at).total_seconds()


def expire(run: Run, now: datetime) -> None:
    """The run's own limit: nothing more begins once it has passed."""
    if run.status not in GOING or run.deadline_at is None or run.deadline_at > now:
        return
    run.error, run.detail = RUN_TIMEOUT, "The run took longer than it may."
    for state in run.states.values():
        if state.status is StepStatus.RUNNING and time_left_s(state, now) <= 0:
            _fail(run, state, Ended(error=STEP_TIMEOUT, detail=TOO_SLOW), now)
    run.advance(now)


def _kept(ended: Ended, state: StepState) -> Ended:
    """As much of it as can be kept. What was done stays done, also when nobody can say what came of it."""
    if ended.detail is not None and len(ended.detail) > DETAIL_CHARACTERS:
        return replace(ended, detail=f"{ended.detail[: DETAIL_CHARACTERS - 1]}…")
    if ended.result is None or len(ended.result) <= MAX_RESULT_CHARACTERS:
        return ended
    if state.step.changes_something:
        return Ended(result="null")
    return Ended(error="result_too_large", detail="It found more than can be used. Ask for less.", may_retry=False)


def _count(arguments: dict[str, Any]) -> int:
    return sum(1 for _ in leaves(arguments))


def _is_open(state: StepState) -> bool:
    if state.status in _UNDER_WAY:
        return True
    is_late = state.status in GONE or (state.status is StepStatus.FAILED and state.error in UNCERTAIN)
    return is_late and state.execution_id is not None


def _succeed(run: Run, state: StepState, ended: Ended, now: datetime) -> None:
    was_halted = run.is_halted
    state.result, state.detail = ended.result, None
    run.end_step(state, StepStatus.DONE, now)
    if was_halted and run.status is RunStatus.FAILED and not run.is_halted:
        run.go_on(now)


def _tried_again(run: Run, state: StepState, ended: Ended, now: datetime) -> bool:
    assert ended.error is not None
    state.failures += 1
    pause_s = retries.pause_s(ended.error, state.failures) if ended.may_retry else None
    if pause_s is None or run.status in OVER or run.is_halted:
        return False
    if run.status is RunStatus.PAUSED or run.is_waiting_for_others(state):
        state.status, state.error = StepStatus.PENDING, None
        run.changed.add(state.step.id)
        return True
    run.tell("step.progress", now, step_id=state.step.id, text=f"{ended.detail or 'It did not work.'} I try again.")
    run.dispatch(state, now + timedelta(seconds=pause_s))
    return True


def _fail(run: Run, state: StepState, ended: Ended, now: datetime) -> None:
    state.detail = ended.detail
    if run.status is RunStatus.CANCELLED and ended.error in NOT_WANTED:
        run.end_step(state, StepStatus.CANCELLED, now)
    else:
        run.end_step(state, StepStatus.FAILED, now, ended.error)


def as_json(arguments: dict[str, Any]) -> str:
    """The same text for the same arguments: the ledger compares."""
    return json.dumps(arguments, sort_keys=True)
