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
from services.chat.runs.outcomes import Begun, Ended
from services.chat.runs.run_state import ENDED, GOING, OVER, Run
from tests.unit.chat.planned_runs import NOW, from_, started, step

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
        try:
            (self._steered(step_id) | self._worked(step_id, number)).get(kind, lambda: self._decide(kind, number))()
        except RunNotPossible:
            return

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

    def _worked(self, step_id: str, number: int) -> dict[str, Callable[[], None]]:
        run = self.run
        ready = [each for each, state in run.states.items() if state.status is StepStatus.READY]
        return {
            "begin": lambda: self._begin(ready[number % len(ready)] if ready else step_id, dies=number % 4 == 0),
            "again": self._take_over,
            "give up": lambda: outcomes.give_up(run, step_id, run.state(step_id).attempt, self.clock),
            "late": lambda: self._expire(number),
            "lost": lambda: self._lose(step_id),
            "look": lambda: self.look(step_id),
            "see": lambda: [self.look(each) for each in run.states].clear(),
            "deliver": lambda: self._deliver(number),
            "do": lambda: self._do(number),
            "withdraw": lambda: self._withdraw(number),
        }

    def _expire(self, number: int) -> None:
        self.clock += timedelta(minutes=10 * number)
        outcomes.expire(self.run, self.clock)

    def _lose(self, step_id: str) -> None:
        """Whoever should tell, and whoever should do it, are away for longer than a step may take."""
        self.clock += timedelta(minutes=4)
        self.look(step_id)

    def _begin(self, step_id: str, *, dies: bool) -> None:
        state = self.run.state(step_id)
        begun = outcomes.begin(self.run, step_id, state.attempt, self.clock)
        if begun is None:
            return
        assert self.run.status in GOING or not begun.is_first
        if begun.is_first:
            assert all(self.run.state(other).status in ENDED for other in state.step.depends_on)
        if state.step.changes_something:
            assert state.execution_id is not None
            if begun.is_first:
                self.ordered.append((state.execution_id, step_id))
        else:
            self._read_on(begun, dies=dies)

    def _read_on(self, begun: Begun, *, dies: bool) -> None:
        """As `services.chat.runs.stepping` does; whoever dies leaves the read that they had begun with the last one."""
        following: Begun | None = begun
        while following is not None:
            state = following.state
            assert all(self.run.state(other).status in ENDED for other in state.step.depends_on)
            outcomes.end(self.run, state.step.id, state.attempt, Ended(result="{}"), self.clock)
            following = outcomes.begin_next(self.run, self.clock)
            if dies:
                return

    def _take_over(self) -> None:
        """The command comes again, to somebody else."""
        for left in outcomes.left_behind(self.run):
            self._read_on(left, dies=False)

    def _deliver(self, number: int) -> None:
        if self.ordered:
            execution, _ = self.ordered[number % len(self.ordered)]
            self.ledger.setdefault(execution, ("claimed", "proposed", "held")[number % 3])

    def _do(self, number: int) -> None:
        """One that was ordered, from wherever it is to its end."""
        if self.ordered:
            execution, step_id = self.ordered[number % len(self.ordered)]
            if self.ledger.get(execution, "claimed") in OPEN:
                self.ledger[execution] = "done"
                self.happened.append((step_id, execution))

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
    *("begin",) * 5,
    *("deliver",) * 4,
    *("look", "see", "do") * 3,
    "lost",
    "again",
    *("approve", "carry out", "done") * 2,
    *("declined", "expired", "take back", "failed", "away", "unknown", "withdraw"),
    *("skip", "retry", "was not done", "pause", "resume", "start", "late", "give up", "cancel"),
)


@st.composite
def small_plans(draw: st.DrawFn) -> list[StepRequest]:
    """A few steps, mostly effects: what goes wrong does so with two of them."""
    steps: list[StepRequest] = []
    for number in range(draw(st.integers(1, 4))):
        before = [step.id for step in steps]
        after = draw(st.lists(st.sampled_from(before), unique=True, max_size=2)) if before else []
        tool = draw(st.sampled_from(["write", "write", "read"]))
        uses = {"x": from_(draw(st.sampled_from(before)))} if before and draw(st.booleans()) else {}
        steps.append(step(f"s{number}", *after, tool=tool, required=draw(st.booleans()), **uses))
    return steps


@given(small_plans(), st.data())
def test_beside_a_ledger_that_keeps_its_word_no_effect_happens_twice_and_nothing_unwanted_waits(
    drafts: list[StepRequest], data: st.DataObject
) -> None:
    world = World(started(*drafts))
    ids = sorted(world.run.states)
    for _ in range(60):
        kind = data.draw(st.sampled_from(KINDS))
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
