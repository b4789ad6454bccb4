"""The offline engine at work: the same tools through the same ledger, planned by rules instead of a model.

Deterministic in the user's words, the moment they asked, and the outcomes so far; so a turn that another replica
takes over goes on with the very same plan.
"""

import json
from collections.abc import Callable

from services.chat import offline, offline_visits
from services.chat.graph import RESPOND, step
from services.chat.running_turn import RunningTurn, Written
from services.chat.steps import Decision, Round, ToolCall

ENGINE = "offline"
MAX_ROUNDS = 12


async def write(turn: RunningTurn, why: str | None = None) -> Written:
    """Answer by rules; `why` is said first when a configured model could not answer."""
    plan = _plan(turn)
    while True:
        ours = tuple(round_ for round_ in turn.rounds if round_.decision.engine == ENGINE)
        for round_ in ours:
            if round_.missing:
                await turn.carry_out(round_)
        outcomes = tuple(
            offline.Outcome(outcome.tool, outcome.ok, outcome.as_data(), outcome.detail)
            for round_ in turn.rounds
            if round_.decision.engine == ENGINE
            for outcome in round_.outcomes
        )
        following = _waiting(ours) or plan(outcomes)
        if isinstance(following, offline.Say) or len(ours) >= MAX_ROUNDS:
            break
        call = ToolCall(f"offline-{len(ours)}", following.tool, json.dumps(following.arguments))
        await turn.decide(Decision("", (call,), ENGINE))
    async with step(turn.live, RESPOND):
        text = following.text if isinstance(following, offline.Say) else "That takes more steps than I can do at once."
        await turn.live.say(offline.LABEL + (f"{why} " if why else "") + text)
    return Written(ENGINE)


def _waiting(ours: tuple[Round, ...]) -> offline.Say | None:
    """What waits for its user is no failure, and nothing is planned beyond it."""
    outcomes = [outcome for round_ in ours for outcome in round_.outcomes]
    details = [outcome.detail for outcome in outcomes if outcome.action_id and not outcome.ok and outcome.detail]
    return offline.Say(" ".join(details)) if details else None


def _plan(turn: RunningTurn) -> Callable[[tuple[offline.Outcome, ...]], offline.Call | offline.Say]:
    """What follows from what has been done: an outsider gets other answers than the owner."""
    if turn.visit is not None:
        asked = offline_visits.asked_of(turn.text, turn.asked_at)
        return lambda outcomes: offline_visits.next_step(asked, outcomes)
    return offline.plan(turn.text, turn.asked_at)
