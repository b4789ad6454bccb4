"""What tool does when something arrives."""

from dataclasses import asdict
from datetime import UTC, datetime

from contracts.envelope import Scope
from contracts.oauth import ConnectionEstablished, ConnectionRemoved, ReauthorizationRequired
from contracts.tool import (
    ExecuteTool,
    ExecutionStatus,
    GetExecution,
    GetToolApiUsage,
    ListTools,
    RunReadTool,
    ToolOutcome,
    Tools,
)
from contracts.usage import ApiUsage, ApiUsages
from libs.bus import Call
from libs.db import Transaction
from libs.db.api_usage import usage_between
from services.tool import connected, effects, ledger, reading
from services.tool.deps import ToolDeps
from services.tool.errors import ExecutionNotFound
from services.tool.ledger import Ending
from services.tool.reception import LinkReception
from services.tool.registry import Audience
from services.tool.telling import tell_live


async def list_tools(query: ListTools, call: Call, deps: ToolDeps) -> Tools:
    """What this user's connections allow."""
    audience = Audience.DELEGATION if query.delegation_id else Audience.OWNER
    return deps.tools.for_connections(await deps.connected.of(call.require_scope()), audience)


async def add_connection(event: ConnectionEstablished, tx: Transaction, deps: ToolDeps) -> None:
    """Its tools can be used from now on."""
    await connected.add(tx, event.provider, event.connection_id, datetime.now(UTC))


async def remove_connection(event: ConnectionRemoved, tx: Transaction, deps: ToolDeps) -> None:
    """Its tools are of no use any more."""
    await connected.remove(tx, event.connection_id)


async def suspend_connection(event: ReauthorizationRequired, tx: Transaction, deps: ToolDeps) -> None:
    """Its tools are of no use until the user connects again."""
    await connected.remove(tx, event.connection_id, event.refused_at)


async def run_read_tool(query: RunReadTool, call: Call, deps: ToolDeps) -> ToolOutcome:
    """Look something up."""
    scope = call.require_scope()
    return await reading.read(query, scope, call.deadline, deps, reception=_reception(query, scope, deps))


async def get_execution(query: GetExecution, call: Call, deps: ToolDeps) -> ToolOutcome:
    """Where it stands."""
    scope = call.require_scope()
    async with deps.db.reading(scope) as tx:
        ending = await ledger.ending_of(tx, await deps.vault.user_key(tx), query.execution_id)
    if ending is None:
        raise ExecutionNotFound("There is no such execution.")
    return _outcome(ending, scope, deps)


async def get_tool_api_usage(query: GetToolApiUsage, call: Call, deps: ToolDeps) -> ApiUsages:
    """How often providers were asked, up to a few seconds ago."""
    async with deps.db.reading(call.require_scope()) as tx:
        days = await usage_between(tx, query.start, query.end)
    return ApiUsages(usages=tuple(ApiUsage(**asdict(day)) for day in days))


async def execute_tool(command: ExecuteTool, call: Call, deps: ToolDeps) -> None:
    """Do it once. Delivered again, it goes on where the last holder of the claim was lost, or just tells the end."""
    scope = call.require_scope()
    reception = _reception(command, scope, deps)
    audience = Audience.DELEGATION if reception else Audience.OWNER
    asked_at = command.asked_at or call.envelope.time
    ending = await effects.ensure_ended(command, asked_at, scope, deps, audience=audience, reception=reception)
    await tell_live(command.execution_id, ending, scope, deps)


def _reception(message: RunReadTool | ExecuteTool, scope: Scope, deps: ToolDeps) -> LinkReception | None:
    """What stands between an outsider and the owner's data; None when the owner asks."""
    if message.delegation_id is None:
        return None
    manage_hash = message.manage_hash if isinstance(message, ExecuteTool) else None
    return LinkReception(deps, scope, message.delegation_id, manage_hash)


def _outcome(ending: Ending, scope: Scope, deps: ToolDeps) -> ToolOutcome:
    result = ending.result_json
    waits = ending.status in (ExecutionStatus.PROPOSED, ExecutionStatus.HELD)
    preview = ending.preview_json if waits else None
    return ToolOutcome(
        status=ending.status,
        sealed_result=None if result is None else deps.seal.seal("tool_result", scope, result),
        error=ending.error,
        detail=ending.detail,
        sealed_preview=deps.seal.seal("action_preview", scope, preview) if preview else None,
    )
