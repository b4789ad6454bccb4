"""Reading: a passing failure of a provider is tried once more, as long as somebody still waits."""

import asyncio
from typing import Any

from pydantic import BaseModel

from libs.resilience.errors import AdjutantError
from services.tool.arguments import Arguments
from services.tool.context import Context
from services.tool.registry import Tool

PAUSE_S = 0.3
LONGEST_PAUSE_S = 2.0
WORTH_TRYING_S = 1.0
"""With less time left than this a second try would only delay the answer that there is none."""


async def read(tool: Tool[Any], arguments: Arguments, context: Context) -> BaseModel:
    """The tool's result. Raises what the tool raises."""
    try:
        return await tool.run(arguments, context)
    except AdjutantError as error:
        pause_s = error.retry_after_s or PAUSE_S
        can_wait = pause_s <= LONGEST_PAUSE_S and pause_s + WORTH_TRYING_S < context.deadline.remaining_s()
        if not (error.retryable and can_wait):
            raise
    await asyncio.sleep(pause_s)
    return await tool.run(arguments, context)
