"""What may be spent is exact: over replicas, under concurrency, after a kill; and told once."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from contracts.envelope import Scope
from contracts.ids import UserId, new_id
from libs.db import Database
from services.chat.errors import BudgetReached, QuotaReached
from services.chat.spending import report
from services.chat.spending.account import Account, Admission, Outcome
from services.chat.spending.prices import Cost, Usage
from services.chat.spending.quotas import QUOTAS, Quota
from tests.conftest import Platform

WIDE = QUOTAS["ENTERPRISE"]


@pytest.fixture
async def replicas(platform: Platform) -> AsyncIterator[list[Database]]:
    url = platform.database.url("chat")
    databases = [await Database.connect(url, "chat", wait_s=10) for _ in range(3)]
    yield databases
    for database in databases:
        await database.close()


@pytest.fixture
def account(replicas: list[Database]) -> Account:
    return Account(replicas[0])


async def reserve(
    account: Account, scope: Scope, quota: Quota = WIDE, *, micros: int = 100, tokens: int = 10
) -> Admission:
    return await account.reserve(new_id("mc"), scope, quota, micros=micros, tokens=tokens, lasts_s=60)


def outcome(micros: int = 100, usage: Usage = Usage(6, 4), how: str = "completed") -> Outcome:  # noqa: B008 - frozen
    return Outcome("chat", None, "mini", "gpt-5-mini", how, usage, Cost(micros, "operator"), False, 1, 0.2, 1.0)


async def rows(db: Database, scope: Scope, table: str) -> list[dict[str, Any]]:
    async with db.reading(scope) as tx:
        return [dict(row) for row in await tx.fetch(f"select * from {table}")]  # noqa: S608 - a name of ours


async def test_of_two_hundred_at_three_replicas_exactly_as_many_pass_as_the_budget_holds(
    replicas: list[Database], scope: Scope
) -> None:
    await report.set_budget(replicas[0], scope, "organization", 57 * 100 + 99)
    accounts = [Account(db) for db in replicas]
    colleagues = [replace(scope, user_id=UserId(new_id("u"))) for _ in range(5)]

    async def one(n: int) -> bool:
        try:
            await reserve(accounts[n % 3], colleagues[n % 5])
        except BudgetReached:
            return False
        return True

    assert sum(await asyncio.gather(*(one(n) for n in range(200)))) == 57


async def test_what_was_put_aside_and_not_spent_is_there_again(
    account: Account, replicas: list[Database], scope: Scope
) -> None:
    await report.set_budget(replicas[0], scope, "user", 100)
    admission = await reserve(account, scope)
    with pytest.raises(BudgetReached):
        await reserve(account, scope)

    await account.settle(admission, scope, outcome(micros=40))

    await reserve(account, scope, micros=60)
    with pytest.raises(BudgetReached):
        await reserve(account, scope, micros=1)


async def test_a_second_settlement_changes_nothing(account: Account, replicas: list[Database], scope: Scope) -> None:
    admission = await reserve(account, scope)

    await asyncio.gather(*(account.settle(admission, scope, outcome(micros=70)) for _ in range(5)))

    assert [row["cost_micros"] for row in await rows(replicas[0], scope, "model_calls")] == [70]
    found = await report.usage(replicas[0], scope, admission.began_at.date(), admission.began_at.date(), "user")
    assert [(each.belongs_to, each.spent_micros, each.reserved_micros) for each in found.budgets] == [
        ("organization", 70, 0),
        ("user", 70, 0),
    ]


async def test_reservations_of_requests_that_died_are_released_and_late_ones_are_paid_all_the_same(
    account: Account, replicas: list[Database], scope: Scope
) -> None:
    await report.set_budget(replicas[0], scope, "user", 200)
    dead, late = await reserve(account, scope), await reserve(account, scope)
    async with replicas[0].transaction(None) as tx:
        await tx.execute("update reservations set expires_at = now() - interval '1 second'")

    assert await account.release_expired() >= 2
    assert await account.release_expired() == 0
    await account.settle(late, scope, outcome(micros=90))

    (budget,) = [each for each in await _budgets(replicas[0], scope) if each.belongs_to == "user"]
    assert (budget.spent_micros, budget.reserved_micros) == (90, 0)
    assert dead.call_id not in {row["call_id"] for row in await rows(replicas[0], scope, "model_calls")}


async def _budgets(db: Database, scope: Scope) -> Any:
    today = datetime.now(UTC).date()
    return (await report.usage(db, scope, today, today, "user")).budgets


async def test_each_rung_is_told_once_whoever_reaches_it(replicas: list[Database], scope: Scope) -> None:
    await report.set_budget(replicas[0], scope, "user", 1000)
    accounts = [Account(db) for db in replicas]

    async def spend(n: int) -> None:
        admission = await reserve(accounts[n % 3], scope, micros=10)
        await accounts[n % 3].settle(admission, scope, outcome(micros=10))

    for begin in range(0, 100, 20):
        await asyncio.gather(*(spend(n) for n in range(begin, begin + 20)))
    for _ in range(3):
        with pytest.raises(BudgetReached):
            await reserve(accounts[0], scope, micros=10)

    assert await _told(replicas[0], scope) == [80, 90, 100]
    await report.set_budget(replicas[0], scope, "user", 10_000)
    assert (await reserve(accounts[0], scope)).percent == 10


async def _told(db: Database, scope: Scope) -> list[int]:
    async with db.reading(None) as tx:
        found = await tx.fetch(
            "select body from outbox where subject like 'evt.chat.budget.threshold_reached.v1.%'"
            " and headers->>'ce-user' = $1 order by created_at",
            scope.user_id,
        )
    return [json.loads(bytes(row["body"]))["percent"] for row in found]


async def test_from_ninety_percent_on_the_economical_way_is_taken(
    account: Account, replicas: list[Database], scope: Scope
) -> None:
    await report.set_budget(replicas[0], scope, "user", 1000)
    admission = await reserve(account, scope, micros=890)
    assert not admission.economical
    assert not (await reserve(account, scope, micros=20)).economical
    assert (await reserve(account, scope, micros=10)).economical


async def test_the_rate_is_exact_over_replicas_and_overflow_waits_its_turn_in_order(
    replicas: list[Database], scope: Scope
) -> None:
    quota = Quota(requests_per_minute=60, burst=5, tokens_per_hour=10**9, requests_per_day=10**6, longest_wait_s=10)
    accounts = [Account(db) for db in replicas]

    async def one(n: int) -> float | None:
        try:
            return (await reserve(accounts[n % 3], scope, quota)).wait_s
        except QuotaReached:
            return None

    waits = await asyncio.gather(*(one(n) for n in range(50)))

    admitted = sorted(wait for wait in waits if wait is not None)
    assert len(admitted) in (15, 16), "five at once, one a second for ten seconds (and one more if a second passed)"
    assert [round(wait) for wait in admitted[:15]] == [0] * 5 + list(range(1, 11))


async def test_a_day_and_an_hour_hold_exactly_what_the_plan_says(
    replicas: list[Database], scope: Scope, stranger: Scope
) -> None:
    quota = replace(WIDE, requests_per_day=10, tokens_per_hour=1_000)
    accounts = [Account(db) for db in replicas]

    async def one(n: int, of: Scope, tokens: int) -> bool:
        try:
            await reserve(accounts[n % 3], of, quota, tokens=tokens)
        except QuotaReached:
            return False
        return True

    assert sum(await asyncio.gather(*(one(n, scope, 1) for n in range(40)))) == 10
    assert sum(await asyncio.gather(*(one(n, stranger, 300) for n in range(8)))) == 3


async def test_tokens_that_were_not_needed_are_given_back(account: Account, scope: Scope) -> None:
    quota = replace(WIDE, tokens_per_hour=1_000)
    admission = await reserve(account, scope, quota, tokens=900)
    with pytest.raises(QuotaReached) as full:
        await reserve(account, scope, quota, tokens=200)
    assert full.value.retry_after_s is not None

    await account.settle(admission, scope, outcome(usage=Usage(100, 50)))

    assert (await reserve(account, scope, quota, tokens=200)).hour_tokens_left == 650


async def test_a_new_day_and_a_new_hour_begin_with_everything(
    account: Account, replicas: list[Database], scope: Scope
) -> None:
    quota = replace(WIDE, requests_per_day=1, tokens_per_hour=10)
    await reserve(account, scope, quota)
    async with replicas[0].transaction(None) as tx:
        await tx.execute(
            "update quota_use set day = day - 1, hour = hour - interval '1 hour' where user_id = $1", scope.user_id
        )
    assert (await reserve(account, scope, quota)).day_left == 0


async def test_nobody_sees_the_calls_of_somebody_else_and_the_organization_sees_sums_only(
    account: Account, replicas: list[Database], scope: Scope, stranger: Scope
) -> None:
    colleague = replace(scope, user_id=UserId(new_id("u")))
    for who in (scope, colleague, stranger):
        await account.settle(await reserve(account, who), who, outcome(micros=30))
    today = datetime.now(UTC).date()

    mine = await report.usage(replicas[0], scope, today, today, "user")
    shared = await report.usage(replicas[0], scope, today, today, "organization")

    assert [row.cost_micros for row in mine.rows] == [30]
    assert [(row.requests, row.cost_micros) for row in shared.rows] == [(2, 60)]
    assert len(await rows(replicas[0], scope, "model_calls")) == 1


def test_a_month_is_predicted_from_its_days() -> None:
    tenth = datetime(2026, 11, 11, tzinfo=UTC)
    assert report.predicted(10_000, tenth) == 30_000
    assert report.predicted(0, tenth) == 0
    assert report.predicted(100, tenth.replace(day=1) + timedelta(hours=1)) == 3_000


async def test_a_request_that_began_in_another_month_or_hour_by_its_own_clock_leaves_nothing_put_aside(
    account: Account, replicas: list[Database], scope: Scope
) -> None:
    """The clock of the process and that of the database are two: at midnight they may stand on either side of it."""
    quota = replace(WIDE, tokens_per_hour=1_000)
    admission = await reserve(account, scope, quota, tokens=900)
    month = admission.began_at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    before = replace(admission, began_at=month - timedelta(microseconds=1))

    await account.settle(before, scope, outcome(micros=70, usage=Usage(100, 50)))

    (_, mine) = await _budgets(replicas[0], scope)
    assert (mine.spent_micros, mine.reserved_micros) == (70, 0)
    assert (await reserve(account, scope, quota, tokens=200)).hour_tokens_left == 650


async def test_the_tokens_of_requests_that_died_are_given_back_too(
    account: Account, replicas: list[Database], scope: Scope
) -> None:
    quota = replace(WIDE, tokens_per_hour=1_000)
    dead = await reserve(account, scope, quota, tokens=900)
    await _expire(replicas[0], scope)
    await account.release_expired()

    assert (await reserve(account, scope, quota, tokens=200)).hour_tokens_left == 800
    await account.settle(dead, scope, outcome(usage=Usage(100, 50)))
    assert (await reserve(account, scope, quota, tokens=100)).hour_tokens_left == 550, "it was late, not dead"


async def _expire(db: Database, scope: Scope) -> None:
    async with db.transaction(None) as tx:
        await tx.execute(
            "update reservations set expires_at = now() - interval '1 second' where user_id = $1", scope.user_id
        )


async def test_releasing_waits_in_the_same_order_as_reserving(replicas: list[Database], scope: Scope) -> None:
    """Organization before user: in the other order the two would wait for each other, and one would be undone."""
    account, month = Account(replicas[0]), datetime.now(UTC).date().replace(day=1)
    await reserve(account, scope)
    await _expire(replicas[0], scope)
    lock = "select from spending where owner_id = $1 and month = $2 for update"
    async with replicas[1].transaction(None) as tx:
        # Written anew, the organization's row lies behind the user's.
        await tx.execute("update spending set alerted = 0 where owner_id = $1", scope.organization_id)
    async with replicas[1].transaction(None) as admitting:
        await admitting.fetch(lock, scope.organization_id, month)
        releasing = asyncio.create_task(account.release_expired())
        async with asyncio.timeout(10), replicas[2].transaction(None) as looking:
            while not await looking.fetch("select from pg_locks where not granted"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        async with asyncio.timeout(5):
            await admitting.fetch(f"{lock} nowait", scope.user_id, month)
    await releasing


async def test_who_is_stopped_below_the_budget_by_one_large_request_is_not_told_that_it_is_used_up(
    account: Account, replicas: list[Database], scope: Scope
) -> None:
    await report.set_budget(replicas[0], scope, "user", 1_000)
    running = await reserve(account, scope, micros=400)
    with pytest.raises(BudgetReached) as for_a_moment:
        await reserve(account, scope, micros=700)
    with pytest.raises(BudgetReached) as for_ever:
        await reserve(account, scope, micros=1_001)
    assert await _told(replicas[0], scope) == []
    assert for_a_moment.value.retry_after_s == pytest.approx(5), "what is put aside comes back in a moment, mostly"
    assert for_ever.value.retry_after_s is not None

    await account.settle(running, scope, outcome(micros=950))
    with pytest.raises(BudgetReached):
        await reserve(account, scope, micros=100)
    assert await _told(replicas[0], scope) == [90, 100], "and who is stopped near its end, is"


async def test_what_last_month_spent_is_not_told_of_this_one(
    account: Account, replicas: list[Database], scope: Scope
) -> None:
    await report.set_budget(replicas[0], scope, "user", 1_000)
    old = await reserve(account, scope, micros=900)
    async with replicas[0].transaction(None) as tx:
        for table in ("spending", "reservations"):
            owner = "owner_id" if table == "spending" else "user_id"
            await tx.execute(
                f"update {table} set month = (month - interval '1 month')::date where {owner} = $1",  # noqa: S608
                scope.user_id,
            )
    await reserve(account, scope, micros=10)

    await account.settle(old, scope, outcome(micros=900))

    assert await _told(replicas[0], scope) == []


@pytest.mark.parametrize("day", [date.min, date.max])
async def test_any_day_may_be_asked_for(replicas: list[Database], scope: Scope, day: date) -> None:
    assert (await report.usage(replicas[0], scope, day, day, "user")).rows == ()
