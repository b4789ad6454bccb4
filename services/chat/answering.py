"""What is said in a turn, and by whom: its user's own decision carried out, a model, or rules."""

import asyncio
from dataclasses import replace
from zoneinfo import ZoneInfo

import structlog

from services.chat import deciding, model_engine, offline_engine, shown_actions
from services.chat.about import About
from services.chat.errors import BudgetReached, QuotaReached
from services.chat.graph import CONTEXT, VISIT, done_sentence, step
from services.chat.model_engine import ModelFailed
from services.chat.running_turn import RunningTurn, Written
from services.chat.steps import Decision
from services.chat.toolbox import Toolbox

log = structlog.get_logger("services.chat")

MODEL_AWAY = "The language model is not available right now."


class TimedOut(Exception):
    """The turn's own time is up."""


async def answered(turn: RunningTurn, finding_out: "asyncio.Task[About]") -> Written:
    """A decision carried out; else the answer by the model where there is one, else by rules. Raises TimedOut."""
    try:
        async with asyncio.timeout(turn.deadline.remaining_s()):
            await _prepare(turn, finding_out)
            if (decided := await deciding.decision_in(turn)) is not None:
                return await deciding.write(turn, decided)
            written = await _by_an_engine(turn)
            await shown_actions.show(turn)
            return written
    except TimeoutError as error:
        raise TimedOut from error


async def _by_an_engine(turn: RunningTurn) -> Written:
    models = turn.deps.models
    began_offline = any(round_.decision.engine == offline_engine.ENGINE for round_ in turn.rounds)
    if models is None or began_offline:
        return await offline_engine.write(turn)
    try:
        return await model_engine.write(turn, models, turn.deadline)
    except ModelFailed as failed:
        log.warning("model_failed", error=failed.error.slug, visible=bool(turn.live.text))
        # What was seen stays seen, and what was decided is not planned again by somebody else.
        if turn.live.text or turn.has_acted:
            return await _broken_off(turn, failed)
        return await offline_engine.write(turn, why=_why_offline(turn, failed))


async def _broken_off(turn: RunningTurn, failed: ModelFailed) -> Written:
    """An honest end. What has been done is said by us, now that the model cannot."""
    if done := [done_sentence(outcome.tool) for outcome in turn.effects if outcome.ok and not outcome.action_id]:
        await turn.live.say(("\n\n" if turn.live.text else "") + " ".join(done))
    written = failed.written
    return replace(written, engine="model", cut_short=failed.error.slug)


def _why_offline(turn: RunningTurn, failed: ModelFailed) -> str:
    if turn.visit is not None:
        return MODEL_AWAY  # whether a budget has come to its end is between the owner and us
    return failed.error.detail if isinstance(failed.error, QuotaReached | BudgetReached) else MODEL_AWAY


async def _prepare(turn: RunningTurn, finding_out: "asyncio.Task[About]") -> None:
    """Wait for what was asked about the user, say what could not be found out, and get the tools ready."""
    node = VISIT if turn.visit else CONTEXT
    async with step(turn.live, node):
        about = await finding_out
        if decided := next((taken for taken in turn.steps if isinstance(taken, Decision)), None):
            about = replace(about, zone=ZoneInfo(decided.timezone))
        for note in about.notes:
            await turn.live.emit("step.progress", step_id=node.id, text=note)
    turn.about = about
    turn.toolbox = Toolbox(
        bus=turn.deps.bus,
        seal=turn.deps.seal,
        scope=turn.scope,
        timezone=about.zone.key,
        asked_at=turn.asked_at,
        turn_id=turn.command.turn_id,
        deadline=turn.deadline,
        known=about.tools,
        missing=about.missing_providers,
        delegation_id=turn.visit.delegation_id if turn.visit else None,
        manage_hash=turn.visit.visitor.secret_hash if turn.visit else None,
    )
