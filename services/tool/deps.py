"""What tool's handlers are given."""

from dataclasses import dataclass, field
from datetime import datetime

from contracts.envelope import Scope
from libs.bus import Bus
from libs.db import Database
from libs.providers.google.calendar import Calendar
from libs.providers.google.gmail import Gmail
from libs.resilience.deadline import Deadline
from libs.vault import TransitSeal, Vault
from services.tool import times
from services.tool.access import Access
from services.tool.connected import Connected
from services.tool.consent.gate import Waits
from services.tool.context import CALL_TIMEOUT_S, Context
from services.tool.delegation.agendas import Agendas
from services.tool.delegation.busy_times import BusyTimes
from services.tool.delegation.desk import Desk
from services.tool.delegation.turns import Turns
from services.tool.execution import PATIENCE, Patience
from services.tool.network.circle import Circle
from services.tool.network.desk import NetworkDesk
from services.tool.network.free_time import FreeTime
from services.tool.registry import Registry
from services.tool.tasks import TaskList
from services.tool.usage import UsageBook
from services.tool.work_clients import WorkClients


@dataclass(frozen=True, slots=True)
class ToolDeps:
    """The neighbours of tool: its schema, the bus, the vault, the providers, and the tools themselves."""

    db: Database
    bus: Bus
    vault: Vault
    seal: TransitSeal
    gmail: Gmail
    calendar: Calendar
    work: WorkClients
    tools: Registry
    connected: Connected
    usage: UsageBook
    patience: Patience = PATIENCE
    waits: Waits = field(default_factory=Waits)
    busy_times: BusyTimes = field(default_factory=BusyTimes)
    turns: Turns = field(default_factory=Turns)

    def access(self, scope: Scope) -> Access:
        """That user's way to the providers."""
        return Access(self.bus, self.seal, scope, self.usage)

    def context(
        self, scope: Scope, timezone: str, now: datetime, deadline: Deadline, execution_id: str | None = None
    ) -> Context:
        """For one run of a tool. Raises TimeNotUnderstood for a timezone that is none."""
        tz = times.zone(timezone)
        tasks = TaskList(self.db, self.vault, scope)
        access = self.access(scope)
        network = self.network(scope, CALL_TIMEOUT_S)
        return Context(access, self.gmail, self.calendar, self.work, tz, now, deadline, tasks, network, execution_id)

    def desk(self, scope: Scope, delegation_id: str) -> Desk:
        """Where outsiders are served who came by that link."""
        return Desk(self.db, self.vault, self.busy_times, self.turns, scope, delegation_id)

    def circle(self, scope: Scope) -> Circle:
        """Whom that user knows here."""
        return Circle(self.db, self.vault, scope)

    def network(self, scope: Scope, calendar_s: float) -> NetworkDesk:
        """What that user may say in negotiations; their calendar has so many seconds for each answer."""
        agendas = Agendas(self.access(scope), self.calendar, self.work, calendar_s)
        free_time = FreeTime(self.db, self.connected, agendas, scope)
        return NetworkDesk(self.db, self.vault, self.circle(scope), free_time, scope)
