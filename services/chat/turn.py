"""The life of a turn: claimed, answered, ended in one transaction; or given up so that a successor goes on.

RunTurn ──► claim ──► what is known ──► a decision of its user, or an engine ──► end ──► turn.completed
              │ over before: only told again          │ stop, deadline, a model that broke: ended honestly
              │ held elsewhere: delivered again later │ database or bus away: delivered again, steps are kept
"""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import structlog
from opentelemetry import trace

from contracts.chat import EarlierMessages, RunTurn, TurnCompleted, TurnStatus
from contracts.envelope import Scope
from contracts.ids import new_id
from libs.bus import Call, publish
from libs.resilience.deadline import Deadline
from libs.resilience.errors import AdjutantError
from services.chat import offline_engine, shown_actions, turn_rows, visits
from services.chat.about import About, find_out
from services.chat.answering import TimedOut, answered
from services.chat.deps import Chat
from services.chat.live_turn import LiveTurn, Update
from services.chat.meetings import speaks_of_meetings
from services.chat.provenance import may_quote_others
from services.chat.running_turn import RunningTurn, Written
from services.chat.stops import Stop
from services.chat.toolbox import AWAY_S, LIST_PATIENCE_S
from services.chat.turn_rows import RENEW_EVERY_S, Ending, Held, Over, Said

log = structlog.get_logger("services.chat")

BUG_ATTEMPTS = 3
"""A turn that fails by a defect of ours is tried this often, then its user is told."""
RELEASE_S = 2.0
BROKE_OFF = "The language model broke off. What it had written is kept; ask again to continue."
TOO_LONG = "This took too long and was ended. What was written so far is kept."
OUR_BUG = "Something went wrong on our side. Nothing you said is lost; please ask again."


async def run(command: RunTurn, call: Call, deps: Chat) -> None:
    """Run the turn to its end. Idempotent by turn id. Raises TurnHeld, TurnLost, Unavailable: to be delivered again."""
    scope = call.require_scope()
    trace.get_current_span().set_attribute("adjutant.turn_id", command.turn_id)
    text = deps.seal.open("run_turn", scope, command.sealed_text)
    visit = visits.visit_of(command, scope, deps.seal)
    finding_out = asyncio.create_task(_find_out(command, scope, text, visit, deps))
    live = LiveTurn(deps.bus, command.turn_id)
    deadline = Deadline.after(deps.settings.turn_s)
    try:
        async with deps.db.transaction(scope) as tx:
            held = await turn_rows.claim(tx, await deps.vault.user_key(tx), command, text)
        told = (isinstance(held, Over) or held.fence > 1) and await live.take_over()
        if isinstance(held, Held):
            steps = list(held.steps)
            earlier = _earlier(command, scope, deps)
            # What a client's own record of the conversation has read, nobody here knows.
            has_read = held.has_read_untrusted or any(said.role == "assistant" for said in earlier)
            history = earlier or held.history
            turn = RunningTurn(deps, scope, command, text, held.fence, history, has_read, live, deadline, steps, visit)
            await _run_held(turn, finding_out, call, stop_requested=held.stop_requested)
        elif not told:
            await live.say(held.text)
            await live.end(_last_update(held))
    finally:
        finding_out.cancel()


async def _find_out(command: RunTurn, scope: Scope, text: str, visit: visits.Visit | None, deps: Chat) -> About:
    # The offline engine is nothing without its tools; a model has something to say without them.
    patience_s = LIST_PATIENCE_S if deps.models else AWAY_S
    if visit is not None:
        return await visits.find_out(deps.bus, scope, visit, command.timezone, patience_s)
    sealed = deps.seal.seal("memory_text", scope, json.dumps(text))
    is_of_meetings = speaks_of_meetings(text)
    return await find_out(deps.bus, scope, command.timezone, patience_s, sealed, of_meetings=is_of_meetings)


def _earlier(command: RunTurn, scope: Scope, deps: Chat) -> tuple[Said, ...]:
    """What was said before, by a client that keeps the conversation itself."""
    if command.sealed_earlier is None:
        return ()
    earlier = EarlierMessages.model_validate_json(deps.seal.open("run_turn", scope, command.sealed_earlier))
    return tuple(Said(said.role, said.text) for said in earlier.messages)


async def _run_held(turn: RunningTurn, finding_out: "asyncio.Task[About]", call: Call, *, stop_requested: bool) -> None:
    """Answer, or be stopped; whatever comes first is how the turn ends."""
    with turn.deps.stops.of(turn.command.turn_id, requested=stop_requested) as stop:
        answering = asyncio.create_task(answered(turn, finding_out))
        stopping = asyncio.create_task(stop.wanted.wait())
        holding = asyncio.create_task(_hold(turn, stop))
        try:
            await asyncio.wait({answering, stopping, holding}, return_when=asyncio.FIRST_COMPLETED)
            if holding.done():
                holding.result()  # raises why the turn is no longer ours
            if answering.done():
                ending = await _how_it_went(turn, answering, call)
            else:
                await _cancelled(answering)
                ending = await _ending(turn, TurnStatus.STOPPED, Written(_engine_so_far(turn)))
            await _cancelled(holding)
            await _end(turn, ending)
        except BaseException:
            await asyncio.gather(*map(_cancelled, (answering, holding)))
            await _release(turn)
            raise
        finally:
            stopping.cancel()


async def _how_it_went(turn: RunningTurn, answering: "asyncio.Task[Written]", call: Call) -> Ending:
    error = answering.exception()
    if error is None:
        written = answering.result()
        status = TurnStatus.FAILED if written.cut_short else TurnStatus.COMPLETED
        return await _ending(turn, status, written, error=written.cut_short)
    if isinstance(error, TimedOut):
        return await _ending(turn, TurnStatus.FAILED, Written(_engine_so_far(turn)), error="turn_timeout")
    is_ours = isinstance(error, AdjutantError)
    if getattr(error, "retryable", False) or (not is_ours and call.attempt < BUG_ATTEMPTS):
        raise error  # what is ours and not worth repeating would be buried, and its user left waiting
    log.error("turn_failed", error=type(error).__name__, exc_info=error)
    return await _ending(turn, TurnStatus.FAILED, Written(_engine_so_far(turn)), error="internal_error")


def _engine_so_far(turn: RunningTurn) -> str:
    return "model" if turn.deps.models else offline_engine.ENGINE


async def _hold(turn: RunningTurn, stop: Stop) -> None:
    """Renew the lease for as long as the turn runs, and read whether a stop was requested. Raises TurnLost."""
    while True:
        await stop.hint(RENEW_EVERY_S)
        async with turn.deps.db.transaction(turn.scope) as tx:
            if await turn_rows.renew(tx, turn.command.turn_id, turn.fence):
                stop.wanted.set()


async def _release(turn: RunningTurn) -> None:
    """Let a successor begin at once; without the database it has to wait until the lease ends."""
    try:
        async with asyncio.timeout(RELEASE_S), turn.deps.db.transaction(turn.scope) as tx:
            await turn_rows.release(tx, turn.command.turn_id, turn.fence)
    except (AdjutantError, TimeoutError) as error:
        log.info("lease_not_released", error=type(error).__name__)


async def _cancelled(task: "asyncio.Task[Any]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _ending(turn: RunningTurn, status: TurnStatus, written: Written, error: str | None = None) -> Ending:
    return Ending(
        status=status,
        text=turn.live.text,
        answer_id=new_id("m"),
        engine=written.engine,
        model=written.model,
        input_tokens=written.input_tokens,
        output_tokens=written.output_tokens,
        cost_micros=written.cost_micros,
        error=error,
        acted=turn.has_acted,
        read_untrusted=turn.has_read_before or turn.has_read_untrusted or may_quote_others(turn.effects),
        at=datetime.now(UTC),
    )


async def _end(turn: RunningTurn, ending: Ending) -> None:
    """Answer, final state and event in one transaction; then the last update. Raises TurnLost."""
    command = turn.command
    async with turn.deps.db.transaction(turn.scope) as tx:
        key = await turn.deps.vault.user_key(tx)
        await turn_rows.end(tx, key, command, turn.fence, ending)
        await shown_actions.keep(tx, key, turn, ending.at)
        if turn.steps:
            await turn_rows.forget_steps(tx, command.turn_id)
        await publish(tx, _event(command, ending))
    await turn.live.end(_last_update(ending))


def _event(command: RunTurn, ending: Ending) -> TurnCompleted:
    return TurnCompleted.model_validate(
        {
            "turn_id": command.turn_id,
            "conversation_id": command.conversation_id,
            "status": ending.status,
            "engine": ending.engine,
            "model": ending.model,
            "input_tokens": ending.input_tokens,
            "output_tokens": ending.output_tokens,
            "cost_micros": ending.cost_micros,
            "duration_ms": max(0, int((ending.at - command.accepted_at).total_seconds() * 1000)),
        }
    )


_SAID_OF = {"turn_timeout": TOO_LONG, "internal_error": OUR_BUG}


def _last_update(ended: Ending | Over) -> Update:
    return Update(
        0,
        f"turn.{ended.status}",
        message_id=ended.answer_id if ended.text else None,
        engine=ended.engine,
        model=ended.model,
        input_tokens=ended.input_tokens,
        output_tokens=ended.output_tokens,
        error=ended.error,
        detail=_SAID_OF.get(ended.error, BROKE_OFF) if ended.error else None,
    )
