"""From a command to its end: claimed, carried out, recorded together with the event that tells of it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from contracts.envelope import Scope
from contracts.tool import Effect, ExecuteTool, ExecutionFinished
from libs.bus import publish
from libs.resilience.deadline import Deadline
from libs.resilience.errors import AdjutantError, NotFound
from services.tool import execution, ledger
from services.tool.delegation.reception import Reception
from services.tool.deps import ToolDeps
from services.tool.ledger import Claim, Ending, Request
from services.tool.registry import Audience

EXECUTION_S = 60.0
"""Longer than the patience of `services.tool.execution`, which ends an execution properly."""


async def ensure_ended(
    command: ExecuteTool,
    asked_at: datetime,
    scope: Scope,
    deps: ToolDeps,
    *,
    audience: Audience = Audience.OWNER,
    reception: Reception | None = None,
) -> Ending:
    """How the execution ended, now or earlier. Raises ExecutionInProgress, ExecutionConflict, DatabaseUnavailable.

    `audience` is who asks; `reception` what stands between an outsider and the calendar, for those tools.
    """
    arguments_json = deps.seal.open("tool_arguments", scope, command.sealed_arguments)
    request = Request(command.execution_id, command.tool, arguments_json, asked_at)
    async with deps.db.transaction(scope) as tx:
        held = await ledger.claim(tx, await deps.vault.user_key(tx), request)
    if isinstance(held, Ending):
        return held
    asker = _Asker(audience, reception)
    ending = await _carry_out(command, arguments_json, held, asker, scope, deps)
    await _record(command, held, ending, asker, scope, deps)
    return ending


@dataclass(frozen=True, slots=True)
class _Asker:
    audience: Audience
    reception: Reception | None


async def _carry_out(
    command: ExecuteTool, arguments_json: str, held: Claim, asker: _Asker, scope: Scope, deps: ToolDeps
) -> Ending:
    async def renew() -> None:
        async with deps.db.transaction(scope) as tx:
            await ledger.renew(tx, held)

    try:
        tool = deps.tools.find(command.tool, asker.audience)
        arguments = tool.parse(arguments_json)
        deadline = Deadline.after(EXECUTION_S)
        context = deps.context(scope, command.timezone, held.asked_at, deadline, command.execution_id)
        context = replace(context, reception=asker.reception)
    except AdjutantError as error:
        return execution.refused(error)
    return await execution.carry_out(
        tool, arguments, context, is_first=held.is_first, renew=renew, patience=deps.patience
    )


async def _record(
    command: ExecuteTool, held: Claim, ending: Ending, asker: _Asker, scope: Scope, deps: ToolDeps
) -> None:
    """Final state, result and event in one transaction. A step of the service itself is told by what it is part of."""
    async with deps.db.transaction(scope) as tx:
        await ledger.finish(tx, await deps.vault.user_key(tx), held, ending)
        if asker.audience is Audience.SERVICE:
            return
        await publish(
            tx,
            ExecutionFinished(
                execution_id=command.execution_id,
                tool=command.tool,
                effect=_effect(command.tool, asker.audience, deps),
                status=ending.status.value,
                finished_at=datetime.now(UTC),
                error=ending.error,
            ),
        )


def _effect(tool: str, audience: Audience, deps: ToolDeps) -> Effect:
    try:
        return deps.tools.find(tool, audience).effect
    except NotFound:
        return Effect.WRITE  # a tool nobody has: it failed, whatever it meant to do
