"""Tools: what the assistant may read and do."""

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import ClassVar, Literal, Self

from contracts.envelope import Command, Event, Live, Query, Reply, Service
from contracts.ids import ExecutionId
from contracts.usage import ApiUsages

_EXECUTION = ExecutionId("x_0193b0f1a8c07d3e9f00112233445566")
_MOMENT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


class Effect(StrEnum):
    """What a tool does to the world; everything but `read` goes through the ledger."""

    READ = "read"
    DRAFT = "draft"
    WRITE = "write"
    SEND = "send"
    SPEND = "spend"


class ToolDescription(Reply):
    """A tool as a model sees it. `parameters_schema` is a JSON Schema document, as text."""

    name: str
    description: str
    effect: Effect
    parameters_schema: str
    returns_untrusted_text: bool
    """Whether the result holds text that outsiders wrote: data, never instructions."""
    recipients: tuple[str, ...] = ()
    """Arguments that say who receives something: addresses, channels."""
    asked_with: tuple[str, ...] = ()
    """Beginnings of words by which people ask for this, in lower case; with `*`, and a later word of the sentence."""
    tells: tuple[str, ...] = ()
    """Arguments of a look-up that its provider gets to know as they are."""
    house: str = ""
    """Whose provider that is, such as `google`: what was read there it knows already. Empty for tools of our own."""


class Tools(Reply):
    """The tools this user can use now, given their connections; `missing` names providers to connect."""

    tools: tuple[ToolDescription, ...]
    missing_providers: tuple[str, ...] = ()


class ExecutionStatus(StrEnum):
    """The life of an effect. `unknown` waits for a human, never for a blind retry.

    `proposed` waits for its user's decision, `held` for the end of the time in which it can be withdrawn.
    """

    PROPOSED = "proposed"
    HELD = "held"
    CLAIMED = "claimed"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class ToolOutcome(Reply):
    """What a tool call came to. `sealed_result` is JSON under `libs.vault.TransitSeal`, purpose `tool_result`."""

    status: ExecutionStatus
    sealed_result: str | None = None
    error: str | None = None
    """Error slug, when failed or unknown."""
    detail: str | None = None
    """A sentence for the user that says what to do; holds no provider text."""
    sealed_preview: str | None = None
    """Of what waits for a decision or is held back: JSON of `contracts.actions.Preview`, purpose `action_preview`."""


class ListTools(Query[Tools]):
    """Which tools apply for this user."""

    subject: ClassVar[str] = "rpc.tool.list_tools.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.CHAT, Service.GATEWAY)
    reply: ClassVar[type[Reply]] = Tools

    delegation_id: str | None = None
    """Set for a conversation with an outsider: the tools of that link, and no others."""

    @classmethod
    def example(cls) -> Self:
        return cls()


class RunReadTool(Query[ToolOutcome]):
    """Call a tool of effect `read`. Arguments are sealed JSON, purpose `tool_arguments`."""

    subject: ClassVar[str] = "rpc.tool.run_read_tool.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.CHAT, Service.GATEWAY)
    reply: ClassVar[type[Reply]] = ToolOutcome

    tool: str
    sealed_arguments: str
    timezone: str
    delegation_id: str | None = None
    """Set when an outsider asks who came by that link."""
    asked_at: datetime | None = None
    """When its user asked, which words such as "tomorrow" are relative to; None: now."""

    @classmethod
    def example(cls) -> Self:
        return cls(tool="mail_search", sealed_arguments="v1.AAAA", timezone="Europe/Berlin")


class GetExecution(Query[ToolOutcome]):
    """Where an effect stands, for a caller that missed the live notice. Error `execution_not_found`."""

    subject: ClassVar[str] = "rpc.tool.get_execution.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.CHAT, Service.GATEWAY)
    reply: ClassVar[type[Reply]] = ToolOutcome

    execution_id: ExecutionId

    @classmethod
    def example(cls) -> Self:
        return cls(execution_id=_EXECUTION)


class GetToolApiUsage(Query[ApiUsages]):
    """How often tool asked providers for this user, by day; both days included."""

    subject: ClassVar[str] = "rpc.tool.get_tool_api_usage.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = ApiUsages

    start: date
    end: date

    @classmethod
    def example(cls) -> Self:
        return cls(start=date(2026, 11, 1), end=date(2026, 11, 30))


class ExecuteTool(Command):
    """Do something once, if its user has consented or need not be asked; else it becomes a proposal.

    The execution id is the idempotency key and the provider's event id derives from it.
    """

    subject: ClassVar[str] = "cmd.tool.execute_tool.v1"
    sent_by: ClassVar[tuple[Service, ...]] = (Service.CHAT, Service.GATEWAY)

    execution_id: ExecutionId
    tool: str
    sealed_arguments: str
    timezone: str
    delegation_id: str | None = None
    """Set when an outsider asks who came by that link."""
    manage_hash: str | None = None
    """With `delegation_id`: SHA-256 of the secret that moves and cancels what is booked."""
    sealed_provenance: str | None = None
    """Where the call comes from: JSON of `contracts.actions.Provenance`, purpose `tool_provenance`. Without it nothing
    is known, and the user is asked."""
    asked_at: datetime | None = None
    """When its user asked, which words such as "tomorrow" are relative to; None: when this was sent."""

    @classmethod
    def example(cls) -> Self:
        return cls(
            execution_id=_EXECUTION,
            tool="calendar_create_event",
            sealed_arguments="v1.AAAA",
            timezone="Europe/Berlin",
        )


class ExecutionNotice(Live):
    """An execution reached a final state; `live.execution.<execution_id>`."""

    subject: ClassVar[str] = "live.execution"
    sent_by: ClassVar[Service] = Service.TOOL
    followed_by: ClassVar[tuple[Service, ...]] = (Service.CHAT, Service.GATEWAY)

    execution_id: ExecutionId
    status: ExecutionStatus

    @classmethod
    def example(cls) -> Self:
        return cls(execution_id=_EXECUTION, status=ExecutionStatus.DONE)


class ExecutionFinished(Event):
    """An effect is done, failed, or unknown; in the last case a person has to look."""

    subject: ClassVar[str] = "evt.tool.execution.finished.v1"
    heard_by: ClassVar[tuple[Service, ...]] = (Service.NOTIFICATION, Service.CHAT)

    execution_id: ExecutionId
    tool: str
    effect: Effect
    status: Literal["done", "failed", "unknown"]
    finished_at: datetime
    error: str | None = None

    @classmethod
    def example(cls) -> Self:
        return cls(
            execution_id=_EXECUTION,
            tool="calendar_create_event",
            effect=Effect.WRITE,
            status="done",
            finished_at=_MOMENT,
        )
