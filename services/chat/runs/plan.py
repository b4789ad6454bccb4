"""A plan is data: steps, what they wait for, whose results they use; checked before anybody sees it. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from contracts.runs import StepRequest
from contracts.tool import Effect, ToolDescription
from services.chat.runs.errors import PlanRejected
from services.chat.runs.references import MalformedReference, leaves, references

MAX_STEPS = 50
MAX_ARGUMENTS_CHARACTERS = 32_000
MAX_COMPLAINTS = 8
ESTIMATED_S = {Effect.READ: 2.0}
"""How long a call usually takes; an effect goes through the ledger and takes a little longer."""
EFFECT_ESTIMATED_S = 4.0
TIME_LIMIT_S = {Effect.READ: 60.0}
EFFECT_TIME_LIMIT_S = 180.0
"""Longer than an effect that is delivered again after a crash (18 s) and retried there (35 s)."""
LONGEST_STEP_S = 3_600.0
LARGEST = 2**53
"""Beyond it, programs disagree about whole numbers."""
DESCRIPTION_CHARACTERS = 500
_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One call. `depends_on` holds every step that has to end before, those whose results it uses among them."""

    id: str
    name: str
    description: str
    tool: str
    effect: Effect
    untrusted: bool
    """Whether its result holds text that outsiders wrote."""
    arguments: dict[str, Any]
    depends_on: tuple[str, ...]
    uses: tuple[str, ...]
    """Steps whose results stand in the arguments."""
    required: bool
    estimated_s: float
    time_limit_s: float
    asked_with: tuple[str, ...] = ()
    """Beginnings of words by which people ask for what it does."""

    @property
    def changes_something(self) -> bool:
        """Whether it is anything but a read."""
        return self.effect is not Effect.READ


@dataclass(frozen=True, slots=True)
class Plan:
    """Checked steps, in an order in which none comes before one it waits for."""

    steps: tuple[PlannedStep, ...]

    def place_of(self, step_id: str) -> int:
        """Counted from 0; what names a step where its id, which may be somebody's words, must not be read."""
        return next(place for place, step in enumerate(self.steps) if step.id == step_id)

    def estimated_s(self) -> float:
        """With independent steps side by side: the longest chain."""
        ends: dict[str, float] = {}
        for step in self.steps:
            ends[step.id] = max((ends[other] for other in step.depends_on), default=0.0) + step.estimated_s
        return max(ends.values(), default=0.0)

    def behind(self, step_id: str) -> frozenset[str]:
        """All steps whose results went into this one, however many hands they went through."""
        by_id = {step.id: step for step in self.steps}
        found: set[str] = set()
        waiting = list(by_id[step_id].uses)
        while waiting:
            other = waiting.pop()
            if other not in found:
                found.add(other)
                waiting += by_id[other].uses
        return frozenset(found)


def checked(drafts: Sequence[StepRequest], tools: Mapping[str, ToolDescription]) -> Plan:
    """The plan of these steps. Raises PlanRejected with a sentence for each defect."""
    if not drafts:
        raise PlanRejected(("The plan has no steps.",))
    if len(drafts) > MAX_STEPS:
        raise PlanRejected((f"The plan has {len(drafts)} steps; at most {MAX_STEPS} are possible.",))
    complaints = _complaints(drafts, tools)
    if complaints:
        raise PlanRejected(tuple(complaints[:MAX_COMPLAINTS]))
    return Plan(_needed(_ordered([_planned(draft, tools[draft.tool]) for draft in drafts])))


def _complaints(drafts: Sequence[StepRequest], tools: Mapping[str, ToolDescription]) -> list[str]:
    found: list[str] = []
    ids = [draft.id for draft in drafts]
    for number, draft in enumerate(drafts, 1):
        if not _ID.match(draft.id):
            found.append(f"Step {number} needs an id of letters, digits, - and _ (at most 40 characters).")
        elif ids.index(draft.id) != number - 1:
            found.append(f"Two steps have the id {draft.id}.")
        else:
            found += _defects(draft, frozenset(ids), tools)
    return found


def _defects(draft: StepRequest, ids: frozenset[str], tools: Mapping[str, ToolDescription]) -> list[str]:
    found = []
    if not draft.name.strip() or len(draft.name) > 200:
        found.append(f"Step {draft.id} needs a name of at most 200 characters.")
    tool = tools.get(draft.tool)
    if tool is None:
        found.append(f"Step {draft.id} uses the tool {draft.tool[:60]!r}, which is not among yours.")
    else:
        found += _misfits(draft, tool)
    found += _unkeepable(draft)
    try:
        used = [reference.step for reference in references(draft.arguments)]
    except MalformedReference as malformed:
        return [*found, f"Step {draft.id}: {malformed}"]
    for other in dict.fromkeys((*draft.depends_on, *used)):
        if other == draft.id:
            found.append(f"Step {draft.id} waits for itself.")
        elif other not in ids:
            found.append(f"Step {draft.id} waits for {other[:60]!r}, which is no step of this plan.")
    if draft.time_limit_s is not None and not 0 < draft.time_limit_s <= LONGEST_STEP_S:
        found.append(f"Step {draft.id} needs a time limit of at most {LONGEST_STEP_S:.0f} seconds.")
    if draft.estimated_s is not None and not 0 <= draft.estimated_s <= LONGEST_STEP_S:
        found.append(f"Step {draft.id} needs an estimate of at most {LONGEST_STEP_S:.0f} seconds.")
    return found


def _unkeepable(draft: StepRequest) -> list[str]:
    """Values that JSON knows and no column, or no other parser, does."""
    try:
        text = json.dumps(draft.arguments, ensure_ascii=False, allow_nan=False)
        text.encode()
    except ValueError:
        return [f"Step {draft.id} has an argument with half a character, or a number that is none."]
    except RecursionError:
        return [f"Step {draft.id} has arguments that are nested too deep."]
    if len(text) > MAX_ARGUMENTS_CHARACTERS:
        return [f"Step {draft.id} has more than {MAX_ARGUMENTS_CHARACTERS} characters of arguments."]
    if any(isinstance(value, int) and abs(value) > LARGEST for _, value in leaves(draft.arguments)):
        return [f"Step {draft.id} has a number with too many digits."]
    return []


def _misfits(draft: StepRequest, tool: ToolDescription) -> list[str]:
    """Names of arguments only: the tool itself checks values, when those of earlier steps are known."""
    schema = json.loads(tool.parameters_schema)
    known: dict[str, Any] = schema.get("properties", {})
    found = []
    if schema.get("additionalProperties") is False:
        unknown = [name for name in draft.arguments if name not in known]
        if unknown:
            listed = ", ".join(known) or "none"
            found.append(f"Step {draft.id}: {tool.name} has no argument {unknown[0][:40]!r}. Its arguments: {listed}.")
    missing = [name for name in schema.get("required", ()) if name not in draft.arguments]
    if missing:
        found.append(f"Step {draft.id}: {tool.name} needs the argument {missing[0]!r}.")
    return found


def _planned(draft: StepRequest, tool: ToolDescription) -> PlannedStep:
    uses = tuple(dict.fromkeys(reference.step for reference in references(draft.arguments)))
    estimate, limit = draft.estimated_s, draft.time_limit_s
    return PlannedStep(
        id=draft.id,
        name=" ".join(draft.name.split()),
        description=draft.description[:DESCRIPTION_CHARACTERS],
        tool=draft.tool,
        effect=tool.effect,
        untrusted=tool.returns_untrusted_text,
        arguments=draft.arguments,
        depends_on=tuple(dict.fromkeys((*draft.depends_on, *uses))),
        uses=uses,
        required=draft.required,
        estimated_s=ESTIMATED_S.get(tool.effect, EFFECT_ESTIMATED_S) if estimate is None else estimate,
        time_limit_s=TIME_LIMIT_S.get(tool.effect, EFFECT_TIME_LIMIT_S) if limit is None else limit,
        asked_with=tool.asked_with,
    )


def _ordered(steps: list[PlannedStep]) -> tuple[PlannedStep, ...]:
    """Kahn's order, first come first served. Raises PlanRejected for a circle."""
    ordered: list[PlannedStep] = []
    placed: set[str] = set()
    left = list(steps)
    while left:
        free = [step for step in left if placed.issuperset(step.depends_on)]
        if not free:
            circle = ", ".join(step.id for step in left[:MAX_COMPLAINTS])
            raise PlanRejected((f"These steps wait for each other: {circle}.",))
        ordered += free
        placed.update(step.id for step in free)
        left = [step for step in left if step.id not in placed]
    return tuple(ordered)


def _needed(steps: tuple[PlannedStep, ...]) -> tuple[PlannedStep, ...]:
    """A step whose result a required one uses is required itself."""
    needed = {step.id for step in steps if step.required}
    for step in reversed(steps):
        if step.id in needed:
            needed.update(step.uses)
    return tuple(replace(step, required=step.id in needed) for step in steps)
