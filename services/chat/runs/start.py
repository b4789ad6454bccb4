"""Where runs begin: by a request of the API, or by a turn whose model made a plan."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from contracts.envelope import Scope
from contracts.ids import RunId
from contracts.runs import RunRequest, StepRequest
from contracts.tool import ToolDescription
from libs.db import Transaction
from services.chat.about import find_out
from services.chat.deps import Chat
from services.chat.runs import changes, run_rows
from services.chat.runs.errors import NothingToPlan, RunNotFound, ToolsAway
from services.chat.runs.plan import checked
from services.chat.runs.planner import Planned, planned
from services.chat.runs.run_state import Run, fresh
from services.chat.runs.stepping import keep

TIME_LIMIT_S = 86_400.0
"""Unless the user says otherwise: a day, because some steps wait for their decision."""


@dataclass(frozen=True, slots=True)
class TurnPlan:
    """What a turn hands over: the steps its model asked for, and what that model had before it."""

    run_id: RunId
    """Derived from the turn and the call, so that a turn taken over starts the same run once."""
    goal: str
    """The user's words."""
    steps: tuple[StepRequest, ...]
    timezone: str
    asked_at: datetime
    conversation_id: str
    has_read_untrusted: bool


async def create(run_id: RunId, request: RunRequest, scope: Scope, deps: Chat, *, start: bool, by_program: bool) -> Run:
    """The run of an API request; the one there is, when it was asked for before.

    Raises PlanRejected, NothingToPlan, ToolsAway.
    """
    if (known := await _known(run_id, scope, deps)) is not None:
        return known
    about = await find_out(deps.bus, scope, request.timezone)
    if not about.tools and about.missing_providers:
        missing = " and ".join(about.missing_providers)
        raise NothingToPlan(f"That needs a connection first: connect {missing} under Integrations.")
    if not about.tools:
        raise ToolsAway("Your tools cannot be reached right now.", retry_after_s=2)
    now = datetime.now(UTC)
    if request.steps:
        made = Planned(checked(request.steps, about.tools), "user")
    else:
        made = await planned(request.goal, about.tools, now.astimezone(about.zone), scope, deps.models)
    run = _run(run_id, request.goal, made, about.zone.key, now, request.time_limit_s)
    run.by_program = by_program
    return await _keep(run, scope, deps, start=start)


async def start_from_turn(given: TurnPlan, tools: Mapping[str, ToolDescription], scope: Scope, deps: Chat) -> Run:
    """Show a turn's plan; it runs when its user starts it. Idempotent by run id. Raises PlanRejected."""
    if (known := await _known(given.run_id, scope, deps)) is not None:
        return known
    made = Planned(checked(given.steps, tools), "model")
    run = _run(given.run_id, given.goal, made, given.timezone, given.asked_at, None)
    run.after_reading, run.conversation_id = given.has_read_untrusted, given.conversation_id
    return await _keep(run, scope, deps, start=False)


def _run(run_id: RunId, goal: str, made: Planned, timezone: str, now: datetime, limit_s: float | None) -> Run:
    return fresh(
        run_id,
        goal,
        made.plan,
        now,
        planned_by=made.planned_by,
        timezone=timezone,
        time_limit_s=limit_s or TIME_LIMIT_S,
        cost_micros=made.cost_micros,
        confidence=made.confidence,
    )


async def _keep(run: Run, scope: Scope, deps: Chat, *, start: bool) -> Run:
    async with deps.db.transaction(scope) as tx:
        await _only_once(tx, run.id)
        key = await deps.vault.user_key(tx)
        try:
            return await run_rows.load(tx, key, run.id)  # somebody asked for the same at the same time
        except RunNotFound:
            pass
        run.seen_at = run.created_at
        if start:
            # What a model made of the goal was not shown before it began; what the user wrote was.
            changes.start(run, run.created_at, is_asked=run.planned_by != "model", by_program=run.by_program)
        await keep(tx, key, run, deps)
    return run


async def _only_once(tx: Transaction, run_id: RunId) -> None:
    await tx.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", run_id)


async def _known(run_id: RunId, scope: Scope, deps: Chat) -> Run | None:
    async with deps.db.reading(scope) as tx:
        try:
            return await run_rows.load(tx, await deps.vault.user_key(tx), run_id)
        except RunNotFound:
            return None
