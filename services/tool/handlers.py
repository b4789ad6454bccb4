"""What tool does when something arrives."""

from datetime import UTC, datetime

from contracts.envelope import Scope
from contracts.tool import (
    Effect,
    ExecuteTool,
    ExecutionFinished,
    ExecutionNotice,
    ExecutionStatus,
    GetExecution,
    ListTools,
    RunReadTool,
    ToolOutcome,
    Tools,
)
from libs.bus import Call, publish
from libs.resilience.deadline import Deadline
from libs.resilience.errors import AdjutantError, NotFound
from services.tool import execution, ledger
from services.tool.deps import ToolDeps
from services.tool.errors import ExecutionNotFound
from services.tool.ledger import Claim, Ending, Request
from services.tool.reading import read

EXECUTION_S = 60.0
"""Longer than the patience of `services.tool.execution`, which ends an execution properly."""


async def list_tools(query: ListTools, call: Call, deps: ToolDeps) -> Tools:
    """What this user's connections allow."""
    return deps.tools.for_connections(await deps.access(call.require_scope()).connected())


async def run_read_tool(query: RunReadTool, call: Call, deps: ToolDeps) -> ToolOutcome:
    """Look something up. What goes wrong is an outcome too: the model can tell the user, or correct itself."""
    scope = call.require_scope()
    try:
        tool = deps.tools.find_read(query.tool)
        arguments = tool.parse(deps.seal.open("tool_arguments", scope, query.sealed_arguments))
        context = deps.context(scope, query.timezone, datetime.now(UTC), call.deadline)
        result = await read(tool, arguments, context)
    except AdjutantError as error:
        return ToolOutcome(status=ExecutionStatus.FAILED, error=error.slug, detail=execution.said(error))
    sealed = deps.seal.seal("tool_result", scope, result.model_dump_json(by_alias=True))
    return ToolOutcome(status=ExecutionStatus.DONE, sealed_result=sealed)


async def get_execution(query: GetExecution, call: Call, deps: ToolDeps) -> ToolOutcome:
    """Where it stands."""
    scope = call.require_scope()
    async with deps.db.reading(scope) as tx:
        ending = await ledger.ending_of(tx, await deps.vault.user_key(tx), query.execution_id)
    if ending is None:
        raise ExecutionNotFound("There is no such execution.")
    return _outcome(ending, scope, deps)


async def execute_tool(command: ExecuteTool, call: Call, deps: ToolDeps) -> None:
    """Do it once. Delivered again, it goes on where the last holder of the claim was lost, or just tells the end."""
    scope = call.require_scope()
    arguments_json = deps.seal.open("tool_arguments", scope, command.sealed_arguments)
    request = Request(command.execution_id, command.tool, arguments_json, call.envelope.time)
    async with deps.db.transaction(scope) as tx:
        held = await ledger.claim(tx, await deps.vault.user_key(tx), request)
    if isinstance(held, Claim):
        ending = await _carry_out(command, arguments_json, held, scope, deps)
        await _record(command, held, ending, scope, deps)
    else:
        ending = held
    notice = ExecutionNotice(execution_id=command.execution_id, status=ending.status)
    await deps.bus.live("execution", command.execution_id).publish(notice.model_dump_json().encode())


async def _carry_out(command: ExecuteTool, arguments_json: str, held: Claim, scope: Scope, deps: ToolDeps) -> Ending:
    async def renew() -> None:
        async with deps.db.transaction(scope) as tx:
            await ledger.renew(tx, held)

    try:
        tool = deps.tools.find(command.tool)
        arguments = tool.parse(arguments_json)
        deadline = Deadline.after(EXECUTION_S)
        context = deps.context(scope, command.timezone, held.asked_at, deadline, command.execution_id)
    except AdjutantError as error:
        return execution.refused(error)
    return await execution.carry_out(
        tool, arguments, context, is_first=held.is_first, renew=renew, patience=deps.patience
    )


async def _record(command: ExecuteTool, held: Claim, ending: Ending, scope: Scope, deps: ToolDeps) -> None:
    """Final state, result and event in one transaction."""
    async with deps.db.transaction(scope) as tx:
        await ledger.finish(tx, await deps.vault.user_key(tx), held, ending)
        await publish(
            tx,
            ExecutionFinished(
                execution_id=command.execution_id,
                tool=command.tool,
                effect=_effect(command.tool, deps),
                status=ending.status.value,
                finished_at=datetime.now(UTC),
                error=ending.error,
            ),
        )


def _effect(tool: str, deps: ToolDeps) -> Effect:
    try:
        return deps.tools.find(tool).effect
    except NotFound:
        return Effect.WRITE  # a tool nobody has: it failed, whatever it meant to do


def _outcome(ending: Ending, scope: Scope, deps: ToolDeps) -> ToolOutcome:
    result = ending.result_json
    return ToolOutcome(
        status=ending.status,
        sealed_result=None if result is None else deps.seal.seal("tool_result", scope, result),
        error=ending.error,
        detail=ending.detail,
    )
