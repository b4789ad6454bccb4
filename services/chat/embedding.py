"""Vectors for a client's texts: admitted, asked of one deployment after the other, settled."""

import time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.envelope import Scope
from contracts.models import CreateEmbeddings, EmbeddingsMade
from libs.models.embeddings import EmbeddingModel, Embeddings
from libs.models.errors import ModelError, NoModelFits
from libs.resilience.deadline import Deadline
from libs.resilience.errors import TooLarge, Unavailable
from services.chat.admitted import Asker
from services.chat.deps import Chat
from services.chat.errors import RequestNotUnderstood
from services.chat.routing.choice import AUTO
from services.chat.routing.deployments import Deployment
from services.chat.spending.account import Outcome
from services.chat.spending.estimates import tokens_of_text
from services.chat.spending.prices import Cost, Usage, cost, dearest

LASTS_S = 30.0
MAX_ANSWER_BYTES = 700_000
"""Sealed and encoded it still fits into one message of the bus (1 MiB)."""


class _Request(BaseModel):
    model_config = ConfigDict(extra="ignore")

    model: str = Field(AUTO, max_length=200)
    input: str | Annotated[list[str], Field(min_length=1, max_length=2048)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Field(ge=1)] | None = None


async def create(query: CreateEmbeddings, scope: Scope, deps: Chat) -> EmbeddingsMade:
    """Raises RequestNotUnderstood, NoModelFits, QuotaReached, BudgetReached, TooLarge, ModelError, Unavailable."""
    if deps.models is None:
        raise Unavailable("No language model is configured on this installation.")
    asked = _read(deps.seal.open("embeddings", scope, query.sealed_body))
    candidates = [each for each in deps.models.embedders if asked.model in (AUTO, each.name, each.settings.model)]
    if not candidates:
        raise NoModelFits(f"No deployment of kind `embeddings` fits (asked for: {asked.model!r}).")
    texts = [asked.input] if isinstance(asked.input, str) else asked.input
    usage = Usage(sum(tokens_of_text(text) for text in texts))
    deadline = Deadline.after(LASTS_S)
    admission, quota = await deps.models.put_aside(
        Asker(scope, "embeddings"), dearest(candidates, usage), usage.input, deadline
    )
    began, made, used, failure = time.monotonic(), None, candidates[0], None
    for used in candidates:
        try:
            made = await _embed(used, asked, deadline)
            break
        except ModelError as error:
            used.health.failed(error.slug)
            failure = error
    has_count = made is not None and made.input_tokens > 0
    counted = Usage(made.input_tokens if made and has_count else usage.input) if made else Usage()
    outcome = Outcome(
        feature="embeddings",
        turn_id=None,
        deployment=used.name,
        model=used.settings.model,
        outcome="completed" if made else "failed",
        usage=counted,
        cost=cost(used.settings, used.settings.model, counted) if made else Cost(0, ""),
        is_estimate=made is not None and not has_count,
        attempts=candidates.index(used) + 1,
        first_token_s=None,
        took_s=time.monotonic() - began,
    )
    deps.models.settle_soon(admission, scope, outcome)
    if made is None:
        assert failure is not None
        raise failure
    if len(made.data) > MAX_ANSWER_BYTES:
        raise TooLarge("So many vectors do not fit into one answer: ask for fewer texts at a time.")
    return EmbeddingsMade(
        sealed_data=deps.seal.seal("embeddings", scope, made.data.decode()),
        model=used.settings.model,
        input_tokens=made.input_tokens,
        quota=quota,
    )


async def _embed(deployment: Deployment, asked: _Request, deadline: Deadline) -> Embeddings:
    assert isinstance(deployment.client, EmbeddingModel)
    body: dict[str, Any] = asked.model_dump(exclude={"model"}, exclude_none=True)
    made = await deployment.client.embed(body, deadline)
    deployment.health.succeeded(0.0)
    return made


def _read(body: str) -> _Request:
    try:
        return _Request.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise RequestNotUnderstood(f"{where}: {first['msg']}") from None
