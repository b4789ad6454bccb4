"""The one tool that chat itself offers to a model: to propose a plan of steps, which its user sees and starts."""

import hashlib
import json
from typing import Any

from pydantic import BaseModel, ValidationError

from contracts.envelope import Scope
from contracts.ids import RunId
from contracts.runs import StepRequest
from libs.models.messages import ToolSchema
from services.chat.deps import Chat
from services.chat.runs.errors import PlanRejected
from services.chat.runs.plan import MAX_STEPS
from services.chat.runs.run_state import Run
from services.chat.runs.start import TurnPlan, start_from_turn
from services.chat.steps import Outcome, ToolCall
from services.chat.toolbox import Toolbox

NAME = "plan_steps"
_STEP = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "description": "short and unique, such as s1"},
        "name": {"type": "string", "description": "what the user reads"},
        "tool": {"type": "string", "description": "the name of one of the other tools"},
        "arguments": {
            "type": "object",
            "description": 'of that tool; {"$from": "s1", "path": "a.b[0]"} takes a value from an earlier result',
        },
        "depends_on": {"type": "array", "items": {"type": "string"}, "description": "ids of steps that end before"},
        "required": {"type": "boolean", "description": "false: the user may skip it"},
    },
    "required": ["id", "name", "tool", "arguments"],
}
SCHEMA = ToolSchema(
    NAME,
    "Propose a plan when a request needs three or more dependent steps that change something. Nothing is done: the "
    "user sees the plan and starts it. For less, call the tools yourself.",
    {
        "type": "object",
        "properties": {"steps": {"type": "array", "items": _STEP, "minItems": 2, "maxItems": MAX_STEPS}},
        "required": ["steps"],
        "additionalProperties": False,
    },
)


class _Given(BaseModel):
    steps: tuple[StepRequest, ...]


async def propose(
    call: ToolCall,
    place: str,
    goal: str,
    toolbox: Toolbox,
    scope: Scope,
    deps: Chat,
    *,
    conversation_id: str,
    has_read_untrusted: bool,
) -> Outcome:
    """The plan, kept and shown; or what is wrong with it. `place` names the call, the same in every replica."""
    run_id = RunId(f"r_{hashlib.sha256(place.encode()).hexdigest()[:32]}")
    try:
        steps = _Given.model_validate_json(call.arguments).steps
        plan = TurnPlan(run_id, goal, steps, toolbox.timezone, toolbox.asked_at, conversation_id, has_read_untrusted)
        run = await start_from_turn(plan, toolbox.known, scope, deps)
    except PlanRejected as rejected:
        return _outcome(call, rejected.detail, ok=False)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:5])
        return _outcome(call, f"This is no plan: {wrong}.", ok=False)
    return _outcome(call, sentence(run), ok=True, run_id=run.id)


def sentence(run: Run) -> str:
    """What the user is told."""
    count = len(run.plan.steps)
    return f"A plan of {count} steps is ready. Nothing is done before you start it under Runs."


def _outcome(call: ToolCall, detail: str, *, ok: bool, **more: Any) -> Outcome:
    result = json.dumps({"detail": detail, **more})
    return Outcome(call.id, call.tool, ok=ok, effect=False, untrusted=False, result=result, detail=detail)
