"""What a call that waits for its user acts on, as the user knows it: looked up at the provider, for the preview only.

Nothing is decided by it: the policy has decided before, and who cannot be asked in time is done without.
"""

import asyncio
from typing import Any

from contracts.actions import PreviewField
from libs.resilience.errors import AdjutantError
from libs.telemetry import get_logger
from services.tool.arguments import Arguments
from services.tool.consent.legible import legible
from services.tool.context import Context
from services.tool.registry import Tool

LOOK_UP_S = 3.0
MOST_FIELDS = 6
LONGEST_FIELD = 4_000
_UNNAMED = "{id} (what this is called could not be looked up)"

log = get_logger("services.tool")


def acts_on_something(tool: Tool[Any], arguments: Arguments) -> bool:
    """Whether an id in it stands for something that has a name."""
    return any(getattr(arguments, name, None) is not None for name in tool.facts.acts_on)


async def seen(tool: Tool[Any], arguments: Arguments, context: Context) -> tuple[PreviewField, ...]:
    """Lines for a preview in place of ids, made legible. What fails in it is tolerated: then the ids are shown."""
    if tool.shown is None:
        return ()
    try:
        async with asyncio.timeout(LOOK_UP_S):
            found = await tool.shown(arguments, context)
    except Exception as error:  # whatever a provider answers: the user is asked all the same
        reason = error.slug if isinstance(error, AdjutantError) else type(error).__name__
        log.info("name_not_looked_up", tool=tool.name, error=reason)
        return ids(tool, arguments)
    return tuple(
        field.model_copy(update={"value": legible(field.value, LONGEST_FIELD)}) for field in found[:MOST_FIELDS]
    )


def ids(tool: Tool[Any], arguments: Arguments) -> tuple[PreviewField, ...]:
    """What it acts on without names, and a word about why."""
    given = {name: getattr(arguments, name, None) for name in tool.facts.acts_on}
    return tuple(
        PreviewField(label=name.replace("_", " ").capitalize(), value=_UNNAMED.format(id=id))
        for name, id in given.items()
        if id is not None
    )
