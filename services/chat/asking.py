"""The one way to ask a language model: admitted, answered by whoever can, paid for; for turns and for clients alike.

estimate ──► reserve ──► wait for one's turn ──► router ──► settle (whatever happened)
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from contracts.envelope import Scope
from contracts.ids import new_id
from contracts.spending import ModelPolicy
from libs.models.errors import NoModelFits
from libs.models.messages import Finished, ModelEvent, TextDelta, ToolCalls, UserText
from libs.resilience.deadline import Deadline
from libs.resilience.errors import Unavailable
from libs.telemetry import get_logger
from services.chat.admitted import Admitted, Aside, Asker, left, outcome_of
from services.chat.answers_cache import AnswersCache
from services.chat.audit_trail import AuditTrail
from services.chat.errors import BudgetReached, QuotaReached
from services.chat.metrics import (
    ACTIVE,
    COST_MICROS,
    FAILED_ATTEMPTS,
    FIRST_TOKEN_SECONDS,
    REFUSED,
    REQUEST_SECONDS,
    REQUESTS,
    TOKENS,
    WAITING,
)
from services.chat.output_filter import OutputFilter, material_of
from services.chat.routing.choice import Wish, asked_in_order, fitting
from services.chat.routing.deployments import Deployment
from services.chat.routing.request import ModelRequest, Record
from services.chat.routing.router import Router
from services.chat.spending.account import NO_TRACE, Account, Admission, Outcome
from services.chat.spending.estimates import tokens_of
from services.chat.spending.fair_queue import FairQueue
from services.chat.spending.plans import Plans, Terms
from services.chat.spending.prices import UNKNOWN, Usage, cost, dearest
from services.chat.spending.quotas import Quota, Season, quota_of
from services.chat.veil import Veil

log = get_logger("services.chat")

DEFAULT_OUTPUT_TOKENS = 8_192
"""What an answer is given when its asker names no limit, thinking included: so much is put aside and allowed."""
TYPICAL = Usage(30_000, 10_000)
"""A request by which prices are compared; large enough that rounding makes no difference."""
UNFILTERED = frozenset({"completions"})
"""Programs that ask for a model through OpenAI's API get what it wrote."""
SETTLE_AGAIN_S = (0.5, 2.0, 8.0, 30.0)


class Asking:
    """Shared by everything in a process that asks models."""

    def __init__(
        self,
        router: Router,
        account: Account,
        plans: Plans,
        seasons: Sequence[Season],
        veil: Veil,
        trail: AuditTrail,
        queue: FairQueue,
        embedders: tuple[Deployment, ...] = (),
    ) -> None:
        self.router = router
        self.embedders = embedders
        self._veil = veil
        self._trail = trail
        self._queue = queue
        self._account = account
        self._plans = plans
        self._seasons = seasons
        self._settling: set[asyncio.Task[None]] = set()
        self.cache = AnswersCache()
        for each in (*router.deployments, *embedders):
            priced = cost(each.settings, each.settings.model, TYPICAL)
            each.price_micros = priced.micros
            if priced.source == UNKNOWN:
                log.warning("price_unknown", deployment=each.name, model=each.settings.model, counts_as=0)

    async def admit(
        self, request: ModelRequest, asker: Asker, deadline: Deadline, call_id: str | None = None
    ) -> Admitted:
        """Raises NoModelFits, QuotaReached, BudgetReached, DatabaseUnavailable."""
        terms = await self._plans.terms_of(asker.scope)
        quota = self._quota(terms)
        request = replace(request, wish=terms.wish(request.wish, asker.feature), scope=asker.scope)
        input_tokens = tokens_of(request.messages, request.tools)
        output_tokens = request.options.max_output_tokens or DEFAULT_OUTPUT_TOKENS
        usage = Usage(input_tokens, output_tokens)
        request = replace(request, wish=replace(request.wish, tokens=input_tokens))
        self.router.check(request)
        wish = self._within_ceiling(self.router.deployments, request.wish, terms.policy_of(asker.feature), usage)
        request = replace(request, wish=wish)
        try:
            admission = await self._reserve(request, asker, quota, usage, deadline, call_id)
        except (QuotaReached, BudgetReached) as refused:
            REFUSED.labels(refused.slug).inc()
            raise
        if admission.economical:
            request = replace(request, wish=replace(request.wish, economical=True))
        if request.options.max_output_tokens is None:
            request = replace(request, options=replace(request.options, max_output_tokens=output_tokens))
        return Admitted(request, admission, asker, quota, input_tokens, terms.tier)

    async def _reserve(
        self,
        request: ModelRequest,
        asker: Asker,
        quota: Quota,
        usage: Usage,
        deadline: Deadline,
        call_id: str | None,
    ) -> Admission:
        candidates = fitting(self.router.deployments, request.wish)
        return await self._account.reserve(
            call_id or new_id("mc"),
            asker.scope,
            quota,
            micros=dearest(candidates, usage),
            tokens=usage.input + usage.output,
            lasts_s=deadline.remaining_s(),
        )

    async def stream(self, admitted: Admitted, deadline: Deadline) -> AsyncGenerator[ModelEvent, None]:
        """The answer of an admitted request; settled however it ends. Raises ModelError, QuotaReached."""
        record, began, outcome = admitted.record, time.monotonic(), "cancelled"
        key = self.cache.key(admitted.asker.scope, admitted.asker.feature, admitted.request)
        if (kept := self.cache.get(key)) is not None:
            record.sent, record.said = admitted.request, [kept.text]
            self._settle_later(admitted, "cached", time.monotonic() - began)
            yield TextDelta(kept.text)
            yield kept.finished
            return
        ACTIVE.inc()
        try:
            async with aclosing(self._answer(admitted, deadline)) as events:
                async for event in events:
                    if isinstance(event, TextDelta):
                        record.said.append(event.text)
                    elif isinstance(event, ToolCalls):
                        record.calls = event.calls
                    elif isinstance(event, Finished):
                        outcome = "completed"
                        self.cache.put(key, "".join(record.said), event)
                    yield event
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException:
            outcome = "failed"
            raise
        finally:
            ACTIVE.dec()
            self._settle_later(admitted, outcome, time.monotonic() - began)

    async def _answer(self, admitted: Admitted, deadline: Deadline) -> AsyncGenerator[ModelEvent, None]:
        """When it is this request's turn: what the model does not see is taken out, and what nobody should see too."""
        await _wait(admitted, deadline)
        async with self._queue.place(admitted.asker.scope.user_id, admitted.tier, deadline.remaining_s()):
            veiled = self._veil.over(admitted.request, admitted.asker.scope)
            admitted.record.sent = veiled.request
            answer = veiled.lifted(self.router.stream(veiled.request, deadline, admitted.record))
            if admitted.asker.feature not in UNFILTERED and not admitted.request.options.wants_json:
                answer = OutputFilter(lambda: material_of(admitted.request.messages)).over(answer)
            async with aclosing(answer) as events:
                async for event in events:
                    yield event

    async def put_aside(self, asker: Asker, wish: Wish, usage: Usage, deadline: Deadline) -> Aside:
        """For vectors, which go past the router and are to be made at once. Raises NoModelFits, QuotaReached,
        BudgetReached, ModelLeftAlone."""
        terms = await self._plans.terms_of(asker.scope)
        wish = terms.wish(wish, asker.feature)
        wish = self._within_ceiling(self.embedders, wish, terms.policy_of(asker.feature), usage)
        candidates = asked_in_order(self.embedders, wish)
        quota = self._quota(terms)
        admission = await self._account.reserve(
            new_id("mc"),
            asker.scope,
            quota,
            micros=dearest(candidates, usage),
            tokens=usage.input,
            lasts_s=deadline.remaining_s(),
        )
        return Aside(admission, left(quota, admission), tuple(candidates))

    def veiled_texts(self, texts: Sequence[str], scope: Scope) -> list[str]:
        """As a model may see them. Nothing has to be put back into vectors; and one value has one placeholder in all
        of a user's texts, so that what is about the same stays near."""
        request = ModelRequest(tuple(UserText(text) for text in texts))
        return [message.text for message in self._veil.over(request, scope).request.messages]

    def settle_soon(self, admission: Admission, scope: Scope, ended: Outcome) -> None:
        """Nobody waits for the ledger."""
        _measure(None, ended)
        self._in_background(self._settle(admission, scope, ended))

    def forget_terms(self, scope: Scope) -> None:
        """An organization's policy has changed."""
        self._plans.forget(scope)

    def _quota(self, terms: Terms) -> Quota:
        return quota_of(terms.tier, datetime.now(UTC).date(), self._seasons, terms.factor)

    def _within_ceiling(
        self, deployments: Sequence[Deployment], wish: Wish, policy: ModelPolicy | None, usage: Usage
    ) -> Wish:
        """Only deployments at which the request cannot cost more than the policy allows."""
        if policy is None or policy.ceiling_micros is None:
            return wish
        affordable = {
            each.name
            for each in fitting(deployments, wish)
            if cost(each.settings, each.settings.model, usage).micros <= policy.ceiling_micros
        }
        if not affordable:
            raise NoModelFits("Every model that fits may cost more than your organization allows for one request.")
        return replace(wish, allowed=frozenset(affordable))

    async def aclose(self) -> None:
        """Wait until everything is settled and every stream closed."""
        await self.router.aclose()
        await asyncio.gather(*self._settling, return_exceptions=True)

    def _settle_later(self, admitted: Admitted, outcome: str, took_s: float) -> None:
        """Nobody waits for the ledger; and a cancelled request is settled like any other."""
        ended = outcome_of(admitted, outcome, took_s)
        _measure(admitted.record, ended)
        self._in_background(self._settle(admitted.admission, admitted.asker.scope, ended, admitted))

    async def _settle(
        self, admission: Admission, scope: Scope, ended: Outcome, admitted: Admitted | None = None
    ) -> None:
        for pause_s in (*SETTLE_AGAIN_S, None):
            try:
                trace = await self._trail.trace(admitted) if admitted else NO_TRACE
                return await self._account.settle(admission, scope, ended, trace)
            except Unavailable as away:
                if pause_s is None:
                    log.error("model_call_not_settled", call_id=admission.call_id, error=away.slug)
                    return None
                await asyncio.sleep(pause_s)
            except Exception as error:
                log.exception("model_call_not_settled", call_id=admission.call_id, error=type(error).__name__)
                return None
        return None

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)


async def _wait(admitted: Admitted, deadline: Deadline) -> None:
    wait_s = admitted.admission.wait_s
    if wait_s >= deadline.remaining_s():
        raise QuotaReached("Too many requests are waiting before this one.", retry_after_s=wait_s)
    if wait_s > 0:
        with WAITING.track_inprogress():
            await asyncio.sleep(wait_s)


def _measure(record: Record | None, ended: Outcome) -> None:
    REQUESTS.labels(ended.deployment, ended.outcome).inc()
    for attempt in record.attempts if record else ():
        if attempt.error is not None:
            FAILED_ATTEMPTS.labels(attempt.deployment.name, attempt.error).inc()
    if not ended.deployment:
        return
    if ended.outcome == "completed":
        REQUEST_SECONDS.labels(ended.deployment).observe(ended.took_s)
    if ended.first_token_s is not None:
        FIRST_TOKEN_SECONDS.labels(ended.deployment).observe(ended.first_token_s)
    for kind in ("input", "output", "cached"):
        TOKENS.labels(ended.deployment, kind).inc(getattr(ended.usage, kind))
    COST_MICROS.labels(ended.deployment).inc(ended.cost.micros)
