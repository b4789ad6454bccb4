"""A run as its user sees it. Pure."""

import json

from contracts.runs import RunView, StepStatus, StepView
from services.chat.runs.run_state import Run, StepState

SHOWN_CHARACTERS = 2_000
"""Of a result; fifty of them fit into one reply."""


def view_of(run: Run) -> RunView:
    """Everything there is to see."""
    return RunView(
        run_id=run.id,
        goal=run.goal,
        status=run.status,
        planned_by=run.planned_by,
        steps=tuple(_step(run.states[step.id]) for step in run.plan.steps),
        progress=run.progress,
        estimated_s=run.plan.estimated_s(),
        estimated_cost_micros=run.cost_micros,
        time_limit_s=run.time_limit_s,
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        error=run.error,
        detail=run.detail,
        last_update=run.n,
    )


def _step(state: StepState) -> StepView:
    step = state.step
    return StepView(
        id=step.id,
        name=step.name,
        description=step.description,
        tool=step.tool,
        effect=step.effect,
        arguments=_shown(step.arguments),
        depends_on=step.depends_on,
        required=step.required,
        estimated_s=step.estimated_s,
        time_limit_s=step.time_limit_s,
        status=state.status,
        attempts=state.attempt,
        result=state.result[:SHOWN_CHARACTERS] if state.result is not None else None,
        error=state.error,
        detail=state.detail,
        action_id=state.execution_id if state.status is StepStatus.WAITING else None,
        started_at=state.started_at,
        finished_at=state.finished_at,
    )


def _shown(arguments: dict[str, object]) -> dict[str, object]:
    """As they are; very long ones by their names only."""
    if len(json.dumps(arguments)) <= SHOWN_CHARACTERS:
        return arguments
    return {name[:100]: str(value)[:100] for name, value in list(arguments.items())[:8]}
