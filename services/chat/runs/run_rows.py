"""Runs in the database. A run is changed by whoever holds its row; what it says and orders leaves with that commit."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from contracts.actions import WithdrawAction
from contracts.ids import ExecutionId, RunId
from contracts.runs import EndRunInTime, RunEnded, RunPage, RunStatus, RunStep, RunSummary, RunUpdate, StepStatus
from libs.bus import publish, send_later
from libs.db import Row, Transaction
from libs.vault import UserKey
from services.chat.runs.errors import RunNotFound
from services.chat.runs.plan import Plan, PlannedStep
from services.chat.runs.run_state import ENDED, Run, StepState

UPDATES_AT_ONCE = 200
LISTED_CHARACTERS = 200
"""Of a goal, in a list."""


class _Content(msgspec.Struct, frozen=True):
    """What of a run is sealed in one piece."""

    goal: str
    planned_by: Any
    timezone: str
    time_limit_s: float
    after_reading: bool
    is_asked: bool
    by_program: bool
    cost_micros: int
    confidence: float
    detail: str | None
    conversation_id: str | None = None


class _Outcome(msgspec.Struct, frozen=True):
    result: str | None = None
    detail: str | None = None


async def lock(tx: Transaction, key: UserKey, run_id: RunId) -> Run:
    """The run, nobody else's until the end of the transaction. Raises RunNotFound."""
    return await _loaded(tx, key, run_id, "select * from runs where run_id = $1 for update")


async def load(tx: Transaction, key: UserKey, run_id: RunId) -> Run:
    """The run, to look at. Raises RunNotFound."""
    return await _loaded(tx, key, run_id, "select * from runs where run_id = $1")


async def save(tx: Transaction, key: UserKey, run: Run) -> None:
    """Write what changed, what is told of it, and the commands that follow from it."""
    await _save_run(tx, key, run)
    await tx.executemany(_SAVE_STEP, [_step_values(key, run, run.states[step_id]) for step_id in sorted(run.changed)])
    await tx.executemany(
        "insert into run_updates (run_id, n, data) values ($1, $2, $3)",
        [
            (run.id, each.n, key.seal("run_update", f"{run.id}:{each.n}", each.model_dump_json().encode()))
            for each in run.updates
        ],
    )
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


async def updates_after(tx: Transaction, key: UserKey, run_id: RunId, after: int) -> tuple[RunUpdate, ...]:
    """What was told since, in order, at most UPDATES_AT_ONCE."""
    rows = await tx.fetch(
        "select n, data from run_updates where run_id = $1 and n > $2 order by n limit $3",
        run_id,
        after,
        UPDATES_AT_ONCE,
    )
    return tuple(
        RunUpdate.model_validate_json(key.open("run_update", f"{run_id}:{row['n']}", row["data"])) for row in rows
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """How a run stands, without its content."""

    status: RunStatus
    n: int
    seen_at: datetime | None


async def standing(tx: Transaction, run_id: RunId) -> Standing:
    """Raises RunNotFound."""
    row = await tx.fetchrow("select status, n, seen_at from runs where run_id = $1", run_id)
    if row is None:
        raise RunNotFound("There is no such run.")
    return Standing(RunStatus(row["status"]), row["n"], row["seen_at"])


async def saw(tx: Transaction, run_id: RunId, now: datetime) -> None:
    """Its user looks at it; a note that whoever changes the run at this moment need not wait for."""
    await tx.execute(
        """update runs set seen_at = $2
           where run_id = (select run_id from runs where run_id = $1 for update skip locked)""",
        run_id,
        now,
    )


async def step_of_execution(tx: Transaction, execution_id: ExecutionId) -> tuple[RunId, int, int] | None:
    """Run, place of the step, and attempt that an effect belongs to; None for the effects of turns and programs."""
    row = await tx.fetchrow(
        "select run_id, place, attempt from run_steps where user_id = $2 and execution_id = $1",
        execution_id,
        tx.require_scope().user_id,
    )
    return None if row is None else (RunId(row["run_id"]), row["place"], row["attempt"])


async def execution_of(tx: Transaction, run_id: RunId, place: int, attempt: int) -> ExecutionId | None:
    """The effect of this attempt at a step, unless it is known to be done; without opening anything."""
    found = await tx.fetchval(
        """select execution_id from run_steps
           where run_id = $1 and place = $2 and attempt = $3 and status <> 'done'""",
        run_id,
        place,
        attempt,
    )
    return None if found is None else ExecutionId(found)


async def page(tx: Transaction, key: UserKey, limit: int, cursor: str | None) -> RunPage:
    """The newest runs; a cursor is the id of the last one seen."""
    rows = await tx.fetch(_PAGE, tx.require_scope().user_id, cursor, limit + 1, [str(status) for status in ENDED])
    runs = tuple(_summary(key, row) for row in rows[:limit])
    return RunPage(runs=runs, cursor=runs[-1].run_id if len(rows) > limit else None)


_SAVE_RUN = """
insert into runs (run_id, status, n, content, error, created_at, started_at, finished_at, paused_at, deadline_at,
                  seen_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
on conflict (organization_id, user_id, run_id) do update set
    status = excluded.status, n = excluded.n, content = excluded.content, error = excluded.error,
    started_at = excluded.started_at, finished_at = excluded.finished_at, paused_at = excluded.paused_at,
    deadline_at = excluded.deadline_at, seen_at = excluded.seen_at
"""

_SAVE_STEP = """
insert into run_steps (run_id, place, status, attempt, failures, generation, execution_id, plan, outcome,
                       error, started_at, finished_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
on conflict (organization_id, user_id, run_id, place) do update set
    status = excluded.status, attempt = excluded.attempt, failures = excluded.failures,
    generation = excluded.generation, execution_id = excluded.execution_id, outcome = excluded.outcome,
    error = excluded.error, started_at = excluded.started_at, finished_at = excluded.finished_at
"""

_PAGE = """
select r.run_id, r.status, r.content, r.created_at, r.finished_at, s.total, s.ended
from runs r
cross join lateral (
    select count(*)::int as total, count(*) filter (where status = any($4))::int as ended
    from run_steps where user_id = r.user_id and run_id = r.run_id
) s
where r.user_id = $1
  and ($2::text is null or (r.created_at, r.run_id) < (select created_at, run_id from runs where run_id = $2))
order by r.created_at desc, r.run_id desc limit $3
"""


async def _save_run(tx: Transaction, key: UserKey, run: Run) -> None:
    content = _Content(
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
    await tx.execute(
        _SAVE_RUN,
        run.id,
        run.status,
        run.n,
        key.seal("run", run.id, msgspec.json.encode(content)),
        run.error,
        run.created_at,
        run.started_at,
        run.finished_at,
        run.paused_at,
        run.deadline_at,
        run.seen_at,
    )


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
    outcome = _Outcome(state.result, state.detail)
    return (
        run.id,
        place,
        state.status,
        state.attempt,
        state.failures,
        state.generation,
        state.execution_id,
        key.seal("run_step", row_id, msgspec.json.encode(state.step)),
        None if outcome == _Outcome() else key.seal("run_outcome", row_id, msgspec.json.encode(outcome)),
        state.error,
        state.started_at,
        state.finished_at,
    )


async def _loaded(tx: Transaction, key: UserKey, run_id: RunId, sql: str) -> Run:
    row = await tx.fetchrow(sql, run_id)
    if row is None:
        raise RunNotFound("There is no such run.")
    steps = await tx.fetch("select * from run_steps where run_id = $1 order by place", run_id)
    content = _content(key, row)
    states = [_state(key, run_id, step) for step in steps]
    return Run(
        id=run_id,
        goal=content.goal,
        plan=Plan(tuple(state.step for state in states)),
        states={state.step.id: state for state in states},
        status=RunStatus(row["status"]),
        planned_by=content.planned_by,
        timezone=content.timezone,
        time_limit_s=content.time_limit_s,
        created_at=row["created_at"],
        after_reading=content.after_reading,
        conversation_id=content.conversation_id,
        is_asked=content.is_asked,
        by_program=content.by_program,
        cost_micros=content.cost_micros,
        confidence=content.confidence,
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        paused_at=row["paused_at"],
        deadline_at=row["deadline_at"],
        timed_for=row["deadline_at"],
        error=row["error"],
        detail=content.detail,
        n=row["n"],
        seen_at=row["seen_at"],
    )


def _content(key: UserKey, row: Row) -> _Content:
    return msgspec.json.decode(key.open("run", row["run_id"], row["content"]), type=_Content)


def _state(key: UserKey, run_id: RunId, row: Row) -> StepState:
    row_id = f"{run_id}:{row['place']}"
    outcome = _Outcome()
    if row["outcome"] is not None:
        outcome = msgspec.json.decode(key.open("run_outcome", row_id, row["outcome"]), type=_Outcome)
    return StepState(
        step=msgspec.json.decode(key.open("run_step", row_id, row["plan"]), type=PlannedStep),
        status=StepStatus(row["status"]),
        attempt=row["attempt"],
        failures=row["failures"],
        generation=row["generation"],
        execution_id=row["execution_id"],
        result=outcome.result,
        error=row["error"],
        detail=outcome.detail,
        started_at=row["started_at"],
        finished_at=row["finished_at"],
    )


def _summary(key: UserKey, row: Row) -> RunSummary:
    return RunSummary(
        run_id=RunId(row["run_id"]),
        goal=_content(key, row).goal[:LISTED_CHARACTERS],
        status=RunStatus(row["status"]),
        progress=row["ended"] / max(1, row["total"]),
        step_count=row["total"],
        created_at=row["created_at"],
        finished_at=row["finished_at"],
    )
