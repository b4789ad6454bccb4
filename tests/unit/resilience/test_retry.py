"""Who is asked again, after how long, and when it is pointless."""

import asyncio

import pytest

from libs.resilience.deadline import Deadline
from libs.resilience.errors import Forbidden, InvalidInput, RateLimited, TooLarge, Unauthenticated, Unavailable
from libs.resilience.retry import Category, Policy, attempts, category_of, wait_before_retry

QUICK = {category: Policy(0.001) for category in Category} | {Category.REFUSED: Policy(None)}


@pytest.mark.parametrize(
    ("error", "category", "wait_s"),
    [
        (RateLimited("slow down"), Category.RATE_LIMIT, 60.0),
        (TimeoutError(), Category.TIMEOUT, 5.0),
        (Unauthenticated("who?"), Category.AUTHENTICATION, None),
        (Forbidden("no"), Category.AUTHENTICATION, None),
        (TooLarge("shrink it"), Category.CONTEXT_TOO_LARGE, None),
        (InvalidInput("no such field"), Category.REFUSED, None),
        (Unavailable("away"), Category.UNKNOWN, 0.5),
        (RuntimeError("?"), Category.UNKNOWN, 0.5),
    ],
)
def test_each_category_has_its_wait(error: Exception, category: Category, wait_s: float | None) -> None:
    assert category_of(error) is category
    assert wait_before_retry(error) == wait_s


def test_the_neighbours_own_word_counts_first() -> None:
    assert wait_before_retry(RateLimited("slow down", retry_after_s=7)) == 7


async def run(errors: list[Exception], deadline: Deadline) -> int:
    """Fail with these errors in turn, then succeed; returns how often it was tried."""
    tried = 0
    async for attempt in attempts(deadline, policies=QUICK):
        with attempt:
            tried += 1
            if errors:
                raise errors.pop(0)
    return tried


async def test_it_is_tried_until_it_succeeds() -> None:
    assert await run([Unavailable("1"), TimeoutError("2")], Deadline.after(5)) == 3


async def test_the_last_error_is_raised_when_it_gives_up() -> None:
    with pytest.raises(Unavailable, match="3"):
        await run([Unavailable("1"), Unavailable("2"), Unavailable("3")], Deadline.after(5))


async def test_what_is_refused_is_not_tried_again() -> None:
    errors: list[Exception] = [InvalidInput("no"), InvalidInput("never reached")]
    with pytest.raises(InvalidInput, match="no"):
        await run(errors, Deadline.after(5))

    assert len(errors) == 1


async def test_a_wait_that_would_end_after_the_deadline_is_not_begun() -> None:
    errors: list[Exception] = [RateLimited("slow down", retry_after_s=60), RateLimited("never reached")]
    with pytest.raises(RateLimited, match="slow down"):
        await run(errors, Deadline.after(1))

    assert len(errors) == 1


async def test_a_cancellation_ends_the_work_instead_of_repeating_it() -> None:
    tried = 0

    async def work() -> None:
        nonlocal tried
        async for attempt in attempts(Deadline.after(60), policies=QUICK):
            with attempt:
                tried += 1
                await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(5):
            await task
    assert tried == 1
