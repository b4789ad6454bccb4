"""What a run's user can do with it: start, pause, go on, cancel; leave a step out, try one again. No I/O."""

from datetime import datetime, timedelta

from contracts.runs import RunStatus, StepStatus
from services.chat.runs import outcomes
from services.chat.runs.errors import RunNotPossible
from services.chat.runs.run_state import GOING, INPUT_SKIPPED, OVER, Run, StepState

SKIPPED_BY_USER = "skipped_by_user"
_OPEN = frozenset({StepStatus.PENDING, StepStatus.READY, StepStatus.WAITING, StepStatus.FAILED})


def start(run: Run, now: datetime, *, is_asked: bool, by_program: bool = False) -> None:
    """Begin. `is_asked`: its user has seen what they start, or has written it; a program's word is not its user's.

    Raises RunNotPossible.
    """
    if run.status is RunStatus.PAUSED:
        raise RunNotPossible("The run has begun and is paused: let it go on with `resume`.")
    if run.status is RunStatus.CANCELLED:
        raise RunNotPossible("The run was cancelled, for good: make a new one.")
    if run.status is not RunStatus.PLANNED:
        return
    run.status, run.started_at = RunStatus.RUNNING, now
    run.is_asked, run.by_program = is_asked and not by_program, by_program
    run.deadline_at = now + timedelta(seconds=run.time_limit_s)
    count = len(run.states)
    why = f"{count} steps are needed" if count > 1 else "One step is needed"
    run.tell("multi_step.initiated", now, text=why, confidence=run.confidence)
    run.advance(now)


def pause(run: Run, now: datetime) -> None:
    """Begin nothing more for now; what is under way ends. Raises RunNotPossible."""
    if run.status is RunStatus.PAUSED:
        return
    if run.status not in GOING:
        why = "has not been started" if run.status is RunStatus.PLANNED else f"is {run.status} already"
        raise RunNotPossible(f"The run {why}: there is nothing to pause.")
    run.hold_back()
    run.status, run.paused_at = RunStatus.PAUSED, now
    run.tell("run.paused", now)


def resume(run: Run, now: datetime) -> None:
    """Go on after a pause or a failure, with what failed tried again. Raises RunNotPossible."""
    if run.status in GOING:
        return
    if run.status is RunStatus.PLANNED:
        raise RunNotPossible("The run has not been started: begin it with `start`.")
    if run.status not in (RunStatus.PAUSED, RunStatus.FAILED):
        raise RunNotPossible(f"The run is {run.status}: there is nothing to go on with.")
    failed = [state for state in run.states.values() if state.status is StepStatus.FAILED and state.step.required]
    for state in failed:
        _check_known(state, was_not_done=False)
    for state in failed:
        _again(run, state)
    run.go_on(now)
    run.advance(now)


def cancel(run: Run, now: datetime) -> None:
    """Begin nothing more, for good, and ask for nothing more. What is under way at a provider ends, and what was done
    stays. Raises RunNotPossible."""
    if run.status is RunStatus.CANCELLED:
        return
    if run.status is RunStatus.DONE:
        raise RunNotPossible("The run is done: there is nothing to cancel.")
    for state in run.states.values():
        if state.status in (StepStatus.PENDING, StepStatus.READY, StepStatus.WAITING):
            run.end_step(state, StepStatus.CANCELLED, now)
        elif state.status is StepStatus.RUNNING or state.is_uncertain:
            run.withdraw(state)  # it may be proposed or held back by now
    run.error = run.detail = None
    run.end(RunStatus.CANCELLED, now)


def skip(run: Run, step_id: str, now: datetime) -> None:
    """Leave a step out, with those that need its result; others that waited for it go on. Raises RunNotPossible."""
    state = run.state(step_id)
    if state.status is StepStatus.SKIPPED:
        return
    if run.status in (RunStatus.DONE, RunStatus.CANCELLED):
        raise RunNotPossible(f"The run is {run.status}: nothing can be left out of it any more.")
    if state.status not in _OPEN:
        is_under_way = state.status is StepStatus.RUNNING
        raise RunNotPossible("The step is under way." if is_under_way else f"The step is {state.status} already.")
    state.detail = "You left it out."
    run.end_step(state, StepStatus.SKIPPED, now, SKIPPED_BY_USER)
    if run.status is RunStatus.FAILED and not run.is_halted:
        run.go_on(now)
    run.advance(now)


def retry(run: Run, step_id: str, now: datetime, *, was_not_done: bool = False) -> None:
    """Try a step again that failed or was left out. Raises RunNotPossible.

    An effect of which nobody knows whether it happened is only done again when the user says that it `was_not_done`.
    """
    state = run.state(step_id)
    if run.status is RunStatus.CANCELLED:
        raise RunNotPossible("The run was cancelled, for good: make a new one.")
    if state.status not in (StepStatus.FAILED, StepStatus.SKIPPED):
        raise RunNotPossible(f"Only a step that failed or was left out is tried again; this one is {state.status}.")
    if any(run.states[other].result is None for other in state.step.uses if run.states[other].finished_at):
        raise RunNotPossible("It needs the result of a step that was left out: try that one again.")
    _check_known(state, was_not_done=was_not_done)
    _again(run, state)
    if run.status in OVER:
        run.go_on(now)
    run.advance(now)


def _check_known(state: StepState, *, was_not_done: bool) -> None:
    if state.is_uncertain and state.error == "execution_unknown" and not was_not_done:
        raise RunNotPossible("It is not certain whether this was done. Look first; then say so, or leave the step out.")


def _again(run: Run, state: StepState) -> None:
    """Pending as if for the first time; what was left out on its account too, and what waits for it waits again.

    An effect gets another execution id only when the former one is known to have come to nothing (`outcomes.spend`).
    """
    if state.error == "execution_unknown":
        outcomes.spend(run, state)  # its user has looked
    waiting = [state]
    while waiting:
        again = waiting.pop()
        again.status, again.failures = StepStatus.PENDING, 0
        again.error = again.detail = again.finished_at = None
        run.changed.add(again.step.id)
        for other in run.states.values():
            if other.status is StepStatus.READY and again.step.id in other.step.depends_on:
                other.status = StepStatus.PENDING
                run.changed.add(other.step.id)
        waiting += [
            other for other in run.states.values() if other.error == INPUT_SKIPPED and again.step.id in other.step.uses
        ]
