"""From a command to its end: consented, claimed, carried out, recorded together with the event that tells of it."""

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from contracts.actions import Provenance
from contracts.envelope import Scope
from contracts.ids import ExecutionId
from contracts.tool import Effect, ExecuteTool, ExecutionFinished, ExecutionStatus
from libs.bus import publish
from libs.resilience.deadline import Deadline
from libs.resilience.errors import AdjutantError, NotFound
from services.tool import execution, ledger
from services.tool.consent import gate
from services.tool.consent.gate import Unnamed
from services.tool.consent.preview import Shown
from services.tool.consent.sight import LOOK_UP_S, seen
from services.tool.delegation.reception import Reception
from services.tool.deps import ToolDeps
from services.tool.ledger import Claim, Ending, Request
from services.tool.registry import Audience, Tool
from services.tool.roots import roots_of

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
    request = Request(command.execution_id, command.tool, arguments_json, asked_at, command.timezone)
    sealed = command.sealed_provenance
    provenance = gate.provenance_of(deps.seal.open("tool_provenance", scope, sealed) if sealed else None, request)
    request = replace(request, roots=roots_of(provenance, arguments_json))
    asker = _Asker(audience, reception)
    claimed_at = time.monotonic()  # before the lease begins, so that it is never thought longer than it is
    held = await _held(request, provenance, asker, scope, deps)
    if isinstance(held, Ending):
        return held
    if not held.is_first:
        async with deps.db.transaction(scope) as tx:
            request = await ledger.kept(tx, await deps.vault.user_key(tx), held)  # its user may have edited it
    return await _ended(request, held, claimed_at, asker, scope, deps)


async def ensure_carried_out(action_id: str, scope: Scope, deps: ToolDeps) -> Ending | None:
    """What its user approved, or did not withdraw in time. None when it is not known, or still waits for a decision.

    Raises ExecutionInProgress, DatabaseUnavailable.
    """
    claimed_at = time.monotonic()
    async with deps.db.transaction(scope) as tx:
        taken = await ledger.take(tx, await deps.vault.user_key(tx), action_id)
    if taken is None or isinstance(taken, Ending):
        return taken
    held, request = taken
    return await _ended(request, held, claimed_at, _Asker(Audience.OWNER, None), scope, deps)


async def _held(
    request: Request, provenance: Provenance | None, asker: "_Asker", scope: Scope, deps: ToolDeps
) -> Claim | Ending:
    """The right to do it, or how it stands. No provider is asked while a transaction is open."""
    held = await _entered(request, provenance, asker, scope, deps)
    if isinstance(held, Unnamed):
        deadline = Deadline.after(LOOK_UP_S)
        context = deps.context(scope, request.timezone, request.asked_at, deadline, request.execution_id)
        shown = await seen(held.tool, held.arguments, context)
        held = await _entered(request, provenance, asker, scope, deps, shown)
    assert not isinstance(held, Unnamed)
    return held


async def _entered(
    request: Request,
    provenance: Provenance | None,
    asker: "_Asker",
    scope: Scope,
    deps: ToolDeps,
    shown: Shown | None = None,
) -> Claim | Ending | Unnamed:
    """Only what owners' assistants intend needs consent: a link's terms are its owner's word for outsiders."""
    async with deps.db.transaction(scope) as tx:
        key = await deps.vault.user_key(tx)
        if (standing := await ledger.standing(tx, key, request)) is not None:
            return standing
        tool = _known(request.tool, asker.audience, deps)
        if asker.audience is not Audience.OWNER or tool is None:
            return await ledger.claim(tx, key, request)  # one that is not known fails, and says why
        return await gate.enter(tx, key, request, tool, provenance, datetime.now(UTC), deps.waits, shown)


async def _ended(
    request: Request, held: Claim, claimed_at: float, asker: "_Asker", scope: Scope, deps: ToolDeps
) -> Ending:
    ending = await _carry_out(request, held, claimed_at, asker, scope, deps)
    return await _record(request, held, ending, asker, scope, deps)


@dataclass(frozen=True, slots=True)
class _Asker:
    audience: Audience
    reception: Reception | None


async def _carry_out(
    request: Request, held: Claim, claimed_at: float, asker: _Asker, scope: Scope, deps: ToolDeps
) -> Ending:
    async def renew() -> None:
        async with deps.db.transaction(scope) as tx:
            await ledger.renew(tx, held)

    try:
        tool = deps.tools.find(request.tool, asker.audience)
        arguments = tool.parse(request.arguments_json)
        deadline = Deadline.after(EXECUTION_S)
        context = deps.context(scope, request.timezone, held.asked_at, deadline, request.execution_id)
        context = replace(context, reception=asker.reception, entered_at=held.entered_at, roots=request.roots)
    except AdjutantError as error:
        # Whoever held it before may have known a tool that is gone.
        return execution.refused(error) if held.is_first else execution.unclear(error)
    return await execution.carry_out(
        tool,
        arguments,
        context,
        is_first=held.is_first,
        renew=renew,
        claimed_at=claimed_at,
        patience=deps.patience,
    )


async def _record(request: Request, held: Claim, ending: Ending, asker: _Asker, scope: Scope, deps: ToolDeps) -> Ending:
    """Final state, result and event in one transaction. A step of the service itself is told by what it is part of."""
    tool = _known(request.tool, asker.audience, deps)
    now = datetime.now(UTC)
    if ending.status is ExecutionStatus.DONE and tool is not None and tool.facts.undone_with is not None:
        ending = replace(ending, undo_until=now + deps.waits.undo)
    async with deps.db.transaction(scope) as tx:
        await ledger.finish(tx, await deps.vault.user_key(tx), held, ending)
        if asker.audience is Audience.SERVICE:
            return ending
        await publish(
            tx,
            ExecutionFinished(
                execution_id=ExecutionId(request.execution_id),
                tool=request.tool,
                # A tool that nobody has failed, whatever it meant to do.
                effect=tool.effect if tool is not None else Effect.WRITE,
                status=ending.status.value,
                finished_at=now,
                error=ending.error,
            ),
        )
    return ending


def _known(tool: str, audience: Audience, deps: ToolDeps) -> Tool[Any] | None:
    try:
        return deps.tools.find(tool, audience)
    except NotFound:
        return None
