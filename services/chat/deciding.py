"""A turn whose message is its user's decision about what the last turn has shown: approved, declined, or taken back.

No engine has a hand in it: the words are matched by rule, what they decide is what stood on the screen, and the word
goes to the tool service like a click. It is written down before it is said there, so a successor goes on with it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from contracts.actions import ActionStatus, ActionView, DecideAction, GetAction, ListActions, Preview
from contracts.ids import ExecutionId
from contracts.tool import Effect, ExecutionStatus
from libs.bus import RemoteError
from services.chat import followups
from services.chat.followups import SAID, Awaited
from services.chat.graph import ACTIONS, DECIDE, step
from services.chat.running_turn import RunningTurn, Written
from services.chat.steps import Decision, Outcome, ToolCall
from services.chat.verdicts import Verdict, Word, choice_of, verdict_of

ENGINE = "user"
"""Of decisions that its user took; no model can write one of these down."""
DECISION = "decide_action"
ASK_S = 5.0
SOON = timedelta(seconds=1)
WHICH = 'Which of these do you mean?\n{listed}\nSay "yes to all", "yes to 1" or "no".'
HELD = '{title}: this is done in a few seconds. Say "undo" to keep it from being done.'
NO_WAY_BACK = "What I did last cannot be taken back: {deed}. What can be taken back stands under Actions."
TAKEN_BACK = "I am taking this back: {title}."
_REACHED = {
    "approve": frozenset(ActionStatus) - {ActionStatus.PROPOSED, ActionStatus.DECLINED, ActionStatus.EXPIRED},
    "decline": frozenset({ActionStatus.DECLINED}),
    "undo": frozenset({ActionStatus.WITHDRAWN, ActionStatus.DONE}),
}
"""Where an action stands when this word about it has been said before: by us, before a crash."""


@dataclass(frozen=True, slots=True)
class Deciding:
    """What the message decides; `open` is what it may be about, when it does not say of which."""

    verdict: Verdict
    about: tuple[Awaited, ...]
    is_clear: bool = True
    refusal: str = ""
    """What is said instead, when nothing is done."""


async def decision_in(turn: RunningTurn) -> Deciding | None:
    """What the message decides. None where it goes to an engine: nearly always, and then nothing was looked up."""
    if turn.rounds:
        return _taken_up(turn)
    if not turn.command.may_decide:
        return None
    said, chosen = verdict_of(turn.text), choice_of(turn.text)
    verdict = said or chosen
    if verdict is None:
        return None
    if verdict.word == "undo":
        return await _undoing(turn, verdict)
    async with turn.deps.db.reading(turn.scope) as tx:
        shown = await followups.shown_before(tx, await turn.deps.vault.user_key(tx), turn.command)
    if not shown or (said is None and not all(each.is_asked_about for each in shown)):
        return None
    about = _meant(verdict, shown)
    return Deciding(verdict, about or shown, is_clear=bool(about))


async def write(turn: RunningTurn, deciding: Deciding) -> Written:
    """Have it decided, and say what came of it."""
    async with step(turn.live, DECIDE):
        if deciding.refusal:
            await turn.live.say(deciding.refusal)
            return Written(None)
        if not deciding.is_clear:
            await _ask_which(turn, deciding.about)
            return Written(None)
        if not turn.rounds:
            calls = tuple(_call(deciding.verdict.word, about) for about in deciding.about)
            await turn.decide(Decision("", calls, ENGINE))
        (round_,) = turn.rounds
        said = 0
        for said, outcome in enumerate(round_.outcomes, start=1):
            await _say(turn, outcome, is_first=said == 1)
        for number, call in enumerate(round_.missing, start=said):
            await _say(turn, await _carried_out(turn, call), is_first=number == 0)
    return Written(None)


def _taken_up(turn: RunningTurn) -> Deciding | None:
    decision = turn.rounds[0].decision
    return Deciding(Verdict("approve"), ()) if decision.engine == ENGINE else None


def _meant(verdict: Verdict, shown: Sequence[Awaited]) -> tuple[Awaited, ...]:
    """By number, all of them, or the only one. "No" without more is said of everything."""
    if verdict.numbers:
        chosen = tuple(each for each in shown if each.place in verdict.numbers)
        return chosen if len(chosen) == len(verdict.numbers) else ()
    return tuple(shown) if verdict.everything or verdict.word == "decline" or len(shown) == 1 else ()


async def _undoing(turn: RunningTurn, verdict: Verdict) -> Deciding | None:
    """The last thing that was done, wherever it was asked for: never an older one, because it is the last that is
    meant. None when nothing can be undone at all."""
    found = await turn.deps.bus.ask(ListActions(which="waiting", limit=20), scope=turn.scope, timeout_s=ASK_S)
    now = datetime.now(UTC)
    undoable = [view for view in found.actions if view.undo_until and view.undo_until > now]
    for view in undoable:
        is_last = view.status is ActionStatus.DONE and found.last_id in (None, view.action_id)
        if view.status is ActionStatus.HELD or is_last:
            return Deciding(verdict, (Awaited(view.action_id, _title(turn, view), 1),))
    if not undoable or found.last_tool is None:
        return None
    return Deciding(verdict, (), refusal=NO_WAY_BACK.format(deed=ACTIONS.get(found.last_tool, found.last_tool)))


def _title(turn: RunningTurn, view: ActionView) -> str:
    preview = Preview.model_validate_json(turn.deps.seal.open("action_preview", turn.scope, view.sealed_preview))
    return preview.plain_title or view.tool


async def _ask_which(turn: RunningTurn, shown: Sequence[Awaited]) -> None:
    async with turn.deps.db.transaction(turn.scope) as tx:
        await followups.show_again(tx, [each.action_id for each in shown], turn.command.turn_id)
    await turn.live.say(WHICH.format(listed="\n".join(f"{each.place}. {each.title}" for each in shown)))


def _call(word: Word, about: Awaited) -> ToolCall:
    arguments = json.dumps({"action_id": about.action_id, "decision": word, "title": about.title})
    return ToolCall(about.action_id, DECISION, arguments, effect=Effect.WRITE)


async def _carried_out(turn: RunningTurn, call: ToolCall) -> Outcome:
    """The word, and what came of it; written down together with who says so."""
    given = json.loads(call.arguments)
    told = await _decided(turn, ExecutionId(given["action_id"]), given["decision"], given["title"])
    async with turn.deps.db.transaction(turn.scope) as tx:
        # What is held back for a moment is said when it is done, by a message of its own.
        is_said = told.is_awaited and not await followups.take(tx, given["action_id"])
        result = json.dumps({"text": told.text, "is_said": is_said})
        outcome = Outcome(call.id, DECISION, ok=True, effect=True, untrusted=False, result=result)
        await turn.write_down(tx, await turn.deps.vault.user_key(tx), outcome)
    return outcome


async def _say(turn: RunningTurn, outcome: Outcome, *, is_first: bool) -> None:
    """In the answer; or beside it, when a message of the conversation says the same already."""
    told = outcome.as_data()
    text = told["text"] if is_first else f"\n{told['text']}"
    await (turn.live.say_aside(text) if told["is_said"] else turn.live.say(text))


@dataclass(frozen=True, slots=True)
class _Told:
    text: str
    is_awaited: bool
    """Whether the conversation waits to hear this: then somebody else may have said it already."""


async def _decided(turn: RunningTurn, action_id: ExecutionId, word: Word, title: str) -> _Told:
    query = DecideAction(action_id=action_id, decision=word, via="chat")
    try:
        view = await turn.deps.bus.ask(query, scope=turn.scope, timeout_s=ASK_S)
    except RemoteError as refused:
        view = await turn.deps.bus.ask(GetAction(action_id=action_id), scope=turn.scope, timeout_s=ASK_S)
        if view.status not in _REACHED[word]:
            return _Told(f"{title}: {refused.detail}", is_awaited=False)
    if word == "undo":
        is_withdrawn = view.status is ActionStatus.WITHDRAWN
        return _Told((SAID["withdrawn"] if is_withdrawn else TAKEN_BACK).format(title=title), is_awaited=is_withdrawn)
    if word == "decline":
        return _Told(SAID["declined"].format(title=title), is_awaited=True)
    if view.status is ActionStatus.HELD and view.undo_until and view.undo_until > datetime.now(UTC) + SOON:
        return _Told(HELD.format(title=title), is_awaited=False)
    return await _approved(turn, action_id, title)


async def _approved(turn: RunningTurn, action_id: ExecutionId, title: str) -> _Told:
    outcome = await turn.toolbox.ended(action_id)
    if outcome.status in (ExecutionStatus.DONE, ExecutionStatus.WITHDRAWN):
        return _Told(SAID[outcome.status].format(title=title), is_awaited=True)
    return _Told(f"Not done: {title}. {outcome.detail or 'It did not work.'}", is_awaited=True)
