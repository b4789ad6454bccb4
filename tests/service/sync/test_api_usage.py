"""Requests to providers are counted for their user, and a day that needs too many is told once."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import httpx
import pytest

from contracts.envelope import Scope
from libs.db import Database
from libs.db.api_usage import add_calls, usage_between
from libs.providers.call_count import counting
from libs.providers.errors import ProviderUnreachable
from libs.providers.wire import exchange, http_client
from tests.service.providers.vendor_server import Told, vendor

Connect = Callable[[str], Awaitable[Database]]


async def test_a_threshold_is_told_by_the_call_that_crosses_it_and_never_again(connect: Connect, scope: Scope) -> None:
    db = await connect("sync")

    async def add(calls: int) -> int | None:
        async with db.transaction(scope) as tx:
            return await add_calls(tx, "gmail", calls, 0, 0, daily_quota=100)

    assert [await add(calls) for calls in (79, 1, 19, 1, 50)] == [None, 80, None, 100, None]


async def test_a_jump_over_both_thresholds_is_one_notice(connect: Connect, scope: Scope) -> None:
    db = await connect("sync")
    async with db.transaction(scope) as tx:
        assert await add_calls(tx, "gmail", 500, 0, 0, daily_quota=100) == 100


async def test_of_many_at_once_exactly_one_crosses(connect: Connect, scope: Scope) -> None:
    db = await connect("sync")

    async def add() -> int | None:
        async with db.transaction(scope) as tx:
            return await add_calls(tx, "gmail", 1, 0, 0, daily_quota=50)

    crossed = await asyncio.gather(*(add() for _ in range(60)))

    assert sorted(each for each in crossed if each) == [80, 100]


async def test_each_user_sees_their_own_days(connect: Connect, scope: Scope, stranger: Scope) -> None:
    db, today = await connect("sync"), datetime.now(UTC).date()
    async with db.transaction(scope) as tx:
        await add_calls(tx, "github", 3, 1, 1)

    async with db.reading(scope) as tx:
        (day,) = await usage_between(tx, today, today)
    async with db.reading(stranger) as tx:
        assert await usage_between(tx, today, today) == ()
    assert (day.provider, day.calls, day.failures, day.limited) == ("github", 3, 1, 1)


async def test_every_request_counts_also_one_without_an_answer() -> None:
    async with vendor(lambda asked: Told({}, {"/ok": 200, "/no": 404, "/slow": 429}[asked.path])) as server:
        server.is_open = True
        async with http_client() as http:
            with counting() as made:
                for path in ("/ok", "/no", "/slow"):
                    await exchange(http, "vendor", http.build_request("GET", server.url + path), 5)
                with pytest.raises(ProviderUnreachable):
                    await exchange(http, "nobody", httpx.Request("GET", "http://127.0.0.1:9"), 5)

    assert (made.calls, made.failures, made.limited) == (4, 3, 1)
