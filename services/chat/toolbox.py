"""Calling tools: reads are asked, effects are commands that survive us; both end as an outcome, never as an error."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog
from msgspec import structs

from contracts.actions import Preview, Provenance
from contracts.envelope import Scope
from contracts.ids import ExecutionId
from contracts.tool import (
    ExecuteTool,
    ExecutionStatus,
    GetExecution,
    ListTools,
    RunReadTool,
    ToolDescription,
    ToolOutcome,
    Tools,
)
from libs.bus import OURS_AWAY, Bus, RemoteError
from libs.resilience.deadline import Deadline
from libs.resilience.errors import Unavailable
from libs.telemetry import tracer
from libs.vault import TransitSeal
from services.chat.provenance import quotes_others
from services.chat.steps import Outcome, ToolCall, execution_id

log = structlog.get_logger("services.chat")

READ_S = 15.0
LIST_S = 3.0
LIST_PATIENCE_S = 4.0
"""A service that restarts is back within two seconds; after this a model answers without tools, and says so."""
AWAY_S = 30.0
"""How long a tool service that is away is waited for: a restart takes about two seconds."""
PAUSE_S = 0.7
LOOK_EVERY_S = 2.0
"""A notice may be lost: the ledger is asked this often."""
EFFECT_S = 75.0
"""Longer than an effect takes that is redelivered after a crash (about 18 s) and retried (35 s)."""
UNDECIDED = frozenset({ExecutionStatus.PROPOSED, ExecutionStatus.HELD})
WAITS = "{title}: this waits for your approval, and is not done before."
HELD = "{title}: this is done in a few seconds, unless you undo it."
JUDGED_BY_RESULT = frozenset({"contacts_find", "memory_recall"})
"""Some of their results hold sentences of outsiders and most do not: `services.chat.provenance.quotes_others`."""


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools of one user in one turn. `known` is empty when the tool service could not say."""

    bus: Bus
    seal: TransitSeal
    scope: Scope
    timezone: str
    asked_at: datetime
    """What "tomorrow" is relative to."""
    turn_id: str
    deadline: Deadline
    known: Mapping[str, ToolDescription]
    missing: tuple[str, ...] = ()
    """Providers the user would have to connect first."""
    delegation_id: str | None = None
    """The link by which an outsider came: the tool service lets them use its tools and no others."""
    manage_hash: str | None = None
    """Of the secret by which they move and cancel what they book."""

    async def call(
        self, round_number: int, call_number: int, call: ToolCall, provenance: Provenance | None = None
    ) -> Outcome:
        """Make one call. The same call of the same turn has the same effect once, however often it is made.

        `provenance` says where a call with an effect comes from; without it the user is asked.
        """
        if call.effect is None:
            return _failed(call, self._why_unknown())
        with tracer.span(f"tool {call.tool}", attributes={"adjutant.tool": call.tool}):
            arguments = self.seal.seal("tool_arguments", self.scope, call.arguments or "{}")
            if call.changes_something:
                execution = execution_id(self.turn_id, round_number, call_number)
                known = provenance and provenance.of_call(execution, call.tool, call.arguments or "{}")
                outcome = await self._execute(execution, call.tool, arguments, known)
                if outcome.status in UNDECIDED:
                    return self._undecided(call, execution, outcome)
            else:
                outcome = await self._read(call.tool, arguments)
        return self._as_outcome(call, outcome)

    def described(self, call: ToolCall) -> ToolCall:
        """The call with what is known of its tool."""
        known = self.known.get(call.tool)
        if known is None:
            return call
        untrusted = known.returns_untrusted_text and call.tool not in JUDGED_BY_RESULT
        return structs.replace(call, effect=known.effect, untrusted=untrusted)

    def _why_unknown(self) -> str:
        if self.missing:
            needed = " and ".join(self.missing)
            return f"That needs a connection first: connect {needed} under Integrations, then ask again."
        return "Your tools cannot be reached right now." if not self.known else "There is no such tool."

    async def _read(self, tool: str, arguments: str) -> ToolOutcome:
        query = RunReadTool(
            tool=tool,
            sealed_arguments=arguments,
            timezone=self.timezone,
            delegation_id=self.delegation_id,
            asked_at=self.asked_at,
        )
        waited = Deadline.after(min(AWAY_S, self.deadline.remaining_s()))
        while True:
            outcome = await self._asked(query)
            if outcome.error not in OURS_AWAY or waited.expired:
                return outcome
            await asyncio.sleep(PAUSE_S)

    async def _asked(self, query: RunReadTool) -> ToolOutcome:
        try:
            return await self.bus.ask(query, scope=self.scope, timeout_s=READ_S)
        except RemoteError as error:
            return ToolOutcome(status=ExecutionStatus.FAILED, error=error.slug, detail=error.detail)
        except Unavailable as away:
            detail = "Your tools cannot be reached right now."
            return ToolOutcome(status=ExecutionStatus.FAILED, error=away.slug, detail=detail)

    async def _execute(
        self, execution: ExecutionId, tool: str, arguments: str, provenance: Provenance | None
    ) -> ToolOutcome:
        sealed = self.seal.seal("tool_provenance", self.scope, provenance.model_dump_json()) if provenance else None
        command = ExecuteTool(
            execution_id=execution,
            tool=tool,
            sealed_arguments=arguments,
            timezone=self.timezone,
            delegation_id=self.delegation_id,
            manage_hash=self.manage_hash,
            sealed_provenance=sealed,
            asked_at=self.asked_at,
        )
        async with self.bus.listen("execution", execution) as notices:
            await self.bus.send(command, scope=self.scope, id=execution)
            return await self._settled(execution, notices)

    async def ended(self, execution: ExecutionId) -> ToolOutcome:
        """What came of an effect that was approved; `unknown` when that takes longer than the turn has left."""
        under_way = frozenset({ExecutionStatus.CLAIMED, ExecutionStatus.HELD})
        async with self.bus.listen("execution", execution) as notices:
            found = await self._found(execution, under_way)
            return found or await self._settled(execution, notices, under_way)

    async def _settled(
        self,
        execution: ExecutionId,
        notices: AsyncIterator[bytes],
        under_way: frozenset[ExecutionStatus] = frozenset({ExecutionStatus.CLAIMED}),
    ) -> ToolOutcome:
        until = Deadline.after(min(EFFECT_S, self.deadline.remaining_s()))
        heard = aiter(notices)
        waiting = asyncio.ensure_future(anext(heard))
        try:
            while not until.expired:
                await asyncio.wait({waiting}, timeout=LOOK_EVERY_S)
                if outcome := await self._found(execution, under_way):
                    return outcome
                if waiting.done():
                    waiting = asyncio.ensure_future(anext(heard))
        finally:
            waiting.cancel()
        return ToolOutcome(
            status=ExecutionStatus.UNKNOWN,
            error="execution_unfinished",
            detail="I have asked for this but do not know yet whether it was done. Please look before asking again.",
        )

    async def _found(self, execution: ExecutionId, under_way: frozenset[ExecutionStatus]) -> ToolOutcome | None:
        """The outcome, when it is none of those that change by themselves in a moment."""
        try:
            found = await self.bus.ask(GetExecution(execution_id=execution), scope=self.scope)
        except (RemoteError, Unavailable) as not_yet:
            log.debug("execution_not_seen", error=not_yet.slug)
            return None
        return None if found.status in under_way else found

    def _undecided(self, call: ToolCall, execution: ExecutionId, outcome: ToolOutcome) -> Outcome:
        """It waits: for the user's decision, or for the end of the moment in which it can be withdrawn."""
        title = call.tool
        if outcome.sealed_preview is not None:
            preview = self.seal.open("action_preview", self.scope, outcome.sealed_preview)
            # What this says stays in the conversation: no words that an outsider may have chosen.
            title = Preview.model_validate_json(preview).plain_title or title
        is_held = outcome.status is ExecutionStatus.HELD
        detail = (HELD if is_held else WAITS).format(title=title)
        result = json.dumps({"status": outcome.status, "action_id": execution, "detail": detail})
        return Outcome(
            call.id,
            call.tool,
            ok=is_held,
            effect=True,
            untrusted=False,
            result=result,
            detail=detail,
            action_id=execution,
        )

    def _as_outcome(self, call: ToolCall, outcome: ToolOutcome) -> Outcome:
        is_effect = call.changes_something
        if outcome.status is not ExecutionStatus.DONE or outcome.sealed_result is None:
            detail = outcome.detail or "It did not work."
            result = json.dumps({"error": outcome.error, "detail": detail})
            return Outcome(
                call.id, call.tool, ok=False, effect=is_effect, untrusted=False, result=result, detail=detail
            )
        result = self.seal.open("tool_result", self.scope, outcome.sealed_result)
        found = Outcome(call.id, call.tool, ok=True, effect=is_effect, untrusted=call.untrusted, result=result)
        return structs.replace(found, untrusted=True) if quotes_others(found) else found


async def list_tools(
    bus: Bus, scope: Scope, patience_s: float = LIST_PATIENCE_S, delegation_id: str | None = None
) -> Tools | None:
    """What this user may use, or who came by a link; None when the tool service stays away longer than `patience_s`."""
    patience = Deadline.after(patience_s)
    while True:
        try:
            return await bus.ask(ListTools(delegation_id=delegation_id), scope=scope, timeout_s=LIST_S)
        except (RemoteError, Unavailable) as away:
            if patience.expired or not away.retryable:
                log.warning("tools_unavailable", error=away.slug)
                return None
        await asyncio.sleep(PAUSE_S)


def title_in(detail: str) -> str:
    """What it is about, of a sentence that says that it waits or is held back."""
    return detail.removesuffix(WAITS.format(title="")).removesuffix(HELD.format(title=""))


def refused(call: ToolCall, detail: str) -> Outcome:
    """A call that policy did not let through."""
    return _failed(call, detail)


def _failed(call: ToolCall, detail: str) -> Outcome:
    result = json.dumps({"error": "not_done", "detail": detail})
    return Outcome(call.id, call.tool, ok=False, effect=False, untrusted=False, result=result, detail=detail)
