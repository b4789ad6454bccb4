"""From a goal to a plan: by a model where there is one, else by splitting the user's own words.

A model's plan is JSON that is checked like everybody else's; once it is told what is wrong with it. It never runs by
being written: what it may do is decided step by step, by where its values come from.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from pydantic import BaseModel, ValidationError

from contracts.envelope import Scope
from contracts.runs import PlannedBy, StepRequest
from contracts.tool import ToolDescription
from libs.models import ModelError
from libs.models.messages import AssistantText, ModelMessage, Options, SystemText, TextDelta, UserText
from libs.resilience.deadline import Deadline
from services.chat.admitted import Asker
from services.chat.asking import Asking
from services.chat.errors import BudgetReached, QuotaReached
from services.chat.routing.request import ModelRequest
from services.chat.runs.errors import NothingToPlan, PlanRejected
from services.chat.runs.offline_split import split
from services.chat.runs.plan import MAX_STEPS, Plan, checked

log = structlog.get_logger("services.chat")

PLANNING_S = 40.0
ATTEMPTS = 2
_OBJECT = re.compile(r"\{.*\}", re.DOTALL)
INSTRUCTIONS = """You plan what an assistant does for its user, and do none of it.
It is {now} in their timezone {zone}. Answer with one JSON object and nothing else:
{{"confidence": 0.9, "steps": [{{"id": "s1", "name": "what the user reads", "description": "why", "tool": "its name",
"arguments": {{}}, "depends_on": ["ids of steps that have to end before"], "required": true, "estimated_s": 2}}]}}
An argument may be the result of an earlier step: {{"$from": "s1", "path": "contacts[only].address"}}; a path is names
and indices, and [only] means that a list must have exactly one entry. Steps that do not depend on each other run side
by side. At most {most} steps. Use only these tools, with exactly their arguments; no steps if they do not suffice.
{tools}"""


@dataclass(frozen=True, slots=True)
class Planned:
    """A checked plan and where it comes from. `cost_micros`: what planning has cost."""

    plan: Plan
    planned_by: PlannedBy
    confidence: float = 1.0
    cost_micros: int = 0


class _Answer(BaseModel):
    steps: tuple[StepRequest, ...] = ()
    confidence: float = 0.8


async def planned(
    goal: str, tools: Mapping[str, ToolDescription], now: datetime, scope: Scope, models: Asking | None
) -> Planned:
    """A plan for the goal; by rules when no model is there or none could make one.

    `now` is in the user's zone. Raises NothingToPlan, PlanRejected.
    """
    if models is not None:
        try:
            return await _by_model(goal, tools, now, scope, models)
        except (ModelError, QuotaReached, BudgetReached, PlanRejected) as failed:
            log.warning("planner_without_model", error=failed.slug)
    return Planned(checked(split(goal, now), tools), "offline")


async def _by_model(
    goal: str, tools: Mapping[str, ToolDescription], now: datetime, scope: Scope, models: Asking
) -> Planned:
    messages: list[ModelMessage] = [SystemText(_instructions(tools, now)), UserText(goal)]
    deadline, cost, complaint = Deadline.after(PLANNING_S), 0, PlanRejected(("The model gave no plan.",))
    for _ in range(ATTEMPTS):
        text, micros = await _asked(tuple(messages), scope, models, deadline)
        cost += micros
        try:
            answer = _read(text)
            if not answer.steps:
                raise NothingToPlan("Your tools do not suffice for that.")
            confidence = min(max(answer.confidence, 0.0), 1.0)
            return Planned(checked(answer.steps, tools), "model", confidence, cost)
        except PlanRejected as rejected:
            complaint = rejected
            messages += [AssistantText(text), UserText(f"This plan cannot be used. {rejected.detail} Mend it.")]
    raise complaint


async def _asked(
    messages: tuple[ModelMessage, ...], scope: Scope, models: Asking, deadline: Deadline
) -> tuple[str, int]:
    request = ModelRequest(messages, options=Options(temperature=0.0, wants_json=True))
    admitted = await models.admit(request, Asker(scope, "chat"), deadline)
    said = [event.text async for event in models.stream(admitted, deadline) if isinstance(event, TextDelta)]
    return "".join(said), admitted.cost_micros or 0


def _read(text: str) -> _Answer:
    """The JSON object in what a model wrote. Raises PlanRejected."""
    found = _OBJECT.search(text)
    try:
        return _Answer.model_validate(json.loads(found[0] if found else text))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
        raise PlanRejected((f"It does not have the form: {wrong}.",)) from None
    except (ValueError, RecursionError):
        raise PlanRejected(("It is not a JSON object.",)) from None


def _instructions(tools: Mapping[str, ToolDescription], now: datetime) -> str:
    listed = "\n".join(
        f"{tool.name} ({tool.effect}): {tool.description} Arguments: {_compact(tool.parameters_schema)}"
        for tool in tools.values()
    )
    zone = now.tzname() or "UTC"
    return INSTRUCTIONS.format(now=f"{now:%A, %Y-%m-%d %H:%M}", zone=zone, most=MAX_STEPS, tools=listed)


def _compact(schema: str) -> str:
    document: Any = json.loads(schema)
    return json.dumps(document, separators=(",", ":"))
