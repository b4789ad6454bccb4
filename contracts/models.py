"""Asking language models: messages of chat, beside its turns."""

from datetime import UTC, datetime
from typing import ClassVar, Literal, Self

from contracts.envelope import Event, Live, Query, Reply, Service

Tier = Literal["FREE", "STARTER", "PROFESSIONAL", "ENTERPRISE"]
Feature = Literal["chat", "completions", "generate", "classify", "embeddings"]

_MOMENT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
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
    """One step of an answer, published on `live.completion.<call id>` in order of `n`, without gaps. When there is none
    for ten seconds an `alive` says that the replica still is: whoever hears nothing for long need not wait any more.

    Written with msgspec on the hot path; a test holds that encoding against this contract. `calls` is JSON text: a list
    of `{id, name, arguments}`.
    """

    subject: ClassVar[str] = "live.completion"
    sent_by: ClassVar[Service] = Service.CHAT
    followed_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)

    n: int
    type: Literal["text", "calls", "alive", "finished", "failed"]
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


class DeploymentWentDown(Event):
    """The breaker of a deployment has opened; sent once until it is back. Concerns operators, no user."""

    subject: ClassVar[str] = "evt.chat.deployment.went_down.v1"
    heard_by: ClassVar[tuple[Service, ...]] = (Service.NOTIFICATION,)

    name: str
    error: str
    """Slug of the last failure."""
    since: datetime

    @classmethod
    def example(cls) -> Self:
        return cls(name="mini", error="model_timeout", since=_MOMENT)


class DeploymentRecovered(Event):
    """A deployment that was down answers again, or an operator vouched for it."""

    subject: ClassVar[str] = "evt.chat.deployment.recovered.v1"
    heard_by: ClassVar[tuple[Service, ...]] = (Service.NOTIFICATION,)

    name: str
    since: datetime
    recovered_at: datetime

    @classmethod
    def example(cls) -> Self:
        return cls(name="mini", since=_MOMENT, recovered_at=_MOMENT)
