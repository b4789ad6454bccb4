"""Calling tools for a program: reads are asked, effects are commands that survive us and wait for their user."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import structlog

from contracts.actions import Provenance
from contracts.envelope import Scope
from contracts.ids import ExecutionId
from contracts.tool import ExecuteTool, ExecutionStatus, GetExecution, ListTools, RunReadTool, ToolOutcome, Tools
from libs.bus import OURS_AWAY, RemoteError
from libs.resilience.deadline import Deadline
from libs.resilience.errors import Unavailable
from services.gateway.deps import Gateway

log = structlog.get_logger("services.gateway")

LIST_S = 5.0
READ_S = 20.0
AWAY_S = 8.0
"""How long a neighbour is waited for: a restart takes about two seconds."""
PAUSE_S = 0.5
EFFECT_S = 40.0
"""Many clients give up after a minute; by then they shall know the action's id."""
LOOK_EVERY_S = 2.0
"""A notice may be lost: the ledger is asked this often."""

BY_A_PROGRAM = Provenance(via="program", read_untrusted=True, is_asked=False)
"""What a program's model has read, and who asked it, nobody here can know: the worst is assumed."""


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of one user."""

    gateway: Gateway
    scope: Scope
    timezone: str

    async def read(self, tool: str, arguments: str) -> ToolOutcome:
        """Look something up; `arguments` are JSON. Raises Unavailable, RemoteError."""
        sealed = self.gateway.seal.seal("tool_arguments", self.scope, arguments)
        query = RunReadTool(tool=tool, sealed_arguments=sealed, timezone=self.timezone)
        patience = Deadline.after(AWAY_S)
        while True:
            try:
                outcome = await self.gateway.bus.ask(query, scope=self.scope, timeout_s=READ_S)
            except Unavailable:
                if patience.expired:
                    raise
            else:
                if outcome.error not in OURS_AWAY or patience.expired:
                    return outcome
            await asyncio.sleep(PAUSE_S)

    async def execute(self, execution: ExecutionId, tool: str, arguments: str) -> ToolOutcome:
        """Propose or do something, once for each id. Raises BusUnavailable when it was not accepted for certain."""
        seal, provenance = self.gateway.seal, BY_A_PROGRAM.of_call(execution, tool, arguments)
        command = ExecuteTool(
            execution_id=execution,
            tool=tool,
            sealed_arguments=seal.seal("tool_arguments", self.scope, arguments),
            timezone=self.timezone,
            sealed_provenance=seal.seal("tool_provenance", self.scope, provenance.model_dump_json()),
        )
        async with self.gateway.bus.listen("execution", execution) as notices:
            await self.gateway.bus.send(command, scope=self.scope, id=execution)
            outcome = await self._settled(execution, aiter(notices))
        return outcome or ToolOutcome(status=ExecutionStatus.CLAIMED)

    async def standing(self, execution: ExecutionId) -> ToolOutcome:
        """Where an effect stands. Raises RemoteError (execution_not_found), Unavailable."""
        return await self.gateway.bus.ask(GetExecution(execution_id=execution), scope=self.scope)

    async def settled_before(self, execution: ExecutionId) -> ToolOutcome | None:
        """Where it stands, unless it has not begun or is under way."""
        try:
            found = await self.standing(execution)
        except (RemoteError, Unavailable) as not_yet:
            log.debug("execution_not_seen", error=not_yet.slug)
            return None
        return None if found.status is ExecutionStatus.CLAIMED else found

    async def _settled(self, execution: ExecutionId, heard: AsyncIterator[bytes]) -> ToolOutcome | None:
        until = Deadline.after(EFFECT_S)
        waiting = asyncio.ensure_future(anext(heard))
        try:
            while not until.expired and not self.gateway.stopping.is_set():
                await asyncio.wait({waiting}, timeout=LOOK_EVERY_S)
                if outcome := await self.settled_before(execution):
                    return outcome
                if waiting.done():
                    waiting = asyncio.ensure_future(anext(heard))
        finally:
            waiting.cancel()
        return None


async def tools_of(gateway: Gateway, scope: Scope) -> Tools:
    """What this user may use; a tool service that restarts is waited for. Raises Unavailable, RemoteError."""
    patience = Deadline.after(AWAY_S)
    while True:
        try:
            return await gateway.bus.ask(ListTools(), scope=scope, timeout_s=LIST_S)
        except Unavailable:
            if patience.expired:
                raise
        await asyncio.sleep(PAUSE_S)
