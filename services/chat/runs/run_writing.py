"""A change of a run into the database: its state, what is told of it, and the commands that follow."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from contracts.actions import WithdrawAction
from contracts.runs import EndRunInTime, RunEnded, RunStatus, RunStep, RunUpdate, StepStatus
from libs.bus import publish, send_later
from libs.db import Transaction
from libs.vault import UserKey
from services.chat.runs.run_rows import Content, Outcome
from services.chat.runs.run_state import Run, StepState


async def save(tx: Transaction, key: UserKey, run: Run) -> None:
    """Write what changed, what is told of it, and the commands that follow from it."""
    if run.stored == run.standing and not run.changed and not run.unwanted:
        return
    steps = [_step_values(key, run, run.states[step_id]) for step_id in sorted(run.changed)]
    updates = [(each.n, _sealed(key, run, each)) for each in run.updates]
    if run.stored is None:
        await _insert(tx, key, run)
    await tx.execute(_SAVE, *_run_values(key, run), *_columns(steps, _STEP_COLUMNS), *_columns(updates, 2))
    for order in run.dispatches:
        place = run.plan.place_of(order.step_id)
        command = RunStep(run_id=run.id, place=place, attempt=order.attempt)
        await publish(tx, command, deliver_at=order.at, id=f"{run.id}.{place}.{order.attempt}")
    if run.finished_at is not None and run.ended_unseen(run.finished_at):
        await publish(tx, _ended(run, run.finished_at), id=f"{run.id}.ended.{run.n}")
    for execution_id in run.unwanted:
        await publish(tx, WithdrawAction(action_id=execution_id))
    if run.deadline_at is not None and run.deadline_at != run.timed_for:
        timer = f"{run.id}.deadline.{run.deadline_at.timestamp():.3f}"
        await send_later(tx, EndRunInTime(run_id=run.id), run.deadline_at, id=timer)


_INSERT_RUN = """
insert into runs (run_id, status, n, content, created_at, conversation_id) values ($1, 'planned', 0, $2, $3, $4)
"""

_INSERT_STEP = """
insert into run_steps (run_id, place, status, attempt, failures, generation, plan)
values ($1, $2, 'pending', 0, 0, 0, $3)
"""

_STEP_COLUMNS = 10
_SAVE = """
with run as (
    update runs set status = $2, n = $3, content = $4, error = $5, started_at = $6, finished_at = $7, paused_at = $8,
        deadline_at = $9, seen_at = $10
    where run_id = $1
), steps as (
    update run_steps s set status = c.status, attempt = c.attempt, failures = c.failures, generation = c.generation,
        execution_id = c.execution_id, outcome = c.outcome, error = c.error, started_at = c.started_at,
        finished_at = c.finished_at
    from unnest($11::integer[], $12::text[], $13::integer[], $14::integer[], $15::integer[], $16::text[], $17::bytea[],
                $18::text[], $19::timestamptz[], $20::timestamptz[])
        as c(place, status, attempt, failures, generation, execution_id, outcome, error, started_at, finished_at)
    where s.run_id = $1 and s.place = c.place
)
insert into run_updates (run_id, n, data)
select $1, u.n, u.data from unnest($21::integer[], $22::bytea[]) as u(n, data)
"""
"""All that a change writes, in one round trip: a run takes two of them for every step."""


async def _insert(tx: Transaction, key: UserKey, run: Run) -> None:
    await tx.execute(_INSERT_RUN, run.id, _sealed_content(key, run), run.created_at, run.conversation_id)
    plans = [
        (run.id, place, key.seal("run_step", f"{run.id}:{place}", msgspec.json.encode(step)))
        for place, step in enumerate(run.plan.steps)
    ]
    await tx.executemany(_INSERT_STEP, plans)


def _run_values(key: UserKey, run: Run) -> tuple[object, ...]:
    return (
        run.id,
        run.status,
        run.n,
        _sealed_content(key, run),
        run.error,
        run.started_at,
        run.finished_at,
        run.paused_at,
        run.deadline_at,
        run.seen_at,
    )


def _sealed_content(key: UserKey, run: Run) -> bytes:
    content = Content(
        goal=run.goal,
        planned_by=run.planned_by,
        timezone=run.timezone,
        time_limit_s=run.time_limit_s,
        after_reading=run.after_reading,
        is_asked=run.is_asked,
        by_program=run.by_program,
        cost_micros=run.cost_micros,
        confidence=run.confidence,
        detail=run.detail,
        conversation_id=run.conversation_id,
    )
    return key.seal("run", run.id, msgspec.json.encode(content))


def _sealed(key: UserKey, run: Run, update: RunUpdate) -> bytes:
    return key.seal("run_update", f"{run.id}:{update.n}", update.model_dump_json().encode())


def _columns(rows: Sequence[tuple[object, ...]], count: int) -> tuple[list[object], ...]:
    """One list a column, as `unnest` takes them."""
    return tuple([row[number] for row in rows] for number in range(count))


def _ended(run: Run, at: datetime) -> RunEnded:
    return RunEnded(
        run_id=run.id,
        status="done" if run.status is RunStatus.DONE else "failed",
        number=run.n,
        step_count=len(run.states),
        done_count=sum(state.status is StepStatus.DONE for state in run.states.values()),
        ended_at=at,
        error=run.error,
    )


def _step_values(key: UserKey, run: Run, state: StepState) -> tuple[object, ...]:
    place = run.plan.place_of(state.step.id)
    row_id = f"{run.id}:{place}"
    outcome = Outcome(state.result, state.detail)
    return (
        place,
        state.status,
        state.attempt,
        state.failures,
        state.generation,
        state.execution_id,
        None if outcome == Outcome() else key.seal("run_outcome", row_id, msgspec.json.encode(outcome)),
        state.error,
        state.started_at,
        state.finished_at,
    )
