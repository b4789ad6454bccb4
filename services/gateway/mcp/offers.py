"""Tools as MCP describes them. The hints follow from the effect class alone, and rather warn too much."""

import json

from mcp_types import Tool, ToolAnnotations

from contracts.tool import Effect, ToolDescription
from services.gateway.mcp.words import EFFECT_KEY, OTHERS_KEY, STATUS_TOOL


def offered(tool: ToolDescription) -> Tool:
    """One tool."""
    meta = {EFFECT_KEY: tool.effect.value, OTHERS_KEY: tool.returns_untrusted_text}
    return Tool(
        name=tool.name,
        title=_title(tool.name),
        description=tool.description,
        input_schema=json.loads(tool.parameters_schema),
        annotations=hints(tool.effect, reads_others=tool.returns_untrusted_text),
        _meta=meta,
    )


def hints(effect: Effect, *, reads_others: bool) -> ToolAnnotations:
    """A draft only adds, and only here; what is written, sent or spent may be past recall, and reaches others.

    Nothing but a read is idempotent: called twice it happens twice, unless `_meta.idempotencyKey` says otherwise.
    """
    is_read = effect is Effect.READ
    is_here = is_read or effect is Effect.DRAFT
    return ToolAnnotations(
        read_only_hint=is_read,
        destructive_hint=not is_here,
        idempotent_hint=is_read,
        open_world_hint=reads_others or not is_here,
    )


def status_tool() -> Tool:
    """What became of an action that was proposed; the only tool that belongs to this endpoint itself."""
    return Tool(
        name=STATUS_TOOL,
        title=_title(STATUS_TOOL),
        description="What became of an action: whether it still waits for the user's approval, or how it ended.",
        input_schema={
            "type": "object",
            "properties": {"action_id": {"type": "string", "description": "As the call of the tool answered it."}},
            "required": ["action_id"],
            "additionalProperties": False,
        },
        annotations=hints(Effect.READ, reads_others=False),
        _meta={EFFECT_KEY: Effect.READ.value, OTHERS_KEY: True},
    )


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()
