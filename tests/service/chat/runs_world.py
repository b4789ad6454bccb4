"""The gateway's side of runs: create, steer, ask; and what the tool service tells."""

from datetime import UTC, datetime
from typing import Any

from contracts.envelope import Envelope, Scope
from contracts.ids import ExecutionId, RunId, new_id
from contracts.runs import (
    ControlRun,
    ControlStep,
    CreateRun,
    GetRun,
    GetRunUpdates,
    RunRequest,
    RunStatus,
    RunView,
    StepRequest,
)
from contracts.tool import Effect, ExecutionFinished
from libs.bus.subjects import stream_for, subject_for
from tests.service.chat.world import World
from tests.service.neighbours import eventually

PATIENCE_S = 30.0
OVER = (RunStatus.DONE, RunStatus.FAILED, RunStatus.CANCELLED)


def event(id: str, *after: str, title: str | None = None, **more: Any) -> StepRequest:
    """A step that creates an event."""
    arguments = {"title": title or id, "start": "2026-12-01T10:00", **more.pop("arguments", {})}
    return StepRequest(
        id=id, name=f"Create {id}", tool="calendar_create_event", arguments=arguments, depends_on=after, **more
    )


class Runs:
    """The gateway's side of runs, for one user."""

    def __init__(self, world: World, scope: Scope) -> None:
        self.world, self.scope = world, scope

    async def create(
        self, *steps: StepRequest, goal: str = "my goal", start: bool = True, run_id: RunId | None = None, **more: Any
    ) -> RunView:
        request = RunRequest(goal=goal, steps=steps, **more)
        sealed = self.world.seal.seal("run_request", self.scope, request.model_dump_json())
        query = CreateRun(run_id=run_id or RunId(new_id("r")), sealed_request=sealed, start=start)
        return await self.world.gateway.ask(query, scope=self.scope, timeout_s=20)

    async def get(self, run: RunView) -> RunView:
        return await self.world.ask(GetRun(run_id=run.run_id), self.scope)

    async def control(self, run: RunView, action: Any) -> RunView:
        return await self.world.ask(ControlRun(run_id=run.run_id, action=action), self.scope)

    async def step(self, run: RunView, step_id: str, action: Any, **more: Any) -> RunView:
        query = ControlStep(run_id=run.run_id, step_id=step_id, action=action, **more)
        return await self.world.ask(query, self.scope)

    async def until(self, run: RunView, *statuses: RunStatus) -> RunView:
        async def there() -> RunView | None:
            view = await self.get(run)
            return view if view.status in (statuses or OVER) else None

        found: RunView = await eventually(there, timeout_s=PATIENCE_S)
        return found

    async def updates(self, run: RunView, after: int = 0) -> list[str]:
        found = await self.world.ask(GetRunUpdates(run_id=run.run_id, after=after), self.scope)
        assert [update.n for update in found.updates] == list(range(after + 1, after + 1 + len(found.updates)))
        return [update.type for update in found.updates]

    async def finished(self, execution: ExecutionId, status: Any = "done") -> None:
        """What the tool service tells everybody."""
        told = ExecutionFinished(
            execution_id=execution,
            tool="calendar_create_event",
            effect=Effect.WRITE,
            status=status,
            finished_at=datetime.now(UTC),
        )
        envelope = Envelope.around(ExecutionFinished, source="tool", scope=self.scope)
        await self.world.admin.jetstream.publish(
            subject_for(ExecutionFinished, self.scope),
            told.model_dump_json().encode(),
            stream=stream_for(ExecutionFinished),
            headers={**envelope.headers(), "Nats-Msg-Id": envelope.id},
        )


def statuses(view: RunView) -> dict[str, str]:
    return {step.id: str(step.status) for step in view.steps}
