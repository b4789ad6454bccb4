"""One step at work. No worker waits for an effect: it is ordered, then a timer or an event looks what became of it.

RunStep ─ read ──> asked, result recorded ─ makes another read possible ──> the same again, without a command
        └ effect ─> ExecuteTool and a look, in the transaction that begins the step
LookAtStep ──> GetExecution: done, failed, declined → recorded │ proposed → waits │ under way → looks again later

Nothing here repeats an effect: its execution id follows from run and step, and the tool service's ledger knows it.
"""

from datetime import UTC, datetime, timedelta

import structlog

from contracts.envelope import Scope
from contracts.ids import ExecutionId
from contracts.runs import EndRunInTime, LookAtStep, RunNotice, RunStatus, RunStep, StepStatus
from contracts.tool import ExecuteTool, ExecutionStatus, GetExecution, RunReadTool, ToolOutcome
from libs.bus import RemoteError, publish, send_later, take_back
from libs.db import Transaction
from libs.resilience.errors import Unavailable
from libs.vault import UserKey
from services.chat.deps import Chat
from services.chat.runs import outcomes, run_rows, run_writing
from services.chat.runs.origins import origins_of
from services.chat.runs.outcomes import STEP_TIMEOUT, Begun, Ended
from services.chat.runs.retries import APPROVED, LOOKS_S, look_in_s
from services.chat.runs.run_state import Run, StepState

log = structlog.get_logger("services.chat")

READ_S = 30.0
IN_A_ROW = 10
"""So many reads go on one after the other with one command, before another replica may take its turn."""
EXPIRE_AGAIN_S = 30.0
_DECIDED = {
    ExecutionStatus.DECLINED: "You declined it.",
    ExecutionStatus.EXPIRED: "Nobody decided on it in time.",
    ExecutionStatus.WITHDRAWN: "You took it back.",
}
_BY_USER = frozenset({ExecutionStatus.DECLINED, ExecutionStatus.WITHDRAWN})
"""Whoever has just decided against it need not be told what came of that."""
_UNDER_WAY = frozenset({ExecutionStatus.CLAIMED, ExecutionStatus.HELD})
_NOT_KNOWN = "It is not certain whether this was done: please look before you try it again."


async def begin(command: RunStep, scope: Scope, deps: Chat, *, is_again: bool = False) -> None:
    """Take the step up; a read is also finished here, and reads that it makes possible. `is_again`: whoever had this
    command may have died over one of those."""
    async with deps.db.transaction(scope) as tx:
        key = await deps.vault.user_key(tx)
        run = await run_rows.lock(tx, key, command.run_id)
        begun = outcomes.begin(run, _step_id(run, command), command.attempt, datetime.now(UTC))
        if begun and begun.is_first and begun.state.step.changes_something:
            await _order(tx, run, begun, scope, deps)
        await keep(tx, key, run, deps)
    if begun is not None:
        await _read_on(run, begun, scope, deps)
    elif is_again:
        for left in outcomes.left_behind(run):
            await _read_on(run, left, scope, deps)


async def give_up(command: RunStep, scope: Scope, deps: Chat) -> None:
    """The step cannot be done, for a defect of ours."""
    async with deps.db.transaction(scope) as tx:
        key = await deps.vault.user_key(tx)
        run = await run_rows.lock(tx, key, command.run_id)
        now, own = datetime.now(UTC), run.state(_step_id(run, command))
        outcomes.give_up(run, own.step.id, command.attempt, now)
        for left in outcomes.left_behind(run) if own.finished_at is not None else ():
            outcomes.give_up(run, left.state.step.id, left.state.attempt, now)
        await keep(tx, key, run, deps)


async def look(command: LookAtStep, scope: Scope, deps: Chat) -> None:
    """Ask what became of an effect, and go on from there."""
    execution_id = command.execution_id
    if execution_id is None:
        async with deps.db.reading(scope) as tx:
            execution_id = await run_rows.execution_of(tx, command.run_id, command.place, command.attempt)
    if execution_id is None:
        return
    found = await _execution(execution_id, scope, deps)
    async with deps.db.transaction(scope) as tx:
        key = await deps.vault.user_key(tx)
        run = await run_rows.lock(tx, key, command.run_id)
        await _take(tx, run, command, found, scope, deps)
        await keep(tx, key, run, deps)


async def expire(command: EndRunInTime, tx: Transaction, deps: Chat) -> None:
    """End a run whose time is up; steps under way are waited for as long as their own limit allows."""
    key = await deps.vault.user_key(tx)
    run = await run_rows.lock(tx, key, command.run_id)
    now = datetime.now(UTC)
    outcomes.expire(run, now)
    if run.status is RunStatus.RUNNING and run.deadline_at is not None and run.deadline_at <= now:
        await send_later(tx, command, now + timedelta(seconds=EXPIRE_AGAIN_S))
    await keep(tx, key, run, deps)


async def keep(tx: Transaction, key: UserKey, run: Run, deps: Chat) -> None:
    """Save a changed run, and wake those who follow it once that is certain."""
    await run_writing.save(tx, key, run)
    if run.updates:
        notice = RunNotice(run_id=run.id, n=run.n)
        tx.after_commit(lambda: deps.background.create_task(_tell(deps, notice)))


async def _order(tx: Transaction, run: Run, begun: Begun, scope: Scope, deps: Chat) -> None:
    """The effect as a command, and the first look at it."""
    state = begun.state
    assert state.execution_id is not None
    arguments = outcomes.as_json(begun.arguments)
    provenance = origins_of(run, state, begun.arguments).of_call(state.execution_id, state.step.tool, arguments)
    command = ExecuteTool(
        execution_id=state.execution_id,
        tool=state.step.tool,
        sealed_arguments=deps.seal.seal("tool_arguments", scope, arguments),
        timezone=run.timezone,
        asked_at=run.created_at,
        sealed_provenance=deps.seal.seal("tool_provenance", scope, provenance.model_dump_json()),
    )
    await publish(tx, command, id=f"{state.execution_id}.{state.attempt}")
    await _look_later(tx, run, state, 0)


async def _look_later(tx: Transaction, run: Run, state: StepState, number: int, *, waiting: bool = False) -> None:
    place = run.plan.place_of(state.step.id)
    command = LookAtStep(run_id=run.id, place=place, attempt=state.attempt, look=number)
    at = datetime.now(UTC) + timedelta(seconds=look_in_s(number, waiting=waiting))
    await send_later(tx, command, at, id=_look_id(run, place, state.attempt, number))


def _look_id(run: Run, place: int, attempt: int, number: int) -> str:
    return f"{run.id}.{place}.{attempt}.look.{number}"


async def _read(run: Run, begun: Begun, scope: Scope, deps: Chat) -> Ended:
    step = begun.state.step
    query = RunReadTool(
        tool=step.tool,
        sealed_arguments=deps.seal.seal("tool_arguments", scope, outcomes.as_json(begun.arguments)),
        timezone=run.timezone,
        asked_at=run.created_at,
    )
    try:
        outcome = await deps.bus.ask(query, scope=scope, timeout_s=min(READ_S, step.time_limit_s))
    except RemoteError as error:
        return Ended(error=error.slug, detail=error.detail)
    except Unavailable as away:
        return Ended(error=away.slug, detail="Your tools cannot be reached right now.")
    return _ended(outcome, scope, deps)


async def _read_on(run: Run, begun: Begun, scope: Scope, deps: Chat) -> None:
    """Read, and go on with a read that this makes possible: one command and one transaction instead of two each."""
    following: Begun | None = begun
    for number in range(1, IN_A_ROW + 1):
        if following is None or following.state.step.changes_something:
            return
        begun = following
        ended = await _read(run, begun, scope, deps)
        async with deps.db.transaction(scope) as tx:
            key = await deps.vault.user_key(tx)
            now, run = datetime.now(UTC), await run_rows.lock(tx, key, run.id)
            outcomes.end(run, begun.state.step.id, begun.state.attempt, ended, now)
            following = outcomes.begin_next(run, now) if number < IN_A_ROW else None
            await keep(tx, key, run, deps)


async def _execution(execution_id: ExecutionId, scope: Scope, deps: Chat) -> ToolOutcome | None:
    """How the effect stands; None while the command is on its way, or nobody can say."""
    try:
        return await deps.bus.ask(GetExecution(execution_id=execution_id), scope=scope)
    except (RemoteError, Unavailable) as not_yet:
        log.debug("execution_not_seen", error=not_yet.slug)
        return None


async def _take(
    tx: Transaction, run: Run, command: LookAtStep, found: ToolOutcome | None, scope: Scope, deps: Chat
) -> None:
    """What a look has shown, into the run; and the next look, if there has to be one."""
    now, state = datetime.now(UTC), run.state(_step_id(run, command))
    was_waiting = state.status is StepStatus.WAITING
    if found is not None and found.status is ExecutionStatus.PROPOSED:
        outcomes.wait(run, state.step.id, command.attempt, now)
        if command.look is not None and state.status in (StepStatus.WAITING, StepStatus.RUNNING):
            waiting = state.status is StepStatus.WAITING
            await _look_later(tx, run, state, command.look + 1, waiting=waiting)
    elif found is not None and found.status not in _UNDER_WAY:
        if found.status in _BY_USER:
            run.seen_at = now
        outcomes.end(run, state.step.id, command.attempt, _ended(found, scope, deps), now)
        if command.look is None:
            await take_back(tx, [_look_id(run, command.place, command.attempt, look) for look in range(len(LOOKS_S))])
    else:
        if found is not None and found.status is ExecutionStatus.HELD and run.status is RunStatus.CANCELLED:
            run.withdraw(state)
        elif found is not None:
            outcomes.wait_no_more(run, state.step.id, command.attempt, now)
        if state.status is not StepStatus.RUNNING or state.attempt != command.attempt:
            return
        if outcomes.time_left_s(state, now) <= 0:
            late = Ended(error=STEP_TIMEOUT, detail=_NOT_KNOWN, may_retry=False)
            outcomes.end(run, state.step.id, command.attempt, late, now)
        elif was_waiting:
            await _look_later(tx, run, state, APPROVED)
        elif command.look is not None:
            await _look_later(tx, run, state, command.look + 1)


def _step_id(run: Run, command: RunStep | LookAtStep) -> str:
    return run.plan.steps[command.place].id


def _ended(outcome: ToolOutcome, scope: Scope, deps: Chat) -> Ended:
    if outcome.status is ExecutionStatus.DONE:
        sealed = outcome.sealed_result
        return Ended(result="null" if sealed is None else deps.seal.open("tool_result", scope, sealed))
    if outcome.status is ExecutionStatus.UNKNOWN:
        return Ended(error="execution_unknown", detail=outcome.detail or _NOT_KNOWN, may_retry=False)
    if outcome.status in _DECIDED:
        return Ended(error=str(outcome.status), detail=_DECIDED[outcome.status], may_retry=False)
    return Ended(error=outcome.error or "failed", detail=outcome.detail or "It did not work.")


async def _tell(deps: Chat, notice: RunNotice) -> None:
    try:
        await deps.bus.live("run", notice.run_id).publish(notice.model_dump_json().encode())
    except Unavailable as away:
        # Followers ask by themselves every few seconds.
        log.info("run_notice_lost", error=away.slug)
