"""Asking language models, and what that costs: messages of chat, beside its turns."""

from datetime import date, datetime
from typing import ClassVar, Literal, Self

from contracts.envelope import Event, Live, Query, Reply, Service
from contracts.money import CostMicros

Tier = Literal["FREE", "STARTER", "PROFESSIONAL", "ENTERPRISE"]
Feature = Literal["chat", "completions", "generate", "classify", "embeddings"]
Owner = Literal["user", "organization"]

_CALL = "mc_0193b0f1a8c07d3e9f00112233445566"


class QuotaLeft(Reply):
    """Where the client stands after this request."""

    requests_per_minute: int
    requests_per_day: int
    day_left: int
    tokens_per_hour: int
    hour_tokens_left: int


class CompletionStarted(Reply):
    """Admitted; its updates follow on `live.completion.<call id>`."""

    call_id: str
    quota: QuotaLeft


class StartCompletion(Query[CompletionStarted]):
    """Ask a model. The body, an OpenAI chat completion request as JSON, travels sealed with purpose `completion`.

    Refused with `model_request_not_understood`, `no_model_fits`, `quota_reached`, `budget_reached`. The caller follows
    `live.completion.<call id>` before it asks.
    """

    subject: ClassVar[str] = "rpc.chat.start_completion.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = CompletionStarted

    call_id: str
    sealed_body: str
    feature: Feature = "completions"

    @classmethod
    def example(cls) -> Self:
        return cls(call_id=_CALL, sealed_body="mk1.c2VhbGVk")


class EmbeddingsMade(Reply):
    """OpenAI's list of vectors as JSON text, sealed with purpose `embeddings`."""

    sealed_data: str
    model: str
    input_tokens: int
    quota: QuotaLeft


class CreateEmbeddings(Query[EmbeddingsMade]):
    """Vectors for texts. The body, an OpenAI embeddings request as JSON, travels sealed with purpose `embeddings`."""

    subject: ClassVar[str] = "rpc.chat.create_embeddings.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = EmbeddingsMade

    sealed_body: str

    @classmethod
    def example(cls) -> Self:
        return cls(sealed_body="mk1.c2VhbGVk")


class CompletionUpdate(Live):
    """One step of an answer, published on `live.completion.<call id>` in order of `n`, without gaps.

    Written with msgspec on the hot path; a test holds that encoding against this contract. `calls` is JSON text: a list
    of `{id, name, arguments}`.
    """

    subject: ClassVar[str] = "live.completion"
    sent_by: ClassVar[Service] = Service.CHAT
    followed_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)

    n: int
    type: Literal["text", "calls", "finished", "failed"]
    text: str | None = None
    calls: str | None = None
    reason: str | None = None
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    error: str | None = None
    detail: str | None = None

    @classmethod
    def example(cls) -> Self:
        return cls(n=3, type="text", text="You have ")


class CompletionStop(Live):
    """The client went away: `live.completion_stop.<call id>`. A hint; an answer that nobody follows ends anyway."""

    subject: ClassVar[str] = "live.completion_stop"
    sent_by: ClassVar[Service] = Service.GATEWAY
    followed_by: ClassVar[tuple[Service, ...]] = (Service.CHAT,)

    call_id: str

    @classmethod
    def example(cls) -> Self:
        return cls(call_id=_CALL)


class ModelHealth(Live):
    """How a deployment stands, from one replica to the others; `live.model_health.<deployment>`."""

    subject: ClassVar[str] = "live.model_health"
    sent_by: ClassVar[Service] = Service.CHAT
    followed_by: ClassVar[tuple[Service, ...]] = (Service.CHAT,)

    deployment: str
    """A hash of its name, address, model and key."""
    replica: str
    failures: int
    """In a row; 0: it is well."""
    until: float
    """Unix seconds until which it is left alone or asked last."""
    error: str

    @classmethod
    def example(cls) -> Self:
        return cls(
            deployment="9f86d081884c7d659a2feaa0c55ad015",
            replica="evt_1",
            failures=1,
            until=1.8e9,
            error="model_timeout",
        )


class ModelView(Reply):
    """One deployment, as clients and operators see it."""

    name: str
    model: str
    provider: str
    quality: int
    context_tokens: int
    takes_tools: bool
    state: Literal["closed", "suspect", "open", "half_open"]
    failures_in_a_row: int
    last_error: str
    first_token_p95_s: float | None = None
    successes: int
    failures: int


class ModelList(Reply):
    """All deployments of the replica that answered."""

    models: tuple[ModelView, ...]


class ListModels(Query[ModelList]):
    """Which models there are, and how they are."""

    subject: ClassVar[str] = "rpc.chat.list_models.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = ModelList

    @classmethod
    def example(cls) -> Self:
        return cls()


class ResetModel(Query[ModelList]):
    """An operator knows that a deployment is well again: ask it as if it had never failed, on every replica.

    Refused with `no_model_fits` when there is none of that name.
    """

    subject: ClassVar[str] = "rpc.chat.reset_model.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = ModelList

    name: str

    @classmethod
    def example(cls) -> Self:
        return cls(name="mini")


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
