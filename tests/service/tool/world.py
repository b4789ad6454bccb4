"""The tool service on a real bus and database, between an oauth peer and the emulated Google."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from contracts.actions import ArgumentOrigin, Origin, Preview, Provenance, leaves
from contracts.envelope import Scope
from contracts.ids import ExecutionId, new_id
from contracts.tool import ExecuteTool, ExecutionStatus, GetExecution, RunReadTool, ToolOutcome
from libs.bus import Bus
from libs.db import Database
from libs.providers.google.calendar import Calendar
from libs.providers.google.gmail import Gmail
from libs.providers.wire import http_client
from libs.resilience.errors import AdjutantError
from libs.vault import MasterKeys, TransitSeal, Vault
from services.tool.app import routes
from services.tool.connected import Connected
from services.tool.consent.gate import Waits
from services.tool.deps import ToolDeps
from services.tool.execution import Patience
from services.tool.tools import registry
from services.tool.usage import UsageBook
from services.tool.work_clients import WorkClients
from tests.conftest import Platform
from tests.service.tool.front import Front
from tests.service.tool.oauth_peer import OAuthPeer

TIMEZONE = "Europe/Berlin"
PATIENCE = Patience(total_s=3.0, settle_s=0.2, pauses_s=(0.1,))
AT_ONCE = Waits(hold=timedelta(0))
ENDED = {ExecutionStatus.DONE, ExecutionStatus.FAILED, ExecutionStatus.UNKNOWN}


@asynccontextmanager
async def running_tool(
    platform: Platform, api: str, patience: Patience = PATIENCE, waits: Waits = AT_ONCE, **work: str
) -> AsyncIterator[ToolDeps]:
    """One replica; `api` is where Google is, `work` where the others are, as `WorkClients.open` names them."""
    account = platform.nats
    database = await Database.connect(platform.database.url("tool"), "tool", wait_s=10)
    bus = Bus("tool", account.url, user=account.user("tool"), password=account.password("tool"))
    keys = MasterKeys.from_text(platform.master_keys)
    await bus.connect()
    async with http_client() as http:
        deps = ToolDeps(
            db=database,
            bus=bus,
            vault=Vault(keys),
            seal=TransitSeal(keys),
            gmail=await Gmail.open(http, f"{api}/"),
            calendar=await Calendar.open(http, f"{api}/calendar/v3/"),
            work=WorkClients.open(http, **work),
            tools=registry,
            connected=Connected(database, bus),
            usage=UsageBook(database),
            patience=patience,
            waits=waits,
        )
        await bus.start(routes, deps, database)
        try:
            yield deps
        finally:
            await bus.stop(grace_s=5)
            await bus.close()
            await database.close()


def wished(arguments: dict[str, Any]) -> Provenance:
    """Of a call that follows from the user's own words, word for word."""
    origins = tuple(ArgumentOrigin(argument=path, origin=Origin.USER) for path, _ in leaves("", arguments))
    return Provenance(read_untrusted=False, is_asked=True, arguments=origins)


@dataclass
class World:
    """What a test sees: it speaks as chat does, and looks into the calendar past everything."""

    chat: Bus
    seal: TransitSeal
    oauth: OAuthPeer
    front: Front
    google: str
    scope: Scope

    async def read(self, tool: str, timeout_s: float = 12.0, **arguments: Any) -> ToolOutcome:
        """Run a read tool."""
        query = RunReadTool(tool=tool, sealed_arguments=self.sealed(arguments), timezone=TIMEZONE)
        return await self.chat.ask(query, scope=self.scope, timeout_s=timeout_s)

    async def result(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The opened result of a read tool that worked."""
        return self.opened(await self.read(tool, **arguments))

    def command(self, title: str, execution_id: str | None = None, **arguments: Any) -> ExecuteTool:
        """Create an event tomorrow at two."""
        given = {"title": title, "start": "tomorrow at 2pm", "guests": ["sarah.chen@example.com"]} | arguments
        return self.asked("calendar_create_event", given, execution_id)

    def asked(
        self,
        tool: str,
        arguments: dict[str, Any],
        execution_id: str | None = None,
        provenance: Provenance | None = None,
    ) -> ExecuteTool:
        """The command to run a tool with an effect; by default the user's own words ask for every value of it."""
        id = ExecutionId(execution_id or new_id("x"))
        provenance = (provenance or wished(arguments)).of_call(id, tool, json.dumps(arguments))
        return ExecuteTool(
            execution_id=id,
            tool=tool,
            sealed_arguments=self.sealed(arguments),
            timezone=TIMEZONE,
            sealed_provenance=self.seal.seal("tool_provenance", self.scope, provenance.model_dump_json()),
        )

    async def done(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The opened result of an effect that worked."""
        return self.opened(await self.execute(self.asked(tool, arguments)))

    async def execute(self, command: ExecuteTool, timeout_s: float = 30.0) -> ToolOutcome:
        """Send the command and wait until it ended."""
        await self.chat.send(command, scope=self.scope)
        return await self.ended(command.execution_id, timeout_s)

    async def proposed(self, tool: str, **arguments: Any) -> Preview:
        """What the user reads of a call that others' words may have influenced."""
        influenced = Provenance(read_untrusted=True, is_asked=False)
        command = self.asked(tool, arguments, provenance=influenced)
        await self.chat.send(command, scope=self.scope)
        outcome = await self.settled(command.execution_id)
        assert outcome.status is ExecutionStatus.PROPOSED, outcome
        return self.preview(outcome)

    def preview(self, outcome: ToolOutcome) -> Preview:
        """Of what waits, or is held back."""
        assert outcome.sealed_preview is not None, outcome
        return Preview.model_validate_json(self.seal.open("action_preview", self.scope, outcome.sealed_preview))

    async def settled(self, execution_id: ExecutionId, timeout_s: float = 15.0) -> ToolOutcome:
        """As far as it goes by itself."""
        async with asyncio.timeout(timeout_s):
            while True:
                outcome = await self.standing(execution_id)
                if outcome is not None and outcome.status is not ExecutionStatus.CLAIMED:
                    return outcome
                await asyncio.sleep(0.02)

    async def ended(self, execution_id: ExecutionId, timeout_s: float = 30.0) -> ToolOutcome:
        """Wait for the end of an execution that was sent."""
        async with asyncio.timeout(timeout_s):
            while True:
                outcome = await self.standing(execution_id)
                if outcome and outcome.status in ENDED:
                    return outcome
                await asyncio.sleep(0.05)

    async def standing(self, execution_id: ExecutionId) -> ToolOutcome | None:
        """Where it stands; None while nobody has claimed it or nobody answers."""
        try:
            return await self.chat.ask(GetExecution(execution_id=execution_id), scope=self.scope)
        except AdjutantError:
            return None

    def sealed(self, arguments: dict[str, Any] | str) -> str:
        """Arguments as chat sends them."""
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        return self.seal.seal("tool_arguments", self.scope, text)

    def opened(self, outcome: ToolOutcome) -> dict[str, Any]:
        """What the tool found."""
        assert outcome.sealed_result is not None, outcome
        found: dict[str, Any] = json.loads(self.seal.open("tool_result", self.scope, outcome.sealed_result))
        return found

    async def events(self, title: str) -> list[dict[str, Any]]:
        """The events of that title in the calendar, asked of the emulator itself."""
        async with httpx.AsyncClient() as http:
            answer = await http.get(
                f"{self.google}/calendar/v3/calendars/primary/events",
                params={"q": title, "maxResults": 250},
                headers={"authorization": "Bearer looking"},
            )
        items: list[dict[str, Any]] = answer.json()["items"]
        return [item for item in items if item["summary"] == title]


def unique(word: str) -> str:
    """A title nobody else uses."""
    return f"{word} {new_id('x')[-12:]}"
