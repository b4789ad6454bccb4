"""What may still be spent: a request is admitted against quota and budget before it is made, and settled after.

reserve ──admitted──> the request ──settle──> ledger row, spent += cost, reserved -= what was put aside
   │ day, hour, minute: QuotaReached            │ never settled (kill -9): the reservation expires and is released
   └ budget: BudgetReached

All of it happens in the database, in one statement each way (functions `reserve` and `settle`), so it is exact
whatever the number of replicas.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from contracts.envelope import Scope
from contracts.spending import BudgetThresholdReached
from libs.bus import publish
from libs.db import Database, Row
from libs.resilience.errors import Unavailable
from libs.telemetry import get_logger
from services.chat.errors import BudgetReached
from services.chat.spending.prices import Cost, Usage
from services.chat.spending.quotas import Quota

log = get_logger("services.chat")

LADDER = (80, 90, 100)
"""Percent of a budget at which its people are told, once each."""
ECONOMICAL_AT = 90
STOPPED_AT = 90
"""From here on, being stopped means that the budget is used up, for all that people can do with the rest of it."""
SPARE_S = 60.0
"""A reservation outlives its request's deadline by this much."""
SWEEP_EVERY_S = 15.0
A_MOMENT_S = 60.0


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that may be made. `wait_s`: its turn comes then, others were first."""

    call_id: str
    began_at: datetime
    wait_s: float
    percent: int
    """Of the fuller of the budgets, before this request."""
    day_left: int
    hour_tokens_left: int

    @property
    def economical(self) -> bool:
        """Whether the cheapest model that will do is to be used."""
        return self.percent >= ECONOMICAL_AT


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request ended, for the ledger."""

    feature: str
    turn_id: str | None
    deployment: str
    model: str
    outcome: str
    usage: Usage
    cost: Cost
    is_estimate: bool
    attempts: int
    first_token_s: float | None
    took_s: float


@dataclass(frozen=True, slots=True)
class Trace:
    """What the ledger's row says of the words; `content` is sealed, None when nothing is kept."""

    request_hash: bytes | None = None
    answer_hash: bytes | None = None
    content: bytes | None = None


NO_TRACE = Trace()


class Account:
    """The chat schema's purse. Shared by everything in the process that asks models."""

    def __init__(self, db: Database, spare_s: float = SPARE_S, sweep_every_s: float = SWEEP_EVERY_S) -> None:
        self._db = db
        self._spare_s = spare_s
        self._sweep_every_s = sweep_every_s

    async def reserve(
        self, call_id: str, scope: Scope, quota: Quota, *, micros: int, tokens: int, lasts_s: float
    ) -> Admission:
        """Raises QuotaReached, BudgetReached, DatabaseUnavailable."""
        began_at = datetime.now(UTC)
        (row,) = await self._db.call(
            "select * from reserve($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            call_id,
            scope.organization_id,
            scope.user_id,
            micros,
            tokens,
            timedelta(seconds=lasts_s + self._spare_s),
            quota.requests_per_minute,
            quota.burst,
            quota.requests_per_day,
            quota.tokens_per_hour,
            timedelta(seconds=quota.longest_wait_s),
        )
        if row["decision"] == "budget":
            if row["percent"] >= STOPPED_AT:
                await self._alert(scope, row["owner"], 100, spent_percent=STOPPED_AT)
            raise _stopped(row)
        if row["decision"] != "admitted":
            raise quota.reached(row["decision"], row["wait_s"])
        return Admission(call_id, began_at, row["wait_s"], row["percent"], row["day_left"], row["hour_tokens_left"])

    async def settle(self, admission: Admission, scope: Scope, outcome: Outcome, trace: Trace = NO_TRACE) -> None:
        """Write the ledger's row and what was spent; a second time changes nothing. Raises DatabaseUnavailable."""
        rows = await self._db.call(
            "select * from settle($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21)",
            admission.call_id,
            scope.organization_id,
            scope.user_id,
            admission.began_at,
            outcome.cost.micros,
            outcome.feature,
            outcome.turn_id,
            outcome.deployment,
            outcome.model,
            outcome.outcome,
            outcome.usage.input,
            outcome.usage.output,
            outcome.usage.cached,
            outcome.is_estimate,
            outcome.cost.source,
            outcome.attempts,
            None if outcome.first_token_s is None else round(outcome.first_token_s * 1000),
            round(outcome.took_s * 1000),
            trace.request_hash,
            trace.answer_hash,
            trace.content,
        )
        for row in rows:
            if (reached := _reached(row)) > row["alerted"]:
                await self._alert(scope, row["owner"], reached, spent_percent=reached)

    async def sweep(self) -> None:
        """Release reservations whose requests died, until cancelled."""
        while True:
            await asyncio.sleep(self._sweep_every_s)
            try:
                await self.release_expired()
            except Unavailable as away:
                log.info("sweep_postponed", error=away.slug)

    async def release_expired(self) -> int:
        """Returns how many. One at a time: locks of two users in one transaction have no order."""
        total = 0
        while (await self._db.call("select release_expired(1) as n"))[0]["n"]:
            total += 1
        return total

    async def _alert(self, scope: Scope, owner: str, percent: int, *, spent_percent: int) -> None:
        """Tell once, if so much of this month's budget is spent: the mark and the event are one transaction; a crash
        before it means the next request tells."""
        is_shared = owner == scope.organization_id
        async with self._db.transaction(scope) as tx:
            row = await tx.fetchrow(
                """update spending s set alerted = $2 from budgets b
                   where s.owner_id = $1 and s.month = date_trunc('month', now() at time zone 'utc')::date
                     and s.alerted < $2 and b.owner_id = s.owner_id
                     and s.spent_micros * 100 >= b.monthly_micros * $3
                   returning s.month, s.spent_micros, b.monthly_micros""",
                owner,
                percent,
                spent_percent,
            )
            if row is not None:
                await publish(
                    tx,
                    BudgetThresholdReached(
                        belongs_to="organization" if is_shared else "user",
                        month=row["month"],
                        percent=percent,
                        spent_micros=row["spent_micros"],
                        budget_micros=row["monthly_micros"],
                    ),
                )


def _stopped(row: Row) -> BudgetReached:
    if row["percent"] >= STOPPED_AT:
        detail = "This month's budget for language models is used up."
    elif row["wait_s"] <= A_MOMENT_S:
        detail = "What is left of this month's budget is put aside for requests that are under way."
    else:
        detail = "What is left of this month's budget for language models does not hold this request."
    return BudgetReached(detail, retry_after_s=row["wait_s"])


def _reached(row: Row) -> int:
    share = row["spent"] * 100 // max(row["budget"], 1)
    return max((percent for percent in LADDER if share >= percent), default=0)
