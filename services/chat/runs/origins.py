"""Where the values of a step's call come from: the rules of turns, applied to a plan. Pure.

What a plan shows was before its user's eyes when they started it; what a step takes from the result of another was not,
and where outsiders have a hand in that result, they have one in this call.
"""

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from contracts.actions import ArgumentOrigin, Origin, Provenance
from contracts.runs import StepStatus
from contracts.tool import ToolDescription
from services.chat.provenance import Heard, provenance_of, quotes_others
from services.chat.runs.references import is_reference
from services.chat.runs.run_state import Run, StepState
from services.chat.steps import Outcome, ToolCall
from services.chat.toolbox import JUDGED_BY_RESULT

_KNOWN = frozenset({Origin.USER, Origin.CONTACT, Origin.MEMORY})


def origins_of(run: Run, state: StepState, arguments: dict[str, Any]) -> Provenance:
    """Of a step's call, with its values in place."""
    step = state.step
    behind = run.plan.behind(step.id)
    outcomes = tuple(_outcome(run.states[each.id]) for each in run.plan.steps if each.id in behind)
    call = ToolCall(step.id, step.tool, json.dumps(arguments), step.effect)
    known = provenance_of(call, _described(state), _heard(run, outcomes))
    has_read = run.after_reading or any(outcome.untrusted or quotes_others(outcome) for outcome in outcomes)
    return known.model_copy(
        update={
            "via": "program" if run.by_program else "run",
            "read_untrusted": has_read,
            "is_asked": run.is_asked or known.is_asked,
            "arguments": tuple(_judged(run, state, each) for each in known.arguments),
            "sources": known.sources if has_read else (),
            "conversation_id": run.conversation_id,
        }
    )


def _judged(run: Run, state: StepState, each: ArgumentOrigin) -> ArgumentOrigin:
    """A value taken from a result, or one that the plan shows: that was there before anything was read for it."""
    source = _source(state.step.arguments, each.argument)
    if source is None and not run.after_reading:
        return each if each.origin in _KNOWN else _shown(run, each)
    if source is not None and each.origin is Origin.MODEL and _has_outsiders(run, source):
        other = run.states[source].step
        return each.model_copy(update={"origin": Origin.UNTRUSTED, "source": f"{other.tool}: {other.name}"})
    return each


def _shown(run: Run, each: ArgumentOrigin) -> ArgumentOrigin:
    """The user's, when they began what they saw or wrote it themselves; else the planner's."""
    return ArgumentOrigin(argument=each.argument, origin=Origin.USER if _is_theirs(run) else Origin.MODEL)


def _is_theirs(run: Run) -> bool:
    """Whether the user began what they saw, or wrote it themselves."""
    return run.is_asked or (run.planned_by != "model" and not run.by_program)


def _has_outsiders(run: Run, step_id: str) -> bool:
    return any(run.states[other].step.untrusted for other in (step_id, *run.plan.behind(step_id)))


def _source(arguments: Any, place: str) -> str | None:
    """The step whose result stands at `guests[2]`, counted from 1, or around it."""
    value: Any = arguments
    for part in place.replace("[", ".[").split("."):
        if is_reference(value):
            break
        if part.startswith("[") and isinstance(value, list):
            index = int(part[1:-1]) - 1
            value = value[index] if index < len(value) else None
        elif isinstance(value, dict):
            value = value.get(part)
    return str(value["$from"]) if is_reference(value) else None


def _heard(run: Run, outcomes: tuple[Outcome, ...]) -> Heard:
    asked_at: datetime = run.created_at.astimezone(ZoneInfo(run.timezone))
    return Heard(
        words=run.goal,
        earlier_words=_seen(run),
        outcomes=outcomes,
        asked_at=asked_at,
        has_read_before=run.after_reading,
        obeys_rules=run.planned_by == "offline",
    )


def _seen(run: Run) -> tuple[str, ...]:
    """What the plan said when its user began or wrote it: as good as their words, unless outsiders had a hand in it."""
    if run.after_reading or not _is_theirs(run):
        return ()
    steps = run.plan.steps
    return tuple(f"{step.name} {json.dumps(step.arguments, ensure_ascii=False)}" for step in steps)


def _outcome(state: StepState) -> Outcome:
    step = state.step
    return Outcome(
        step.id,
        step.tool,
        ok=state.status is StepStatus.DONE,
        effect=step.changes_something,
        untrusted=step.untrusted and step.tool not in JUDGED_BY_RESULT,
        result=state.result or "{}",
    )


def _described(state: StepState) -> ToolDescription:
    step = state.step
    return ToolDescription(
        name=step.tool,
        description="",
        effect=step.effect,
        parameters_schema="{}",
        returns_untrusted_text=step.untrusted,
        asked_with=step.asked_with,
    )
