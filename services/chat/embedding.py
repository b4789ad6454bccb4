"""Vectors for a client's texts: admitted, asked of one deployment after the other, settled."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.envelope import Scope
from contracts.models import CreateEmbeddings, EmbeddingsMade
from libs.models.embeddings import EmbeddingModel, Embeddings
from libs.models.errors import ModelError
from libs.resilience.deadline import Deadline
from libs.resilience.errors import TooLarge, Unavailable
from services.chat.admitted import Asker
from services.chat.asking import Asking
from services.chat.deps import Chat
from services.chat.errors import RequestNotUnderstood
from services.chat.routing.blame import is_its_own
from services.chat.routing.choice import AUTO, Wish
from services.chat.routing.deployments import Deployment
from services.chat.settings import ChatSettings
from services.chat.spending.account import Outcome
from services.chat.spending.estimates import tokens_of_text
from services.chat.spending.prices import Cost, Usage, cost

LASTS_S = 30.0
TRY_S = 4.0
"""So long one is waited for while there is another."""
MAX_ANSWER_BYTES = 700_000
"""Sealed and encoded it still fits into one message of the bus (1 MiB)."""

_ItemT = TypeVar("_ItemT")
_Many = Annotated[list[_ItemT], Field(min_length=1, max_length=2048)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="ignore")

    model: str = Field(AUTO, max_length=200)
    input: str | _Many[str] | _Many[int] | _Many[list[int]]
    """Texts, or what a tokenizer has made of them."""
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Field(ge=1)] | None = None

    @property
    def tokens(self) -> int:
        """About so many."""
        if isinstance(self.input, str):
            return tokens_of_text(self.input)
        return sum(1 if isinstance(each, int) else _tokens_of(each) for each in self.input)


async def create(query: CreateEmbeddings, scope: Scope, deps: Chat) -> EmbeddingsMade:
    """Raises RequestNotUnderstood, NoModelFits, QuotaReached, BudgetReached, TooLarge, ModelError, Unavailable."""
    if deps.models is None:
        raise Unavailable("No language model is configured on this installation.")
    asked = _read(deps.seal.open("embeddings", scope, query.sealed_body))
    asked = _veiled(asked, scope, deps.models, deps.settings)
    usage, deadline = Usage(asked.tokens), Deadline.after(LASTS_S)
    aside = await deps.models.put_aside(Asker(scope, "embeddings"), Wish(model=asked.model), usage, deadline)
    began, tries = time.monotonic(), _Tries()
    try:
        made = await _made(asked, aside.candidates, deadline, tries)
    finally:
        deps.models.settle_soon(aside.admission, scope, _outcome(tries, usage, time.monotonic() - began))
    if len(made.data) > MAX_ANSWER_BYTES:
        raise TooLarge("So many vectors do not fit into one answer: ask for fewer texts at a time.")
    return EmbeddingsMade(
        sealed_data=deps.seal.seal("embeddings", scope, made.data.decode()),
        model=aside.candidates[tries.count - 1].settings.model,
        input_tokens=made.input_tokens,
        quota=aside.quota,
    )


@dataclass(slots=True)
class _Tries:
    """How it goes, for the ledger."""

    count: int = 0
    last: Deployment | None = None
    made: Embeddings | None = None


async def _made(asked: _Request, candidates: Sequence[Deployment], deadline: Deadline, tries: _Tries) -> Embeddings:
    """By the first one that can. One that hangs does not keep the others from being asked."""
    body: dict[str, Any] = asked.model_dump(exclude={"model"}, exclude_none=True)
    for tries.count, deployment in enumerate(candidates, 1):
        tries.last = deployment
        is_last = tries.count == len(candidates)
        within_s = deadline.remaining_s() if is_last else min(TRY_S, deadline.remaining_s())
        assert isinstance(deployment.client, EmbeddingModel)
        began = time.monotonic()
        try:
            tries.made = await deployment.client.embed(body, Deadline.after(within_s))
        except ModelError as error:
            if is_its_own(deployment, error):
                deployment.health.failed(error.slug)
            if is_last:
                raise
        else:
            deployment.health.succeeded(time.monotonic() - began)
            return tries.made
    raise AssertionError("there is a last candidate")


def _veiled(asked: _Request, scope: Scope, models: Asking, settings: ChatSettings) -> _Request:
    """What no chat model sees, no other one sees either; in tokens it cannot be found."""
    given = [asked.input] if isinstance(asked.input, str) else asked.input
    texts = [text for text in given if isinstance(text, str)]
    if texts:
        return asked.model_copy(update={"input": models.veiled_texts(texts, scope)})
    if settings.scrubbed:
        raise RequestNotUnderstood("`input` has to be text here: in tokens nothing can be hidden from the model.")
    return asked


def _outcome(tries: _Tries, estimated: Usage, took_s: float) -> Outcome:
    made, used = tries.made, tries.last
    has_count = made is not None and made.input_tokens > 0
    counted = (Usage(made.input_tokens) if has_count else estimated) if made else Usage()
    return Outcome(
        feature="embeddings",
        turn_id=None,
        deployment=used.name if used else "",
        model=used.settings.model if used else "",
        outcome="completed" if made else "failed",
        usage=counted,
        cost=cost(used.settings, used.settings.model, counted) if made and used else Cost(0, ""),
        is_estimate=made is not None and not has_count,
        attempts=tries.count,
        first_token_s=None,
        took_s=took_s,
    )


def _tokens_of(text: str | list[int]) -> int:
    return tokens_of_text(text) if isinstance(text, str) else len(text)


def _read(body: str) -> _Request:
    try:
        return _Request.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise RequestNotUnderstood(f"{where}: {first['msg']}") from None
