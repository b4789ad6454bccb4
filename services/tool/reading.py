"""Reading: what goes wrong is an outcome too, so that a model can tell the user, or correct itself.

A passing failure of a provider is tried once more, as long as somebody still waits.
"""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from contracts.envelope import Scope
from contracts.tool import ExecutionStatus, RunReadTool, ToolOutcome
from libs.resilience.deadline import Deadline
from libs.resilience.errors import AdjutantError
from services.tool.arguments import Arguments
from services.tool.context import Context
from services.tool.delegation.reception import Reception
from services.tool.deps import ToolDeps
from services.tool.execution import said
from services.tool.registry import Audience, Tool

PAUSE_S = 0.3
LONGEST_PAUSE_S = 2.0
WORTH_TRYING_S = 1.0
"""With less time left than this a second try would only delay the answer that there is none."""


async def read(
    query: RunReadTool, scope: Scope, deadline: Deadline, deps: ToolDeps, *, reception: Reception | None = None
) -> ToolOutcome:
    """The sealed result, or the slug of what went wrong and a sentence. `reception` when an outsider asks."""
    try:
        tool = deps.tools.find_read(query.tool, Audience.DELEGATION if reception else Audience.OWNER)
        arguments = tool.parse(deps.seal.open("tool_arguments", scope, query.sealed_arguments))
        context = deps.context(scope, query.timezone, query.asked_at or datetime.now(UTC), deadline)
        result = await _twice(tool, arguments, replace(context, reception=reception))
    except AdjutantError as error:
        return ToolOutcome(status=ExecutionStatus.FAILED, error=error.slug, detail=said(error))
    sealed = deps.seal.seal("tool_result", scope, result.model_dump_json(by_alias=True))
    return ToolOutcome(status=ExecutionStatus.DONE, sealed_result=sealed)


async def _twice(tool: Tool[Any], arguments: Arguments, context: Context) -> BaseModel:
    try:
        return await tool.run(arguments, context)
    except AdjutantError as error:
        pause_s = error.retry_after_s or PAUSE_S
        can_wait = pause_s <= LONGEST_PAUSE_S and pause_s + WORTH_TRYING_S < context.deadline.remaining_s()
        if not (error.retryable and can_wait):
            raise
    await asyncio.sleep(pause_s)
    return await tool.run(arguments, context)
