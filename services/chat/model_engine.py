"""The model's way through a turn: ask, save what it decided, carry that out, ask again, until it only speaks.

Whether an effect may happen is not the model's to say: the tool service decides by where the call comes from
(`services.chat.provenance`), and asks the user.
"""

import json

import structlog

from contracts.tool import Effect
from libs.models import ModelError
from libs.models.errors import ContextTooLarge, ModelUnavailable
from libs.models.messages import NO_OPTIONS, Finished, TextDelta, ToolCalls, ToolSchema
from libs.resilience.deadline import Deadline
from libs.resilience.errors import AdjutantError
from services.chat import visits
from services.chat.admitted import Asker
from services.chat.asking import Asking
from services.chat.errors import BudgetReached, QuotaReached
from services.chat.graph import RESPOND, step
from services.chat.prompt import Instructions, Room, conversation, for_user, for_visitor
from services.chat.routing.choice import Wish
from services.chat.routing.request import ModelRequest
from services.chat.running_turn import RunningTurn, Written
from services.chat.runs import turn_tool
from services.chat.steps import Decision, ToolCall

log = structlog.get_logger("services.chat")

MAX_ROUNDS = 8
MAX_CALLS = 20
CUT = {
    "length": "\n\n(The answer ends here because it reached the language model's limit of length.)",
    "content_filter": "\n\n(The language model's provider withheld the rest of the answer.)",
}
"""What is said when a model stopped for another reason than having finished."""
TOO_LARGE = "This was too much for the language model at once; older messages and long texts were shortened."
TOO_MUCH = "Not done: this turn has made too many calls. Answer with what you have."


USED_UP = "This takes more steps than I can make for one message. Ask me to go on, or for a part of it."


class ModelFailed(Exception):
    """The model cannot finish this turn; `written` says how far it came."""

    def __init__(self, written: Written, error: AdjutantError) -> None:
        super().__init__(error.slug)
        self.written = written
        self.error = error


async def write(turn: RunningTurn, models: Asking, deadline: Deadline) -> Written:
    """Answer with the model. Raises ModelFailed; visible text and steps stay with the turn."""
    written = Written("model")
    for round_ in turn.rounds:
        await turn.live.say(round_.decision.text)
        written = _counted(written, round_.decision, None)
    async with step(turn.live, RESPOND):
        while True:
            if turn.rounds and turn.rounds[-1].missing:
                await _carry_out(turn)
            try:
                decision, model_name = await _ask_within_its_context(turn, models, deadline)
            except (ModelError, QuotaReached, BudgetReached) as error:
                raise ModelFailed(written, error) from error
            written = _counted(written, decision, model_name)
            if not decision.calls:
                if not turn.live.text and _is_used_up(turn):
                    await turn.live.say(USED_UP)
                if not turn.live.text:
                    raise ModelFailed(written, ModelUnavailable("The language model gave an empty answer."))
                return written
            await turn.decide(decision)


async def _carry_out(turn: RunningTurn) -> None:
    """Make the calls of the last round, unless the turn has made too many."""
    rounds = turn.rounds
    if sum(len(round_.decision.calls) for round_ in rounds) > MAX_CALLS:
        await turn.refuse(rounds[-1], TOO_MUCH)
    else:
        await turn.carry_out(rounds[-1])


async def _ask_within_its_context(turn: RunningTurn, models: Asking, deadline: Deadline) -> tuple[Decision, str | None]:
    """One request; shrunk once when it is too large for every model there is, and the user is told."""
    characters = turn.deps.settings.history_characters
    room = Room(characters if turn.visit is None else min(characters, visits.HISTORY_CHARACTERS))
    try:
        return await _ask(turn, models, deadline, room)
    except ContextTooLarge:
        await turn.live.emit("step.progress", step_id=RESPOND.id, text=TOO_LARGE)
        return await _ask(turn, models, deadline, room.smaller())


async def _ask(turn: RunningTurn, models: Asking, deadline: Deadline, room: Room) -> tuple[Decision, str | None]:
    """One request: speak what is text, gather what is to be done."""
    messages = conversation(_instructions(turn), turn.history, turn.text, turn.rounds, room)
    before = len(turn.live.text)
    calls: tuple[ToolCall, ...] = ()
    finished: Finished | None = None
    schemas = _schemas(turn)
    asker = Asker(turn.scope, "chat", turn.command.turn_id)
    options = visits.OPTIONS if turn.visit else NO_OPTIONS
    request = ModelRequest(tuple(messages), schemas, options, wish=Wish(needs_tools=bool(schemas)))
    admitted = await models.admit(request, asker, deadline)
    async for event in models.stream(admitted, deadline):
        if isinstance(event, TextDelta):
            if before and len(turn.live.text) == before:
                await turn.live.say("\n\n")
            await turn.live.say(event.text)
        elif isinstance(event, ToolCalls) and schemas:  # some models go on calling when nothing is on offer
            calls = tuple(ToolCall(call.id, call.name, call.arguments) for call in event.calls)
        elif isinstance(event, Finished):
            finished = event
    if finished and finished.reason in CUT:
        await turn.live.say(CUT[finished.reason])
    used = (finished.input_tokens, finished.output_tokens) if finished else (0, 0)
    text = turn.live.text[before:]
    decision = Decision(text, calls, "model", *used, cost_micros=admitted.cost_micros)
    return decision, finished.model if finished else None


def _counted(written: Written, decision: Decision, model: str | None) -> Written:
    return written.plus(decision.input_tokens, decision.output_tokens, decision.cost_micros, model)


def _instructions(turn: RunningTurn) -> Instructions:
    if turn.visit is not None:
        return for_visitor(turn.visit, turn.asked_at)
    return for_user(turn.command, turn.about, turn.asked_at)


def _is_used_up(turn: RunningTurn) -> bool:
    return len(turn.rounds) >= (MAX_ROUNDS if turn.visit is None else visits.MAX_ROUNDS)


def _schemas(turn: RunningTurn) -> tuple[ToolSchema, ...]:
    """The tools on offer; none once the turn has used up its rounds, so that it must come to an end."""
    if _is_used_up(turn):
        return ()
    tools = turn.toolbox.known.values()
    offered = tuple(ToolSchema(tool.name, tool.description, json.loads(tool.parameters_schema)) for tool in tools)
    can_change = any(tool.effect is not Effect.READ for tool in tools)
    return (*offered, turn_tool.SCHEMA) if can_change and turn.visit is None else offered
