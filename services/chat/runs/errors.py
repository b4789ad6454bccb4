"""What can go wrong with runs.

AdjutantError
├── InvalidInput
│   ├── PlanRejected
│   └── NothingToPlan
├── NotFound
│   ├── RunNotFound
│   └── StepNotFound
├── Conflict
│   └── RunNotPossible
└── Unavailable
    └── ToolsAway
"""

from libs.resilience.errors import Conflict, InvalidInput, NotFound, Unavailable


class PlanRejected(InvalidInput):
    """A plan with defects; `complaints` names each."""

    slug = "plan_rejected"
    advice = "Mend what the detail names and send the plan again."

    def __init__(self, complaints: tuple[str, ...]) -> None:
        super().__init__(" ".join(complaints))
        self.complaints = complaints


class NothingToPlan(InvalidInput):
    """A goal in which nothing was recognised that could be done."""

    slug = "nothing_to_plan"
    advice = "Say what should be done, one thing after the other, or send the steps yourself."


class RunNotFound(NotFound):
    """Not there, or somebody else's."""

    slug = "run_not_found"
    advice = "List your runs with GET /api/runs."


class StepNotFound(NotFound):
    """The run has no such step."""

    slug = "step_not_found"


class RunNotPossible(Conflict):
    """The run or the step is not in a state in which this can be done."""

    slug = "run_not_possible"
    advice = "Look at the run with GET /api/runs/{id}."


class ToolsAway(Unavailable):
    """Without the list of tools nothing can be planned."""

    slug = "tools_away"
