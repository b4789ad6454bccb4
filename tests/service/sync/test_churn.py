"""A provider that changes, and forgets its history, while it is read: the copy is the truth once it holds still."""

import random

import pytest

from contracts.sync import SyncOutcome
from libs.providers.errors import CursorExpired, ProviderGarbled, ProviderUnavailable, TokenRejected
from tests.service.sync.conftest import World
from tests.service.sync.scripted import ScriptedProvider


class Busy:
    """So many changes, one or two before each page."""

    def __init__(self, provider: ScriptedProvider, seed: int, changes: int, *, forgets: float = 0.0) -> None:
        self._provider, self._left, self._forgets = provider, changes, forgets
        self._chance = random.Random(seed)  # noqa: S311 - a story, repeatable by its seed

    def __call__(self) -> None:
        if self._left <= 0:
            return
        for _ in range(self._chance.randrange(3)):
            self._left -= 1
            there = sorted(self._provider._truth["inbox"])
            if len(there) > 2 and self._chance.random() < 0.4:
                self._provider.remove(self._chance.choice(there))
            else:
                self._provider.put(f"{self._chance.randrange(40):03}")
        if self._chance.random() < self._forgets:
            self._left -= 1
            self._provider.forget_history()


def fill(provider: ScriptedProvider, count: int) -> None:
    for number in range(count):
        provider.put(f"{number:03}")


@pytest.mark.every_way(sample=2)
@pytest.mark.parametrize("seed", range(8))
async def test_what_comes_and_goes_while_a_run_reads_is_found_by_the_same_run(world: World, seed: int) -> None:
    fill(world.provider, 15)
    world.provider.meanwhile = Busy(world.provider, seed, changes=10)
    await world.connect()

    assert await world.copy() == world.provider.truth()


@pytest.mark.every_way(sample=2)
@pytest.mark.parametrize("seed", range(8))
async def test_history_that_is_forgotten_while_rows_arrive_costs_at_most_another_run(world: World, seed: int) -> None:
    fill(world.provider, 15)
    await world.connect()
    world.provider.meanwhile = Busy(world.provider, seed, changes=20, forgets=0.3)
    world.provider.forget_history()
    await world.sync_now()
    world.provider.meanwhile = None
    await world.sync_now()

    assert await world.copy() == world.provider.truth()


@pytest.mark.parametrize("page", range(5))
async def test_a_cursor_that_expires_at_any_page_of_a_listing_starts_it_over(world: World, page: int) -> None:
    fill(world.provider, 14)
    world.provider.faults = [*[None] * page, CursorExpired("forgotten")]
    await world.connect()

    assert await world.copy() == world.provider.truth()


@pytest.mark.parametrize("fault", [ProviderGarbled("cut"), ProviderUnavailable("500"), CursorExpired("forgotten")])
async def test_a_failure_after_a_cursor_expired_does_not_bring_back_what_went(world: World, fault: Exception) -> None:
    fill(world.provider, 14)
    await world.connect()
    for id in ("001", "007", "013"):
        world.provider.remove(id)
    world.provider.forget_history()
    world.provider.faults = [None, None, fault, fault, fault]  # type: ignore[list-item]
    await world.sync_now()
    world.provider.faults = []
    await world.sync_now()

    assert await world.copy() == world.provider.truth()


async def test_a_token_that_dies_in_the_middle_of_a_listing_is_renewed_and_no_page_is_read_twice(world: World) -> None:
    fill(world.provider, 14)
    world.provider.faults = [None, None, TokenRejected("expired")]
    run = await world.connect()

    assert (run.outcome, run.items) == (SyncOutcome.SUCCESS, 14)
    assert await world.copy() == world.provider.truth()
    assert len(world.provider.sent) == 14
    assert world.oauth.refreshes == 1
