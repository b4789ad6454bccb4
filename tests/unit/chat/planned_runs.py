"""Small plans over three tools: one that reads, one that reads what others wrote, one that writes."""

import json
from datetime import UTC, datetime
from typing import Any

from contracts.ids import RunId
from contracts.runs import StepRequest
from contracts.tool import Effect, ToolDescription
from services.chat.runs import changes, outcomes
from services.chat.runs.outcomes import Ended
from services.chat.runs.plan import checked
from services.chat.runs.run_state import Run, fresh

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
RUN = RunId("r_0193b0f1a8c07d3e9f00112233445566")


def tool(name: str, effect: Effect, *, untrusted: bool = False) -> ToolDescription:
    """A tool that takes anything."""
    schema = json.dumps({"type": "object", "properties": {}, "required": []})
    return ToolDescription(
        name=name, description=name, effect=effect, parameters_schema=schema, returns_untrusted_text=untrusted
    )


TOOLS = {
    "read": tool("read", Effect.READ),
    "mail": tool("mail", Effect.READ, untrusted=True),
    "write": tool("write", Effect.WRITE),
}


def step(id: str, *after: str, tool: str = "read", required: bool = True, **arguments: Any) -> StepRequest:
    """A step as it is asked for."""
    return StepRequest(id=id, name=f"Step {id}", tool=tool, depends_on=after, required=required, arguments=arguments)


def from_(step: str, path: str = "") -> dict[str, str]:
    """What an earlier step finds out."""
    return {"$from": step, "path": path}


def planned_run(*steps: StepRequest, goal: str = "a goal", by: Any = "user") -> Run:
    """A run that is shown."""
    plan = checked(steps, TOOLS)
    return fresh(RUN, goal, plan, NOW, planned_by=by, timezone="UTC", time_limit_s=3600)


def started(*steps: StepRequest) -> Run:
    """A run that its user has started."""
    run = planned_run(*steps)
    changes.start(run, NOW, is_asked=True)
    return run


def do(run: Run, step_id: str, ended: Ended | None = None) -> None:
    """Begin a step and end it."""
    state = run.state(step_id)
    begun = outcomes.begin(run, step_id, state.attempt, NOW)
    assert begun is not None, f"{step_id} is {state.status}"
    outcomes.end(run, step_id, state.attempt, ended or Ended(result="{}"), NOW)


def statuses(run: Run) -> dict[str, str]:
    """How each step stands."""
    return {step_id: str(state.status) for step_id, state in run.states.items()}
