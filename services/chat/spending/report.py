"""What was spent: by day, feature and model; and how the month's budgets stand."""

import calendar
from datetime import UTC, date, datetime, timedelta

from contracts.envelope import Scope
from contracts.money import CostMicros
from contracts.spending import BudgetView, ModelCalls, ModelCallView, ModelUsage, Owner, UsageRow
from libs.db import Database, Transaction

_OWN = """
select (created_at at time zone 'utc')::date as day, feature, model, count(*)::int as requests,
       count(*) filter (where outcome = 'failed')::int as failures, sum(input_tokens)::bigint as input_tokens,
       sum(output_tokens)::bigint as output_tokens, sum(cost_micros)::bigint as cost_micros
from model_calls where user_id = $1 and created_at >= $2 and created_at < $3 group by 1, 2, 3 order by 1, 2, 3
"""
_CALLS = """
select call_id, created_at, feature, turn_id, deployment, model, outcome, input_tokens, output_tokens, cached_tokens,
       cost_micros, is_estimate, price_source, attempts, first_token_ms, took_ms,
       encode(request_hash, 'hex') as request_sha256, encode(answer_hash, 'hex') as answer_sha256
from model_calls where user_id = $1 and ($2::timestamptz is null or created_at < $2)
order by created_at desc limit $3
"""
MOST_CALLS = 200
LAST_DAY = date.max - timedelta(days=1)
"""The last one with a morrow."""
_SHARED = "select * from organization_usage($1, $2, $3) order by day, feature, model"
_BUDGET = """
select b.monthly_micros, coalesce(s.spent_micros, 0) as spent, coalesce(s.reserved_micros, 0) as reserved
from (select $1::text as owner_id) o
left join budgets b using (owner_id)
left join spending s on s.owner_id = o.owner_id and s.month = $2
"""


async def usage(db: Database, scope: Scope, start: date, end: date, of: Owner) -> ModelUsage:
    """The user's figures, or the whole organization's; and both budgets of the present month."""
    begin, stop = _midnight(start), _midnight(min(end, LAST_DAY) + timedelta(days=1))
    async with db.reading(scope) as tx:
        owner = scope.user_id if of == "user" else scope.organization_id
        rows = await tx.fetch(_OWN if of == "user" else _SHARED, owner, begin, stop)
        budgets = tuple([await budget(tx, scope, each, datetime.now(UTC)) for each in ("organization", "user")])
    return ModelUsage(rows=tuple(UsageRow(**row) for row in rows), budgets=budgets)


async def calls(db: Database, scope: Scope, limit: int, before: datetime | None) -> ModelCalls:
    """The user's requests, newest first; at most MOST_CALLS at a time."""
    limit = max(1, min(limit, MOST_CALLS))
    async with db.reading(scope) as tx:
        rows = await tx.fetch(_CALLS, scope.user_id, before, limit + 1)
    shown = tuple(ModelCallView(**row) for row in rows[:limit])
    return ModelCalls(calls=shown, next_before=shown[-1].created_at if len(rows) > limit else None)


async def set_budget(db: Database, scope: Scope, belongs_to: Owner, monthly_micros: int | None) -> BudgetView:
    """Set it or take it away. A raised budget makes its alerts possible again."""
    owner = _owner_id(scope, belongs_to)
    async with db.transaction(scope) as tx:
        if monthly_micros is None:
            await tx.execute("delete from budgets where owner_id = $1", owner)
        else:
            await tx.execute(
                """insert into budgets (owner_id, monthly_micros) values ($1, $2)
                   on conflict (owner_id) do update set monthly_micros = excluded.monthly_micros, updated_at = now()""",
                owner,
                monthly_micros,
            )
        await tx.execute(
            """update spending set alerted = least(alerted, case when $2::bigint is null then 0 else
                   (select coalesce(max(p), 0) from unnest(array[80, 90, 100]) p
                    where spent_micros * 100 >= p * greatest($2::bigint, 1)) end)
               where owner_id = $1""",
            owner,
            monthly_micros,
        )
        return await budget(tx, scope, belongs_to, datetime.now(UTC))


async def budget(tx: Transaction, scope: Scope, belongs_to: Owner, now: datetime) -> BudgetView:
    """This month's."""
    month = now.date().replace(day=1)
    row = await tx.fetchrow(_BUDGET, _owner_id(scope, belongs_to), month)
    assert row is not None
    return BudgetView(
        belongs_to=belongs_to,
        month=month,
        monthly_micros=row["monthly_micros"],
        spent_micros=row["spent"],
        reserved_micros=row["reserved"],
        predicted_micros=predicted(row["spent"], now),
    )


def predicted(spent: int, now: datetime) -> CostMicros:
    """At the end of the month, if every day costs what the past ones did. The first day counts as a whole one: an hour
    of it says little about a month."""
    days = calendar.monthrange(now.year, now.month)[1]
    passed = max(1.0, (now - now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)) / timedelta(days=1))
    return CostMicros(round(spent / passed * days))


def _owner_id(scope: Scope, belongs_to: Owner) -> str:
    return scope.organization_id if belongs_to == "organization" else scope.user_id


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
