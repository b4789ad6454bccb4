"""Telling those who wait that an execution has moved on: a hint to look, which may get lost."""

from contracts.actions import ActionStatus, ActionUpdate
from contracts.envelope import Scope
from contracts.ids import ExecutionId
from contracts.tool import ExecutionNotice
from services.tool.deps import ToolDeps
from services.tool.ledger import Ending


async def tell_live(execution_id: ExecutionId, ending: Ending, scope: Scope, deps: ToolDeps) -> None:
    """Whoever waits for this execution, and the user's open clients when it is one of their actions."""
    notice = ExecutionNotice(execution_id=execution_id, status=ending.status)
    await deps.bus.live("execution", execution_id).publish(notice.model_dump_json().encode())
    if ending.preview_json is not None:
        update = ActionUpdate(action_id=execution_id, status=ActionStatus(ending.status))
        await deps.bus.live("action", scope.user_id).publish(update.model_dump_json().encode())
