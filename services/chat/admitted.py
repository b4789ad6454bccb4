"""A request that may be made, by whom, and what the ledger will say of it."""

from dataclasses import dataclass, field, replace

from contracts.envelope import Scope
from contracts.models import Feature, QuotaLeft, Tier
from services.chat.routing.deployments import Deployment
from services.chat.routing.request import ModelRequest, Record
from services.chat.spending.account import Admission, Outcome
from services.chat.spending.estimates import BYTES_A_TOKEN
from services.chat.spending.prices import UNKNOWN, Cost, Usage, cost
from services.chat.spending.quotas import Quota


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and what for."""

    scope: Scope
    feature: Feature
    turn_id: str | None = None


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that may be made once; `stream` makes it."""

    request: ModelRequest
    admission: Admission
    asker: Asker
    quota: Quota
    input_tokens: int
    """Estimated."""
    tier: Tier
    record: Record = field(default_factory=Record)
    """How it went; filled while it streams."""

    @property
    def cost_micros(self) -> int | None:
        """What the answer cost by the provider's own count; None without one, or without a price."""
        deployment, finished = self.record.deployment, self.record.finished
        if deployment is None or finished is None or not finished.input_tokens:
            return None
        priced = cost(deployment.settings, finished.model, Usage.of(finished))
        return None if priced.source == UNKNOWN else priced.micros


@dataclass(frozen=True, slots=True)
class Aside:
    """What is put aside for vectors, and who may make them, in this order; there is at least one."""

    admission: Admission
    quota: QuotaLeft
    candidates: tuple[Deployment, ...]


def left(quota: Quota, admission: Admission) -> QuotaLeft:
    """Where the client stands now."""
    return QuotaLeft(
        requests_per_minute=quota.requests_per_minute,
        requests_per_day=quota.requests_per_day,
        day_left=admission.day_left,
        tokens_per_hour=quota.tokens_per_hour,
        hour_tokens_left=admission.hour_tokens_left,
    )


def outcome_of(admitted: Admitted, outcome: str, took_s: float) -> Outcome:
    """What the ledger says: the provider's own count where it gave one, an estimate marked as such where not."""
    record = admitted.record
    deployment, finished = record.deployment, record.finished
    usage, costs, is_estimate = Usage(), Cost(0, ""), False
    if finished is not None and deployment is not None and finished.input_tokens:
        usage = Usage.of(finished)
        costs = cost(deployment.settings, finished.model, usage)
    elif deployment is not None and record.size is not None:
        usage = Usage(admitted.input_tokens, -(-record.size // BYTES_A_TOKEN))
        costs, is_estimate = cost(deployment.settings, deployment.settings.model, usage), True
    elif deployment is None and record.asked is not None and outcome == "cancelled":
        deployment, usage = record.asked, Usage(admitted.input_tokens)
        costs, is_estimate = cost(deployment.settings, deployment.settings.model, usage), True
    for attempt in record.attempts:
        if attempt.error is not None and attempt.size:
            # It broke off after it had begun to speak: its provider charges for that as well, and tells nobody.
            said = Usage(admitted.input_tokens, attempt.size // BYTES_A_TOKEN + 1)
            more = cost(attempt.deployment.settings, attempt.deployment.settings.model, said)
            costs, is_estimate = Cost(costs.micros + more.micros, costs.source or more.source), True
            usage = replace(usage, input=usage.input + said.input, output=usage.output + said.output)
    deployment = deployment or record.asked
    return Outcome(
        feature=admitted.asker.feature,
        turn_id=admitted.asker.turn_id,
        deployment=deployment.name if deployment else "",
        model=(finished.model if finished else deployment.settings.model if deployment else "") or "",
        outcome=outcome,
        usage=usage,
        cost=costs,
        is_estimate=is_estimate,
        attempts=len(record.attempts) + (record.finished is None and deployment is not None),
        first_token_s=record.first_token_s,
        took_s=took_s,
    )
