"""A tool service of a few lines, that answers as its contracts say: one tool that reads, one that sends."""

import json
from dataclasses import dataclass, field
from typing import Any

from contracts.actions import Provenance
from contracts.tool import (
    Effect,
    ExecuteTool,
    ExecutionNotice,
    ExecutionStatus,
    GetExecution,
    ListTools,
    RunReadTool,
    ToolDescription,
    ToolOutcome,
    Tools,
)
from libs.bus import Bus, Call, answer, handle_long
from libs.resilience.errors import NotFound
from libs.vault import TransitSeal

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"query": {"type": "string"}},
        "required": [],
        "additionalProperties": False,
    }
)


class PeerExecutionNotFound(NotFound):
    """As tool says it."""

    slug = "execution_not_found"


@dataclass(slots=True)
class ToolPeer:
    """What it was asked, and what it answers."""

    bus: Bus
    seal: TransitSeal
    ending: ExecutionStatus = ExecutionStatus.PROPOSED
    result: dict[str, Any] = field(default_factory=lambda: {"text": "hello"})
    reads: list[tuple[str, str, str]] = field(default_factory=list)
    """User, timezone, arguments."""
    commands: list[tuple[str, ExecuteTool, str, Provenance]] = field(default_factory=list)
    """User, command, arguments, provenance."""

    def description(self, name: str, effect: Effect, *, by_others: bool) -> ToolDescription:
        """One tool."""
        return ToolDescription(
            name=name,
            description=f"Does {name}.",
            effect=effect,
            parameters_schema=SCHEMA,
            returns_untrusted_text=by_others,
        )


async def list_tools(query: ListTools, call: Call, peer: ToolPeer) -> Tools:
    """For everybody the same."""
    return Tools(
        tools=(
            peer.description("notes_find", Effect.READ, by_others=True),
            peer.description("notes_count", Effect.READ, by_others=False),
            peer.description("notes_draft", Effect.DRAFT, by_others=False),
            peer.description("notes_send", Effect.SEND, by_others=False),
        ),
        missing_providers=("slack",),
    )


async def run_read_tool(query: RunReadTool, call: Call, peer: ToolPeer) -> ToolOutcome:
    """The result that the test has chosen."""
    scope = call.require_scope()
    arguments = peer.seal.open("tool_arguments", scope, query.sealed_arguments)
    peer.reads.append((scope.user_id, query.timezone, arguments))
    if "wrong" in json.loads(arguments):
        detail = f"{query.tool}: wrong is not one of its arguments. Call the tool again with corrected arguments."
        return ToolOutcome(status=ExecutionStatus.FAILED, error="invalid_arguments", detail=detail)
    sealed = peer.seal.seal("tool_result", scope, json.dumps(peer.result))
    return ToolOutcome(status=ExecutionStatus.DONE, sealed_result=sealed)


async def execute_tool(command: ExecuteTool, call: Call, peer: ToolPeer) -> None:
    """Note it, and tell that something became of it."""
    scope = call.require_scope()
    assert command.sealed_provenance is not None
    arguments = peer.seal.open("tool_arguments", scope, command.sealed_arguments)
    provenance = Provenance.model_validate_json(
        peer.seal.open("tool_provenance", scope, command.sealed_provenance), strict=False
    )
    peer.commands.append((scope.user_id, command, arguments, provenance))
    notice = ExecutionNotice(execution_id=command.execution_id, status=peer.ending)
    await peer.bus.live("execution", command.execution_id).publish(notice.model_dump_json().encode())


async def get_execution(query: GetExecution, call: Call, peer: ToolPeer) -> ToolOutcome:
    """Of the asker's own."""
    scope = call.require_scope()
    if (scope.user_id, query.execution_id) not in [(user, c.execution_id) for user, c, _, _ in peer.commands]:
        raise PeerExecutionNotFound("There is no such execution.")
    if peer.ending is ExecutionStatus.DONE:
        sealed = peer.seal.seal("tool_result", scope, json.dumps(peer.result))
        return ToolOutcome(status=peer.ending, sealed_result=sealed)
    if peer.ending is ExecutionStatus.FAILED:
        return ToolOutcome(status=peer.ending, error="recipient_refused", detail="The recipient does not exist.")
    said_to_user = {ExecutionStatus.DECLINED: "You declined this.", ExecutionStatus.WITHDRAWN: "You withdrew this."}
    return ToolOutcome(status=peer.ending, detail=said_to_user.get(peer.ending))


ROUTES = (
    answer(ListTools, list_tools),
    answer(RunReadTool, run_read_tool),
    answer(GetExecution, get_execution),
    handle_long(ExecuteTool, execute_tool),
)
