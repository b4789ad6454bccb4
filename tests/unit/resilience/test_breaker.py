"""A neighbour that keeps failing is left alone, then asked once."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.resilience.breaker import Breaker, BreakerState, CircuitOpen
from libs.resilience.errors import AdjutantError, NotFound, RateLimited, Unavailable


class Clock:
    """Time that moves when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def call(breaker: Breaker, error: Exception | None = None) -> None:
    async with breaker:
        if error:
            raise error


async def break_it(breaker: Breaker, times: int = 5) -> None:
    for _ in range(times):
        with pytest.raises(Unavailable):
            await call(breaker, Unavailable("away"))


async def test_five_failures_in_a_row_open_it_and_the_caller_learns_when_to_come_back() -> None:
    clock = Clock()
    breaker = Breaker("google", clock=clock)
    await break_it(breaker)
    clock.now = 10

    with pytest.raises(CircuitOpen) as refused:
        await call(breaker)

    assert (breaker.state, breaker.failure_count) == (BreakerState.OPEN, 5)
    assert refused.value.retry_after_s == 20


async def test_a_success_forgets_earlier_failures() -> None:
    breaker = Breaker("google")
    await break_it(breaker, 4)
    await call(breaker)
    await break_it(breaker, 4)

    assert breaker.state is BreakerState.CLOSED


@pytest.mark.parametrize("error", [NotFound("no such mail"), RateLimited("slow down"), ValueError("our bug")])
async def test_a_refusal_of_one_request_does_not_count(error: Exception) -> None:
    breaker = Breaker("google", failures=1)
    with pytest.raises(type(error)):
        await call(breaker, error)

    assert breaker.state is BreakerState.CLOSED


@pytest.mark.parametrize("error", [TimeoutError(), ConnectionResetError(), Unavailable("away")])
async def test_silence_and_lost_connections_count(error: Exception) -> None:
    breaker = Breaker("google", failures=1)
    with pytest.raises(type(error)):
        await call(breaker, error)

    assert breaker.state is BreakerState.OPEN


async def test_one_probe_passes_while_the_others_are_refused() -> None:
    clock = Clock()
    breaker = Breaker("google", clock=clock)
    await break_it(breaker)
    clock.now = 31
    answered = asyncio.Event()

    async def probe() -> None:
        async with breaker:
            await answered.wait()

    probing = asyncio.create_task(probe())
    await asyncio.sleep(0)
    with pytest.raises(CircuitOpen):
        await call(breaker)
    answered.set()
    await probing

    assert (breaker.state, breaker.failure_count) == (BreakerState.CLOSED, 0)


async def test_a_failed_probe_opens_it_again_for_the_whole_time() -> None:
    clock = Clock()
    breaker = Breaker("google", clock=clock)
    await break_it(breaker)
    clock.now = 31
    await break_it(breaker, 1)
    clock.now = 60

    assert breaker.state is BreakerState.OPEN
    clock.now = 62
    assert breaker.state is BreakerState.HALF_OPEN


async def test_a_cancelled_probe_lets_the_next_one_try() -> None:
    clock = Clock()
    breaker = Breaker("google", clock=clock)
    await break_it(breaker)
    clock.now = 31

    async def probe() -> None:
        async with breaker:
            await asyncio.Event().wait()

    probing = asyncio.create_task(probe())
    await asyncio.sleep(0)
    probing.cancel()
    await asyncio.gather(probing, return_exceptions=True)
    await call(breaker)

    assert breaker.state is BreakerState.CLOSED


async def test_a_call_that_began_before_it_opened_changes_nothing() -> None:
    breaker = Breaker("google", clock=Clock())
    go = asyncio.Event()

    async def slow() -> None:
        async with breaker:
            await go.wait()

    slow_call = asyncio.create_task(slow())
    await asyncio.sleep(0)
    await break_it(breaker)
    go.set()
    await slow_call

    assert breaker.state is BreakerState.OPEN


async def test_an_operator_may_close_it() -> None:
    breaker = Breaker("google", clock=Clock())
    await break_it(breaker)
    breaker.reset()
    await call(breaker)

    assert breaker.state is BreakerState.CLOSED


@given(st.lists(st.tuples(st.sampled_from(["ok", "away", "refused"]), st.floats(0, 40)), max_size=40))
def test_whatever_happens_a_call_is_refused_only_after_enough_failures_and_never_for_ever(
    story: list[tuple[str, float]],
) -> None:
    clock = Clock()
    breaker = Breaker("any", failures=3, open_s=30, clock=clock)
    errors: dict[str, AdjutantError | None] = {"ok": None, "away": Unavailable(""), "refused": NotFound("")}

    async def live() -> None:
        failures, waits_s = 0, list[float]()
        for outcome, passed_s in story:
            clock.now += passed_s
            try:
                await call(breaker, errors[outcome])
                failures = 0
            except CircuitOpen as refused:
                assert failures >= 3
                waits_s.append(refused.retry_after_s or 0)
            except NotFound:
                failures = 0
            except Unavailable:
                failures += 1
        clock.now += 30.001
        await call(breaker)
        assert all(0 < wait_s <= 30 for wait_s in waits_s)

    asyncio.run(live())
