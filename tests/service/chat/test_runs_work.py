"""How much work a step is: counted, because on a busy machine nothing else can be compared."""

from collections import Counter

import pytest

from contracts.envelope import Scope
from contracts.runs import LookAtStep, RunStatus, StepRequest
from libs.db import Transaction
from libs.runtime.run import RunningService
from services.chat.runs.outcomes import execution_id
from services.chat.runs.stepping import IN_A_ROW
from tests.service.chat.peers import ToolPeer
from tests.service.chat.runs_world import Runs, event
from tests.service.chat.world import World
from tests.service.neighbours import eventually

STEPS = 20


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """What chat asks its database while runs go on; how the test looks at them is not among it."""
    counted: Counter[str] = Counter()
    for name in ("execute", "executemany", "fetch", "fetchrow", "fetchval"):
        original = getattr(Transaction, name)

        async def count(self: Transaction, sql: str, *args: object, original: object = original) -> object:
            if self.schema == "chat" and self.scope is not None and not self.read_only:
                counted[" ".join(sql.split())[:40]] += 1
            return await original(self, sql, *args)  # type: ignore[operator]

        monkeypatch.setattr(Transaction, name, count)
    return counted


async def test_a_step_that_reads_takes_one_transaction_of_three_statements_and_seldom_a_message(
    offline_chat: RunningService, world: World, scope: Scope, tools: ToolPeer, statements: Counter[str]
) -> None:
    runs = Runs(world, scope)
    before = [(f"s{number - 1}",) if number else () for number in range(STEPS)]
    steps = [
        StepRequest(id=f"s{number}", name="Look", tool="calendar_list", depends_on=after)
        for number, after in enumerate(before)
    ]
    run = await runs.create(*steps, start=False)
    statements.clear()
    await runs.control(run, "start")
    assert (await runs.until(run)).status is RunStatus.DONE
    locks = statements["select * from runs where run_id = $1 for"]
    messages = statements["INSERT INTO outbox (id, subject, stream,"]
    rows = -(-STEPS // IN_A_ROW)
    assert locks == STEPS + rows + 1, "one a step; one more to begin each row of them, and to start"
    assert messages == rows + 1, "one a row; and the run's time limit"
    assert statements.total() <= 3 * locks + messages + 4, statements


async def test_a_timer_that_an_event_has_overtaken_is_taken_back(
    offline_chat: RunningService, world: World, scope: Scope, tools: ToolPeer
) -> None:
    tools.silent = True
    runs = Runs(world, scope)
    run = await runs.create(event("a"))
    execution = execution_id(run.run_id, "a", 0)

    async def is_done() -> bool:
        return execution in tools.outcomes

    await eventually(is_done)
    await runs.finished(execution)
    assert (await runs.until(run)).status is RunStatus.DONE
    async with offline_chat.db.reading(scope) as tx:
        sql = "select count(*) from outbox where subject like $1 || '%' and sent_at is null"
        assert await tx.fetchval(sql, LookAtStep.subject) == 0
