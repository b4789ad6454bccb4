"""When more is asked than can be answered at once, everybody's turn comes, in proportion to their plan."""

import asyncio
from collections import Counter
from itertools import pairwise

import pytest

from contracts.models import Tier
from libs.resilience.errors import Unavailable
from services.chat.spending.fair_queue import FairQueue


class Scene:
    """One place, held until `serve` lets the next one in; `served` says who came in which order."""

    def __init__(self, most_waiting: int = 1_000) -> None:
        self.queue = FairQueue(1, most_waiting)
        self.served: list[str] = []
        self._next = asyncio.Semaphore(0)
        self._tasks: list[asyncio.Task[None]] = []

    async def ask(self, user: str, tier: Tier, times: int = 1) -> None:
        self._tasks += [asyncio.create_task(self._one(user, tier)) for _ in range(times)]
        await asyncio.sleep(0)

    async def serve(self) -> list[str]:
        for _ in self._tasks:
            self._next.release()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        return self.served

    async def _one(self, user: str, tier: Tier) -> None:
        async with self.queue.place(user, tier, 60):
            self.served.append(user)
            await self._next.acquire()

    def cancel(self, number: int) -> None:
        self._tasks[number].cancel()


async def test_who_asks_for_a_hundred_at_once_waits_behind_their_own() -> None:
    scene = Scene()
    await scene.ask("greedy", "PROFESSIONAL", 100)
    await scene.ask("modest", "PROFESSIONAL", 2)
    served = await scene.serve()
    assert Counter(served) == {"greedy": 100, "modest": 2}
    assert max(at for at, user in enumerate(served) if user == "modest") < 6


async def test_plans_share_by_their_weight_and_nobody_starves() -> None:
    scene = Scene()
    await scene.ask("first", "ENTERPRISE")
    await scene.ask("free", "FREE", 40)
    await scene.ask("paying", "PROFESSIONAL", 40)
    served = (await scene.serve())[1:]
    early = Counter(served[:40])
    assert early["paying"] == pytest.approx(4 * early["free"], abs=4)
    turns_of_free = [at for at, user in enumerate(served) if user == "free"]
    assert max(after - before for before, after in pairwise(turns_of_free[:8])) <= 6


async def test_a_full_queue_refuses_at_once_and_says_when_to_come_back() -> None:
    scene = Scene(most_waiting=2)
    await scene.ask("anybody", "FREE", 3)
    with pytest.raises(Unavailable) as full:
        async with scene.queue.place("late", "ENTERPRISE", 60):
            pytest.fail("there is no room")
    assert full.value.retry_after_s
    assert len(await scene.serve()) == 3


async def test_who_goes_away_leaves_no_hole() -> None:
    scene = Scene()
    await scene.ask("a", "FREE", 5)
    for number in (1, 3):
        scene.cancel(number)
    await asyncio.sleep(0)
    assert scene.queue.waiting == 2
    assert len(await scene.serve()) == 3
    async with asyncio.timeout(5), scene.queue.place("next", "FREE", 60):
        assert scene.queue.waiting == 0


async def test_who_goes_away_at_the_moment_of_their_turn_passes_it_on() -> None:
    queue = FairQueue(1, 10)
    held = asyncio.Event()

    async def hold() -> None:
        async with queue.place("first", "FREE", 60):
            await held.wait()

    async def wait() -> None:
        async with queue.place("second", "FREE", 60):
            pytest.fail("it was cancelled")

    first, second = asyncio.create_task(hold()), asyncio.create_task(wait())
    await asyncio.sleep(0)
    held.set()
    await first  # the place is the second one's now, which has not run yet
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    async with asyncio.timeout(5), queue.place("third", "FREE", 60):
        pass


async def test_who_waits_too_long_is_told_and_leaves_the_queue() -> None:
    queue = FairQueue(1, 10)
    async with queue.place("first", "FREE", 60):
        with pytest.raises(Unavailable):
            async with queue.place("second", "FREE", 0.01):
                pytest.fail("the place is taken")
        assert queue.waiting == 0
