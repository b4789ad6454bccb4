"""A run beside a ledger that keeps its word: whatever its user, the world and the clock do, no effect happens twice.

The ledger is the tool service's in twenty lines: an execution happens once, waits for a decision, is held back,
expires. Commands to it lie in a queue that delivers in any order and more than once; what it did is learned by looking.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from contracts.ids import ExecutionId
from contracts.runs import RunStatus, StepRequest, StepStatus
from services.chat.runs import changes, outcomes
from services.chat.runs.errors import RunNotPossible
from services.chat.runs.outcomes import Ended
from services.chat.runs.run_state import ENDED, GOING, OVER, Run
from tests.unit.chat.planned_runs import NOW, started
from tests.unit.chat.test_run_changes import plans

OPEN = ("proposed", "held", "claimed")
FINAL = {
    "done": Ended(result="{}"),
    "failed": Ended(error="provider_refused"),
    "away": Ended(error="provider_unavailable"),
    "unknown": Ended(error="execution_unknown", may_retry=False),
    "declined": Ended(error="declined", may_retry=False),
    "expired": Ended(error="expired", may_retry=False),
    "withdrawn": Ended(error="withdrawn", may_retry=False),
}


@dataclass
class World:
    """The run, the ledger, and what is on its way between them."""

    run: Run
    clock: datetime = NOW
    ledger: dict[ExecutionId, str] = field(default_factory=dict)
    ordered: list[tuple[ExecutionId, str]] = field(default_factory=list)
    """Effects that were asked for, with their steps; they stay: a command may come again."""
    withdrawals: list[ExecutionId] = field(default_factory=list)
    happened: list[tuple[str, ExecutionId]] = field(default_factory=list)
    looked: set[str] = field(default_factory=set)
    """Steps whose user said that they had looked."""

    def act(self, kind: str, step_id: str, number: int) -> None:
        """One thing happens."""
        self.clock += timedelta(seconds=1)
        steered = self._steered(step_id)
        if kind in steered:
            try:
                steered[kind]()
            except RunNotPossible:
                return
        elif kind == "begin":
            self._begin(step_id)
        elif kind == "give up":
            outcomes.give_up(self.run, step_id, self.run.state(step_id).attempt, self.clock)
        elif kind == "late":
            self.clock += timedelta(hours=2)
            outcomes.expire(self.run, self.clock)
        elif kind == "look":
            self.look(step_id)
        elif kind == "deliver":
            self._deliver(number)
        elif kind == "withdraw":
            self._withdraw(number)
        else:
            self._decide(kind, number)

    def look(self, step_id: str) -> None:
        """As `services.chat.runs.stepping.look` does."""
        run, state = self.run, self.run.state(step_id)
        if state.execution_id is None or state.status is StepStatus.DONE:
            return
        found, attempt = self.ledger.get(state.execution_id), state.attempt
        if found == "proposed":
            outcomes.wait(run, step_id, attempt, self.clock)
        elif found in FINAL:
            outcomes.end(run, step_id, attempt, FINAL[found], self.clock)
        elif found == "held" and run.status is RunStatus.CANCELLED:
            run.withdraw(state)
        elif found is not None:
            outcomes.wait_no_more(run, step_id, attempt, self.clock)
        elif state.status is StepStatus.RUNNING and outcomes.time_left_s(state, self.clock) <= 0:
            outcomes.end(run, step_id, attempt, Ended(error="step_timeout", may_retry=False), self.clock)
        self.collect()

    def collect(self) -> None:
        """What the transaction would have sent."""
        self.withdrawals += self.run.unwanted
        self.run.unwanted.clear()

    def _steered(self, step_id: str) -> dict[str, Callable[[], None]]:
        run, now = self.run, self.clock

        def was_not_done() -> None:
            if run.state(step_id).error == "execution_unknown":
                changes.retry(run, step_id, now, was_not_done=True)
                self.looked.add(step_id)

        return {
            "skip": lambda: changes.skip(run, step_id, now),
            "retry": lambda: changes.retry(run, step_id, now),
            "was not done": was_not_done,
            "pause": lambda: changes.pause(run, now),
            "resume": lambda: changes.resume(run, now),
            "cancel": lambda: changes.cancel(run, now),
            "start": lambda: changes.start(run, now, is_asked=True),
        }

    def _begin(self, step_id: str) -> None:
        state = self.run.state(step_id)
        begun = outcomes.begin(self.run, step_id, state.attempt, self.clock)
        if begun is None:
            return
        assert self.run.status in GOING or not begun.is_first
        if state.step.changes_something:
            assert state.execution_id is not None
            if begun.is_first:
                self.ordered.append((state.execution_id, step_id))
        else:
            outcomes.end(self.run, step_id, state.attempt, Ended(result="{}"), self.clock)

    def _deliver(self, number: int) -> None:
        if self.ordered:
            execution, _ = self.ordered[number % len(self.ordered)]
            self.ledger.setdefault(execution, ("claimed", "proposed", "held")[number % 3])

    def _withdraw(self, number: int) -> None:
        if self.withdrawals:
            execution = self.withdrawals.pop(number % len(self.withdrawals))
            if self.ledger.get(execution) in ("proposed", "held"):
                self.ledger[execution] = "withdrawn"

    def _decide(self, kind: str, number: int) -> None:
        waiting = [each for each in self.ordered if self.ledger.get(each[0]) in OPEN]
        if not waiting:
            return
        execution, step_id = waiting[number % len(waiting)]
        stands = self.ledger[execution]
        moves = {
            "proposed": {"approve": "held", "declined": "declined", "expired": "expired"},
            "held": {"carry out": "claimed", "take back": "withdrawn"},
            "claimed": {name: name for name in ("done", "failed", "away", "unknown")},
        }
        if kind in moves[stands]:
            self.ledger[execution] = moves[stands][kind]
            if kind == "done":
                self.happened.append((step_id, execution))


KINDS = (
    *("begin",) * 4,
    *("deliver",) * 3,
    *("look",) * 4,
    *("approve", "carry out", "done") * 2,
    *("declined", "expired", "take back", "failed", "away", "unknown", "withdraw"),
    *("skip", "retry", "was not done", "pause", "resume", "cancel", "start", "late", "give up"),
)


@given(plans(), st.data())
def test_beside_a_ledger_that_keeps_its_word_no_effect_happens_twice_and_nothing_unwanted_waits(
    drafts: list[StepRequest], data: st.DataObject
) -> None:
    world = World(started(*drafts))
    ids = sorted(world.run.states)
    for _ in range(data.draw(st.integers(1, 80))):
        kind = data.draw(st.sampled_from(KINDS))
        if kind == "cancel" and data.draw(st.booleans()):
            continue
        world.act(kind, data.draw(st.sampled_from(ids)), data.draw(st.integers(0, 11)))
        world.collect()
        _check(world)
    _settle(world)


def _check(world: World) -> None:
    run = world.run
    for step_id in {step_id for step_id, _ in world.happened} - world.looked:
        assert sum(each == step_id for each, _ in world.happened) == 1, "an effect happened twice"
    if run.status in OVER:
        assert run.finished_at is not None
        assert not any(state.status is StepStatus.READY for state in run.states.values())
    if run.status is RunStatus.CANCELLED:
        assert not any(state.status in (StepStatus.PENDING, StepStatus.WAITING) for state in run.states.values())
    if run.status in GOING:
        waits = {StepStatus.READY, StepStatus.RUNNING, StepStatus.WAITING}
        assert any(state.status in waits for state in run.states.values()), "a run never stands still by itself"
    assert [update.n for update in run.updates] == list(range(1, len(run.updates) + 1))


def _settle(world: World) -> None:
    """Every command arrives, everybody looks: what is not wanted is not asked about, and what was done is known."""
    for _ in range(4):
        for number in range(len(world.ordered)):
            world.ledger.setdefault(world.ordered[number][0], "proposed")
        for step_id in world.run.states:
            world.look(step_id)
        while world.withdrawals:
            world.act("withdraw", "", 0)
    run = world.run
    for execution, step_id in world.ordered:
        state = run.state(step_id)
        is_current = state.execution_id == execution
        if is_current and world.ledger[execution] == "done":
            assert state.status is StepStatus.DONE or state.status not in ENDED, "what was done is known"
        if run.status is RunStatus.CANCELLED or (is_current and state.status is StepStatus.SKIPPED):
            assert world.ledger[execution] not in ("proposed", "held"), "nobody is asked for what is not wanted"
