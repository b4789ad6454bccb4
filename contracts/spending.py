"""What asking language models costs, and what is allowed: ledger, budgets, policies; messages of chat."""

from datetime import date, datetime
from typing import ClassVar, Literal, Self

from contracts.envelope import Event, Query, Reply, Service
from contracts.money import CostMicros

Owner = Literal["user", "organization"]

_CALL = "mc_0193b0f1a8c07d3e9f00112233445566"


class UsageRow(Reply):
    """What was asked on one day (UTC) of one model for one feature."""

    day: date
    feature: str
    model: str
    requests: int
    failures: int
    input_tokens: int
    output_tokens: int
    cost_micros: CostMicros


class ModelCallView(Reply):
    """One request to a model, as the ledger has it."""

    call_id: str
    created_at: datetime
    feature: str
    turn_id: str | None
    deployment: str
    model: str
    outcome: Literal["completed", "failed", "cancelled", "cached"]
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cost_micros: CostMicros
    is_estimate: bool
    price_source: str
    attempts: int
    first_token_ms: int | None
    took_ms: int
    request_sha256: str | None
    """Hexadecimal; of the call's id, a zero byte and the request as it was kept."""
    answer_sha256: str | None


class ModelCalls(Reply):
    """Newest first; `next_before` is absent on the last page."""

    calls: tuple[ModelCallView, ...]
    next_before: datetime | None = None


class ListModelCalls(Query[ModelCalls]):
    """The user's requests to models."""

    subject: ClassVar[str] = "rpc.chat.list_model_calls.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = ModelCalls

    limit: int = 50
    before: datetime | None = None

    @classmethod
    def example(cls) -> Self:
        return cls()


class ModelCallWords(Reply):
    """What was said in one call: JSON `{request, answer}`, sealed with purpose `model_call`."""

    sealed_words: str


class GetModelCall(Query[ModelCallWords]):
    """What was said to a model and by it. Refused with `model_call_not_found`, also when it is no longer kept."""

    subject: ClassVar[str] = "rpc.chat.get_model_call.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = ModelCallWords

    call_id: str

    @classmethod
    def example(cls) -> Self:
        return cls(call_id=_CALL)


class BudgetView(Reply):
    """What may be spent in this month, and what has been."""

    belongs_to: Owner
    month: date
    monthly_micros: CostMicros | None = None
    """None: no budget."""
    spent_micros: CostMicros
    reserved_micros: CostMicros
    predicted_micros: CostMicros
    """At the end of the month, if it goes on like this."""


class ModelUsage(Reply):
    """Days, and the budgets they count against."""

    rows: tuple[UsageRow, ...]
    budgets: tuple[BudgetView, ...]


class GetModelUsage(Query[ModelUsage]):
    """What language models were asked and cost; both days included."""

    subject: ClassVar[str] = "rpc.chat.get_model_usage.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = ModelUsage

    start: date
    end: date
    of: Owner = "user"

    @classmethod
    def example(cls) -> Self:
        return cls(start=date(2026, 11, 1), end=date(2026, 11, 30))


class ModelPolicy(Reply):
    """What an organization allows for one feature, or for all others (`*`)."""

    feature: str
    allowed: tuple[str, ...] | None = None
    """Names of deployments or models; None: all."""
    quality_floor: int = 1
    """1 to 10; given up when nobody reaches it."""
    ceiling_micros: CostMicros | None = None
    """What one request may cost at most."""
    prefers: Literal["quality", "price", "speed"] = "quality"


class ModelPolicies(Reply):
    """All of one organization."""

    policies: tuple[ModelPolicy, ...]


class ListModelPolicies(Query[ModelPolicies]):
    """What the organization allows."""

    subject: ClassVar[str] = "rpc.chat.list_model_policies.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = ModelPolicies

    @classmethod
    def example(cls) -> Self:
        return cls()


class SetModelPolicy(Query[ModelPolicies]):
    """Replace the policy of one feature. Other replicas follow within a minute."""

    subject: ClassVar[str] = "rpc.chat.set_model_policy.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = ModelPolicies

    policy: ModelPolicy

    @classmethod
    def example(cls) -> Self:
        return cls(policy=ModelPolicy(feature="*", quality_floor=5))


class SetBudget(Query[BudgetView]):
    """Set or take away (None) a monthly budget."""

    subject: ClassVar[str] = "rpc.chat.set_budget.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = BudgetView

    belongs_to: Owner
    monthly_micros: CostMicros | None

    @classmethod
    def example(cls) -> Self:
        return cls(belongs_to="organization", monthly_micros=CostMicros(20_000_000))


class BudgetThresholdReached(Event):
    """So many percent (80, 90, 100) of a month's budget are used; sent once each."""

    subject: ClassVar[str] = "evt.chat.budget.threshold_reached.v1"
    heard_by: ClassVar[tuple[Service, ...]] = (Service.NOTIFICATION,)

    belongs_to: Owner
    month: date
    percent: int
    spent_micros: CostMicros
    budget_micros: CostMicros

    @classmethod
    def example(cls) -> Self:
        return cls(
            belongs_to="organization",
            month=date(2026, 11, 1),
            percent=80,
            spent_micros=CostMicros(16_100_000),
            budget_micros=CostMicros(20_000_000),
        )
