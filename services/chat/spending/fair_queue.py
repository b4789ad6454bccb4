"""Whose turn it is when more is asked than can be answered at once: everybody's in proportion to their plan.

Weighted fair queueing: each user's requests get starting marks that lie 1/weight apart, and the lowest mark is served
first. Who asks a hundred at once waits behind their own, not before everybody else; a plan with twice the weight gets
twice the share, and nobody starves. https://en.wikipedia.org/wiki/Fair_queuing
"""

import asyncio
import heapq
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType

from contracts.models import Tier
from libs.resilience.errors import Unavailable

WEIGHTS: Mapping[Tier, int] = MappingProxyType({"FREE": 1, "STARTER": 2, "PROFESSIONAL": 4, "ENTERPRISE": 8})
FULL_RETRY_S = 2.0


class FairQueue:
    """So many places; one event loop. `most_waiting` bounds the queue."""

    def __init__(self, places: int, most_waiting: int) -> None:
        self._free = places
        self._most_waiting = most_waiting
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._left = 0
        """Of those in `_waiting`, how many have gone away."""
        self._now = 0.0
        """The mark of the request that was served last."""
        self._marks: dict[str, float] = {}
        self._asked = 0

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return len(self._waiting) - self._left

    @asynccontextmanager
    async def place(self, user_id: str, tier: Tier, within_s: float) -> AsyncIterator[None]:
        """A place, as soon as it is this user's turn. Raises Unavailable when too many wait, or it takes too long."""
        try:
            async with asyncio.timeout(within_s):
                await self._take(user_id, tier)
        except TimeoutError as error:
            raise Unavailable("No language model became free in time.", retry_after_s=FULL_RETRY_S) from error
        try:
            yield
        finally:
            self._give_back()

    async def _take(self, user_id: str, tier: Tier) -> None:
        if self._free and not self.waiting:
            self._free -= 1
            return
        if self.waiting >= self._most_waiting:
            raise Unavailable("Too many requests are waiting for a language model.", retry_after_s=FULL_RETRY_S)
        mark = max(self._now, self._marks.get(user_id, 0.0))
        self._marks[user_id] = mark + 1 / WEIGHTS[tier]
        self._asked += 1
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (mark, self._asked, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back()  # it had just become its turn
            else:
                self._left += 1
            raise

    def _give_back(self) -> None:
        self._free += 1
        while self._waiting and self._free:
            mark, _, turn = heapq.heappop(self._waiting)
            if turn.done():
                self._left -= 1
                continue
            self._now = mark
            self._free -= 1
            turn.set_result(None)
        if not self._waiting:
            self._marks.clear()  # nobody is behind anybody any more
            self._now = 0.0
