"""What a tool is given beside its arguments."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from contracts.envelope import Query, Reply
from libs.providers.google.calendar import Calendar
from libs.providers.google.gmail import Gmail
from libs.resilience.deadline import Deadline
from services.tool.access import Access
from services.tool.delegation.reception import Reception
from services.tool.network.desk import NetworkDesk
from services.tool.roots import UNKNOWN, Roots
from services.tool.tasks import TaskList
from services.tool.work_clients import WorkClients

ReplyT = TypeVar("ReplyT", bound=Reply)

CALL_TIMEOUT_S = 8.0
"""The longest a provider may take for one call. The ledger's lease is longer than this (`services.tool.ledger`)."""

ANSWER_S = 0.2
"""What is kept for saying that it took too long, to somebody who still listens."""


@dataclass(frozen=True, slots=True)
class Context:
    """Who asks, when, where, and the providers."""

    access: Access
    gmail: Gmail
    calendar: Calendar
    work: WorkClients
    tz: ZoneInfo
    now: datetime
    """What words such as "tomorrow" are relative to: the moment of asking, also when it is done later."""
    deadline: Deadline
    tasks: TaskList
    network: NetworkDesk
    execution_id: str | None = None
    """Set for tools with an effect."""
    entered_at: datetime | None = None
    """When that execution was claimed first, perhaps days after it was asked for; nothing it did is older."""
    reception: Reception | None = None
    """Set when an outsider asks: all they get to see of the owner."""
    roots: Roots = UNKNOWN
    """Which of an effect's arguments stem from others, for tools that keep them."""

    @property
    def effect_id(self) -> str:
        """The execution id, by which an effect is found again. Asking for it without an effect is a bug."""
        if self.execution_id is None:
            raise RuntimeError("an effect needs an execution id")
        return self.execution_id

    @property
    def begun_at(self) -> datetime:
        """The moment that what is made now bears, the same for every attempt."""
        return self.entered_at or self.now

    async def ask(self, query: Query[ReplyT]) -> ReplyT:
        """Another service of ours, for the same user. Raises what it answers."""
        return await self.access.bus.ask(query, scope=self.access.scope, timeout_s=self.timeout_s)

    @property
    def timeout_s(self) -> float:
        """For the next provider call; never zero, so that a late call fails as a timeout and not as a bug."""
        return max(0.05, min(CALL_TIMEOUT_S, self.deadline.remaining_s() - ANSWER_S))
