"""Runs in the database. A run is changed by whoever holds its row (`services.chat.runs.run_writing`)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from contracts.ids import ConversationId, ExecutionId, RunId
from contracts.runs import RunPage, RunStatus, RunSummary, RunUpdate, StepStatus
from libs.db import Row, Transaction
from libs.vault import UserKey
from services.chat.runs.errors import RunNotFound
from services.chat.runs.plan import Plan, PlannedStep
from services.chat.runs.run_state import ENDED, Run, StepState

UPDATES_AT_ONCE = 200
LISTED_CHARACTERS = 200
"""Of a goal, in a list."""


class Content(msgspec.Struct, frozen=True):
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


class Outcome(msgspec.Struct, frozen=True):
    """What of a step is sealed beside its plan."""

    result: str | None = None
    detail: str | None = None


async def lock(tx: Transaction, key: UserKey, run_id: RunId) -> Run:
    """The run, nobody else's until the end of the transaction. Raises RunNotFound."""
    return await _loaded(tx, key, run_id, "select * from runs where run_id = $1 for update")


async def load(tx: Transaction, key: UserKey, run_id: RunId) -> Run:
    """The run, to look at. Raises RunNotFound."""
    return await _loaded(tx, key, run_id, "select * from runs where run_id = $1")


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


async def forget_of(tx: Transaction, conversation_id: ConversationId) -> None:
    """Plans of a conversation that nobody has started: they are its user's words, and go with it."""
    await tx.execute(_FORGET_OF, conversation_id, tx.require_scope().user_id)


async def page(tx: Transaction, key: UserKey, limit: int, cursor: str | None) -> RunPage:
    """The newest runs; a cursor is the id of the last one seen."""
    rows = await tx.fetch(_PAGE, tx.require_scope().user_id, cursor, limit + 1, [str(status) for status in ENDED])
    runs = tuple(_summary(key, row) for row in rows[:limit])
    return RunPage(runs=runs, cursor=runs[-1].run_id if len(rows) > limit else None)


_FORGET_OF = """
with gone as (
    delete from runs where user_id = $2 and conversation_id = $1 and status = 'planned' returning run_id
), steps as (
    delete from run_steps where run_id in (select run_id from gone)
)
delete from run_updates where run_id in (select run_id from gone)
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


async def _loaded(tx: Transaction, key: UserKey, run_id: RunId, sql: str) -> Run:
    row = await tx.fetchrow(sql, run_id)
    if row is None:
        raise RunNotFound("There is no such run.")
    steps = await tx.fetch("select * from run_steps where run_id = $1 order by place", run_id)
    content = _content(key, row)
    states = [_state(key, run_id, step) for step in steps]
    run = Run(
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
    run.stored = run.standing
    return run


def _content(key: UserKey, row: Row) -> Content:
    return msgspec.json.decode(key.open("run", row["run_id"], row["content"]), type=Content)


def _state(key: UserKey, run_id: RunId, row: Row) -> StepState:
    row_id = f"{run_id}:{row['place']}"
    outcome = Outcome()
    if row["outcome"] is not None:
        outcome = msgspec.json.decode(key.open("run_outcome", row_id, row["outcome"]), type=Outcome)
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
