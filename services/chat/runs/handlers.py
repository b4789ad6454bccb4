"""What chat does when something about runs arrives."""

from datetime import UTC, datetime

import structlog

from contracts.ids import RunId
from contracts.runs import (
    ControlRun,
    ControlStep,
    CreateRun,
    EndRunInTime,
    GetRun,
    GetRunUpdates,
    ListRuns,
    LookAtStep,
    RunPage,
    RunRequest,
    RunStatus,
    RunStep,
    RunUpdates,
    RunView,
)
from libs.bus import Call, answer, handle, handle_long
from libs.db import Transaction
from services.chat.deps import Chat
from services.chat.runs import changes, run_rows, start, stepping
from services.chat.runs.errors import RunNotFound
from services.chat.runs.run_state import OVER
from services.chat.runs.views import view_of

BUG_ATTEMPTS = 3
LOOKS_NOTED_S = 15.0

log = structlog.get_logger("services.chat")


async def create_run(query: CreateRun, call: Call, deps: Chat) -> RunView:
    """Plan, and begin if wanted."""
    scope = call.require_scope()
    request = RunRequest.model_validate_json(deps.seal.open("run_request", scope, query.sealed_request))
    run = await start.create(query.run_id, request, scope, deps, start=query.start, by_program=query.by_program)
    return view_of(run)


async def list_runs(query: ListRuns, call: Call, deps: Chat) -> RunPage:
    """A page, newest first."""
    async with deps.db.reading(call.require_scope()) as tx:
        return await run_rows.page(tx, await deps.vault.user_key(tx), query.limit, query.cursor)


async def get_run(query: GetRun, call: Call, deps: Chat) -> RunView:
    """One of them."""
    async with deps.db.reading(call.require_scope()) as tx:
        run = await run_rows.load(tx, await deps.vault.user_key(tx), query.run_id)
    await _note_look(run.id, run.status, run.seen_at, call, deps)
    return view_of(run)


async def get_run_updates(query: GetRunUpdates, call: Call, deps: Chat) -> RunUpdates:
    """What a client missed."""
    async with deps.db.reading(call.require_scope()) as tx:
        standing = await run_rows.standing(tx, query.run_id)
        updates = await run_rows.updates_after(tx, await deps.vault.user_key(tx), query.run_id, query.after)
    await _note_look(query.run_id, standing.status, standing.seen_at, call, deps)
    last = updates[-1].n if updates else query.after
    return RunUpdates(updates=updates, status=standing.status, is_over=standing.status in OVER and last >= standing.n)


async def control_run(query: ControlRun, call: Call, deps: Chat) -> RunView:
    """Start, pause, go on, cancel."""
    now = datetime.now(UTC)
    async with deps.db.transaction(call.require_scope()) as tx:
        key = await deps.vault.user_key(tx)
        run = await run_rows.lock(tx, key, query.run_id)
        run.seen_at = now
        match query.action:
            case "start":
                changes.start(run, now, is_asked=True, by_program=query.by_program)
            case "pause":
                changes.pause(run, now)
            case "resume":
                changes.resume(run, now)
            case "cancel":
                changes.cancel(run, now)
        await stepping.keep(tx, key, run, deps)
    return view_of(run)


async def control_step(query: ControlStep, call: Call, deps: Chat) -> RunView:
    """Leave it out, or try it again."""
    now = datetime.now(UTC)
    async with deps.db.transaction(call.require_scope()) as tx:
        key = await deps.vault.user_key(tx)
        run = await run_rows.lock(tx, key, query.run_id)
        run.seen_at = now
        if query.action == "skip":
            changes.skip(run, query.step_id, now)
        else:
            changes.retry(run, query.step_id, now, was_not_done=query.was_not_done)
        await stepping.keep(tx, key, run, deps)
    return view_of(run)


async def run_step(command: RunStep, call: Call, deps: Chat) -> None:
    """Begin a step; one that fails by a defect of ours does so for its user to see."""
    try:
        await stepping.begin(command, call.require_scope(), deps, is_again=call.attempt > 1)
    except RunNotFound:
        _gone(command.run_id)
    except Exception as error:
        if getattr(error, "retryable", False) or call.attempt < BUG_ATTEMPTS:
            raise
        log.exception("run_step_failed", error=type(error).__name__)
        await stepping.give_up(command, call.require_scope(), deps)


async def look_at_step(command: LookAtStep, call: Call, deps: Chat) -> None:
    """See what became of it."""
    try:
        await stepping.look(command, call.require_scope(), deps)
    except RunNotFound:
        _gone(command.run_id)


async def end_run_in_time(command: EndRunInTime, tx: Transaction, deps: Chat) -> None:
    """Its time is up."""
    try:
        await stepping.expire(command, tx, deps)
    except RunNotFound:
        _gone(command.run_id)


async def _note_look(run_id: RunId, status: RunStatus, seen_at: datetime | None, call: Call, deps: Chat) -> None:
    """Whoever looks need not be told; noted now and then, while there is something to come."""
    now = datetime.now(UTC)
    if status not in OVER and (seen_at is None or (now - seen_at).total_seconds() > LOOKS_NOTED_S):
        async with deps.db.transaction(call.require_scope()) as tx:
            await run_rows.saw(tx, run_id, now)


def _gone(run_id: RunId) -> None:
    log.info("run_gone", run_id=run_id)


ROUTES = (
    answer(CreateRun, create_run),
    answer(ListRuns, list_runs),
    answer(GetRun, get_run),
    answer(GetRunUpdates, get_run_updates),
    answer(ControlRun, control_run),
    answer(ControlStep, control_step),
    handle_long(RunStep, run_step, at_once=128),
    handle_long(LookAtStep, look_at_step, at_once=128),
    handle(EndRunInTime, end_run_in_time),
)
