"""What follows from what happens to a run: decisions without I/O, for any plan and any order of events."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.runs import RunStatus, StepRequest, StepStatus
from services.chat.runs import changes, outcomes
from services.chat.runs.errors import RunNotPossible
from services.chat.runs.outcomes import Ended, execution_id
from services.chat.runs.run_state import AT_ONCE, ENDED, GOING, OVER, Run
from tests.unit.chat.planned_runs import NOW, RUN, do, from_, planned_run, started, statuses, step


@st.composite
def plans(draw: st.DrawFn) -> list[StepRequest]:
    steps: list[StepRequest] = []
    for number in range(draw(st.integers(1, 12))):
        before = [step.id for step in steps]
        after = draw(st.lists(st.sampled_from(before), unique=True, max_size=3)) if before else []
        uses = draw(st.lists(st.sampled_from(before), unique=True, max_size=2)) if before else []
        arguments = {f"x{n}": from_(other) for n, other in enumerate(uses)}
        tool = draw(st.sampled_from(["read", "write"]))
        steps.append(step(f"s{number}", *after, tool=tool, required=draw(st.booleans()), **arguments))
    return draw(st.permutations(steps))


KINDS = (
    "done",
    "done",
    "done",
    "away",
    "refused",
    "unknown",
    "wait",
    "skip",
    "retry",
    "pause",
    "resume",
    "again",
    "late",
)


@given(plans(), st.data())
def test_whatever_happens_nothing_begins_before_what_it_waits_for_and_no_effect_runs_twice(
    drafts: list[StepRequest], data: st.DataObject
) -> None:
    """A random user and a random world: outcomes, failures, redeliveries, pauses, in any order."""
    run = started(*drafts)
    effects: dict[str, int] = {}
    begun: set[tuple[str, int]] = set()
    for _ in range(60):
        kind = data.draw(st.sampled_from(KINDS))
        step_id = data.draw(st.sampled_from(sorted(run.states)))
        _happen(run, kind, step_id, effects, begun)
        _check(run, begun)
        if run.status in OVER and kind != "retry":
            break
    assert all(count == 1 for count in effects.values()), "an execution id stands for one effect"


def _happen(run: Run, kind: str, step_id: str, effects: dict[str, int], begun: set[tuple[str, int]]) -> None:
    state = run.states[step_id]
    steer: dict[str, Callable[[], None]] = {
        "skip": lambda: changes.skip(run, step_id, NOW),
        "retry": lambda: changes.retry(run, step_id, NOW),
        "pause": lambda: changes.pause(run, NOW),
        "resume": lambda: changes.resume(run, NOW),
    }
    if kind in steer:
        try:
            steer[kind]()
        except RunNotPossible:
            return
    elif kind == "again":  # a command from before is delivered again
        if found := outcomes.begin(run, step_id, max(0, state.attempt - 1), NOW):
            raise AssertionError(f"an outdated command began {found.state.step.id}")
    elif state.status is StepStatus.READY:
        before = state.attempt
        if outcomes.begin(run, step_id, before, NOW):
            assert (step_id, before) not in begun, "an attempt begins once"
            begun.add((step_id, before))
            assert all(run.states[other].status in ENDED for other in state.step.depends_on)
    elif state.status in (StepStatus.RUNNING, StepStatus.WAITING):
        _end(run, kind, step_id, effects)


def _end(run: Run, kind: str, step_id: str, effects: dict[str, int]) -> None:
    state = run.states[step_id]
    attempt, execution = state.attempt, state.execution_id
    if kind == "wait":
        outcomes.wait(run, step_id, attempt, NOW)
        return
    made = {
        "done": Ended(result="{}"),
        "late": Ended(result="{}"),
        "away": Ended(error="provider_unavailable"),
        "unknown": Ended(error="execution_unknown", may_retry=False),
    }.get(kind, Ended(error="provider_refused"))
    if made.error is None and state.step.changes_something:
        assert execution is not None
        effects[execution] = effects.get(execution, 0) + 1
    outcomes.end(run, step_id, attempt, made, NOW)
    outcomes.end(run, step_id, attempt, Ended(result='"twice"'), NOW) if made.error is None else None
    assert state.result != '"twice"', "an outcome is recorded once"


def _check(run: Run, begun: set[tuple[str, int]]) -> None:
    under_way = [s for s in run.states.values() if s.status in (StepStatus.READY, StepStatus.RUNNING)]
    assert len(under_way) <= AT_ONCE
    for state in run.states.values():
        if state.status is StepStatus.DONE:
            assert all(run.states[other].result is not None for other in state.step.uses)
    if run.status in OVER:
        assert run.finished_at is not None
        assert not any(s.status is StepStatus.READY for s in run.states.values())
    if run.status is RunStatus.DONE:
        assert all(s.status in ENDED for s in run.states.values())
        assert not any(s.status is StepStatus.FAILED and s.step.required for s in run.states.values())
    if run.status in GOING and not under_way:
        assert any(s.status is StepStatus.WAITING for s in run.states.values()), "a run never stands still by itself"
    assert [update.n for update in run.updates] == list(range(1, len(run.updates) + 1))


@given(plans())
def test_a_run_in_which_everything_works_ends_with_every_step_done_once(drafts: list[StepRequest]) -> None:
    run = started(*drafts)
    for _ in range(len(drafts) + 1):
        for step_id in [i for i, state in run.states.items() if state.status is StepStatus.READY]:
            do(run, step_id)
    assert run.status is RunStatus.DONE
    assert set(statuses(run).values()) == {"done"}
    assert [dispatch.attempt for dispatch in run.dispatches] == [1] * len(drafts)
    assert run.progress == 1


@given(plans(), st.data())
def test_leaving_a_step_out_leaves_out_exactly_those_that_need_its_result(
    drafts: list[StepRequest], data: st.DataObject
) -> None:
    run = planned_run(*drafts)
    skipped = data.draw(st.sampled_from(sorted(run.states)))
    needing = {step.id for step in run.plan.steps if skipped in run.plan.behind(step.id)}
    changes.skip(run, skipped, NOW)
    changes.start(run, NOW, is_asked=True)
    while run.status is RunStatus.RUNNING:
        do(run, next(i for i, state in run.states.items() if state.status is StepStatus.READY))
    assert run.status is RunStatus.DONE
    left_out = {step_id for step_id, status in statuses(run).items() if status == "skipped"}
    assert left_out == {skipped} | needing


def test_a_required_step_that_fails_ends_the_run_and_what_had_not_begun_stays_undone() -> None:
    run = started(step("a"), step("b", "a"), step("c"), step("d"))
    assert outcomes.begin(run, "d", 1, NOW) is not None
    do(run, "a", Ended(error="provider_refused", detail="No."))
    assert run.status is RunStatus.RUNNING, "what is under way may end"
    assert outcomes.begin(run, "c", 1, NOW) is None
    outcomes.end(run, "d", 1, Ended(result="{}"), NOW)
    assert statuses(run) == {"a": "failed", "b": "pending", "c": "pending", "d": "done"}
    assert run.status is RunStatus.FAILED


def test_an_optional_step_that_fails_stops_only_those_that_need_its_result() -> None:
    run = started(step("a", required=False), step("b", "a"), step("c", x=from_("a"), required=False))
    do(run, "a", Ended(error="provider_refused"))
    assert statuses(run) == {"a": "failed", "b": "ready", "c": "skipped"}
    do(run, "b")
    assert run.status is RunStatus.DONE


def test_what_is_away_is_tried_again_after_growing_pauses_and_a_refusal_never() -> None:
    run = started(step("a", tool="write"))
    for number in range(3):
        do(run, "a", Ended(error="provider_unavailable"))
        assert run.dispatches[-1].at == NOW + timedelta(seconds=(2, 8, 30)[number])
    do(run, "a", Ended(error="provider_unavailable"))
    assert run.status is RunStatus.FAILED
    assert run.state("a").attempt == 4
    refused = started(step("a"))
    do(refused, "a", Ended(error="provider_refused"))
    assert refused.status is RunStatus.FAILED


def test_an_effect_gets_another_execution_id_only_when_the_former_one_came_to_nothing() -> None:
    run = started(step("a", tool="write"))
    do(run, "a", Ended(error="step_timeout", may_retry=False))
    changes.retry(run, "a", NOW)
    outcomes.begin(run, "a", run.state("a").attempt, NOW)
    assert run.state("a").execution_id == execution_id(RUN, "a", 0), "it may have happened"
    outcomes.end(run, "a", run.state("a").attempt, Ended(error="provider_refused"), NOW)
    changes.retry(run, "a", NOW)
    outcomes.begin(run, "a", run.state("a").attempt, NOW)
    assert run.state("a").execution_id == execution_id(RUN, "a", 1), "it is known that nothing happened"


def test_an_effect_nobody_knows_of_is_repeated_only_at_its_users_word() -> None:
    run = started(step("a", tool="write"))
    do(run, "a", Ended(error="execution_unknown", may_retry=False))
    for attempt in (lambda: changes.retry(run, "a", NOW), lambda: changes.resume(run, NOW)):
        with pytest.raises(RunNotPossible, match="not certain"):
            attempt()
    changes.retry(run, "a", NOW, was_not_done=True)
    assert run.state("a").generation == 1
    assert run.state("a").status is StepStatus.READY


def test_the_truth_about_an_effect_is_taken_when_it_comes_late_and_the_run_goes_on() -> None:
    run = started(step("a", tool="write"), step("b", "a"))
    do(run, "a", Ended(error="step_timeout", may_retry=False))
    assert run.status is RunStatus.FAILED
    outcomes.end(run, "a", 1, Ended(result="{}"), NOW)
    assert statuses(run) == {"a": "done", "b": "ready"}
    assert run.status is RunStatus.RUNNING


def test_a_paused_run_begins_nothing_and_goes_on_where_it_was() -> None:
    run = started(step("a"), step("b", "a"))
    begun = outcomes.begin(run, "a", 1, NOW)
    changes.pause(run, NOW)
    assert begun is not None
    outcomes.end(run, "a", 1, Ended(result="{}"), NOW)
    assert (run.status, statuses(run)) == (RunStatus.PAUSED, {"a": "done", "b": "pending"})
    deadline = run.deadline_at
    changes.resume(run, NOW + timedelta(hours=5))
    assert deadline is not None
    assert run.deadline_at == deadline + timedelta(hours=5), "a pause costs no time"
    do(run, "b")
    assert run.status is RunStatus.DONE


def test_what_failed_during_a_pause_is_tried_again_when_the_run_goes_on() -> None:
    run = started(step("a"), step("b", "a"))
    assert outcomes.begin(run, "a", 1, NOW) is not None
    changes.pause(run, NOW)
    outcomes.end(run, "a", 1, Ended(error="provider_refused"), NOW)
    assert run.status is RunStatus.PAUSED
    changes.resume(run, NOW)
    assert (run.status, statuses(run)) == (RunStatus.RUNNING, {"a": "ready", "b": "pending"})


def test_a_run_waits_for_its_user_while_nothing_else_can_go_on() -> None:
    run = started(step("a", tool="write"), step("b"))
    outcomes.begin(run, "a", 1, NOW)
    outcomes.wait(run, "a", 1, NOW)
    assert run.status is RunStatus.RUNNING
    do(run, "b")
    assert run.status is RunStatus.WAITING
    outcomes.end(run, "a", 1, Ended(error="declined", detail="You declined it.", may_retry=False), NOW)
    assert run.status is RunStatus.FAILED


def test_a_run_whose_time_is_up_begins_nothing_more_and_can_be_resumed() -> None:
    run = started(step("a"), step("b", "a"))
    do(run, "a")
    outcomes.expire(run, NOW + timedelta(hours=2))
    assert (run.status, run.error) == (RunStatus.FAILED, "run_timeout")
    changes.resume(run, NOW + timedelta(hours=3))
    assert run.state("b").status is StepStatus.READY


def test_a_cancelled_run_keeps_what_was_done_and_does_nothing_more() -> None:
    run = started(step("a", tool="write"), step("b", "a"))
    do(run, "a")
    changes.cancel(run, NOW)
    assert (run.status, statuses(run)) == (RunStatus.CANCELLED, {"a": "done", "b": "cancelled"})
    assert outcomes.begin(run, "b", 1, NOW) is None
    for change in (changes.resume, changes.pause):
        with pytest.raises(RunNotPossible):
            change(run, NOW)


def test_what_is_not_possible_is_refused_with_the_reason_and_the_way_out() -> None:
    run = planned_run(step("a"), step("b", "a"))
    with pytest.raises(RunNotPossible, match="has not been started: there is nothing to pause"):
        changes.pause(run, NOW)
    with pytest.raises(RunNotPossible, match="begin it with `start`"):
        changes.resume(run, NOW)
    changes.start(run, NOW, is_asked=True)
    with pytest.raises(RunNotPossible, match="Only a step that failed or was left out is tried again"):
        changes.retry(run, "b", NOW)
    changes.cancel(run, NOW)
    with pytest.raises(RunNotPossible, match="make a new one"):
        changes.start(run, NOW, is_asked=True)


def test_a_step_that_was_left_out_with_another_comes_back_with_it() -> None:
    run = started(step("a"), step("b", x=from_("a")), step("c", x=from_("b")))
    changes.skip(run, "a", NOW)
    assert run.status is RunStatus.DONE
    changes.retry(run, "a", NOW)
    assert statuses(run) == {"a": "ready", "b": "pending", "c": "pending"}


def test_a_step_that_is_tried_again_waits_for_what_its_user_wanted_after_all() -> None:
    run = started(step("a"), step("b", "a"))
    changes.skip(run, "a", NOW)
    assert outcomes.begin(run, "b", 1, NOW) is not None
    changes.retry(run, "a", NOW)
    outcomes.end(run, "b", 1, Ended(error="provider_unavailable"), NOW)
    assert statuses(run) == {"a": "ready", "b": "pending"}
    do(run, "a")
    assert run.state("b").status is StepStatus.READY
