"""What a call came to, as MCP has it: a text for a model, the same as data for a program."""

import json
from typing import Any

from mcp_types import CallToolResult, TextContent

from contracts.envelope import Scope
from contracts.ids import ExecutionId
from contracts.tool import ExecutionStatus, ToolOutcome
from libs.resilience.errors import AdjutantError
from libs.vault import TransitSeal
from services.gateway.mcp.errors import error_data, sentence
from services.gateway.mcp.words import DATA_BEGINS, ENDINGS, OTHERS_KEY, STANDINGS, USERS_WORD


def result_of(
    outcome: ToolOutcome, seal: TransitSeal, scope: Scope, *, by_others: bool, action: ExecutionId | None = None
) -> CallToolResult:
    """`by_others`: the result may hold text of outsiders. `action` is the id of an effect."""
    known: dict[str, Any] = {"status": outcome.status.value} | ({"action_id": action} if action else {})
    if outcome.status in STANDINGS:
        return _told(STANDINGS[outcome.status].format(action=action), known)
    if outcome.status is not ExecutionStatus.DONE:
        ending = ENDINGS[outcome.status].format(action=action)
        detail = ending if outcome.status in USERS_WORD else outcome.detail or ending
        return _told(detail, known | {"error": outcome.error or outcome.status.value, "detail": detail}, is_error=True)
    text = "{}" if outcome.sealed_result is None else seal.open("tool_result", scope, outcome.sealed_result)
    known |= {"written_by_others": by_others, "result": json.loads(text)}
    return _told(as_data(text), known, by_others=True) if by_others else _told(text, known)


def failure(error: AdjutantError) -> CallToolResult:
    """A call that did not get as far as an outcome."""
    told = sentence(error)
    known = {"status": ExecutionStatus.FAILED.value, "detail": told} | error_data(error)
    return _told(told, known, is_error=True)


def as_data(text: str) -> str:
    """Marked; what outsiders wrote cannot close the mark (in JSON, `<\\/` reads as `</`)."""
    inside = text.replace("</data", "<\\/data")
    return f"{DATA_BEGINS}\n<data>{inside}</data>"


def _told(text: str, known: dict[str, Any], *, is_error: bool = False, by_others: bool = False) -> CallToolResult:
    meta = {OTHERS_KEY: True} if by_others else None
    content = TextContent(text=text, _meta=meta)
    return CallToolResult(content=[content], structured_content=known, is_error=is_error, _meta=meta)
