"""A circuit breaker: a neighbour that keeps failing is left alone for a while, then asked once.

closed ──`failures` in a row──> open ──after `open_s`──> half open ──probe succeeds──> closed
                                 ^──────────────────────────probe fails──────────────────┘
"""

import asyncio
import time
from collections.abc import Callable
from enum import StrEnum
from types import TracebackType
from typing import Any

from libs.resilience.errors import AdjutantError, RateLimited, Unavailable


class CircuitOpen(Unavailable):
    """It failed again and again a moment ago and is not asked before `retry_after_s`."""

    slug = "circuit_open"


class BreakerState(StrEnum):
    """What the next call will meet."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """`async with breaker: …` around each call. Not for threads: one event loop owns it.

    Only failures that say something about the neighbour count: timeouts, lost connections, and errors of the house
    with `retryable`. A refusal of one request (not found, forbidden) shows that it is well; so does RateLimited,
    which is about one user's or key's share.
    """

    def __init__(
        self, name: str, failures: int = 5, open_s: float = 30.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = name
        self._threshold = failures
        self._open_s = open_s
        self._clock = clock
        self._failures = 0
        self._opened_at: float | None = None
        self._probe: asyncio.Task[Any] | None = None
        self._probe_began = 0.0

    @property
    def state(self) -> BreakerState:
        """Closed, open, or half open (the time is over; one probe may pass)."""
        if self._opened_at is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self._remaining_s() > 0 else BreakerState.HALF_OPEN

    @property
    def failure_count(self) -> int:
        """Failures since the last success."""
        return self._failures

    def reset(self) -> None:
        """Close it by hand and forget its failures."""
        self._failures, self._opened_at, self._probe = 0, None, None

    async def __aenter__(self) -> None:
        """Raises CircuitOpen when the neighbour is not to be asked now."""
        if self._opened_at is None:
            return
        remaining_s = self._remaining_s()
        # A probe whose outcome never came (its task was lost) holds the way for `open_s` at most.
        probing_s = self._open_s - (self._clock() - self._probe_began) if self._probe else 0.0
        if (wait_s := max(remaining_s, probing_s)) > 0:
            raise CircuitOpen(f"{self.name} failed repeatedly and is left alone for now.", retry_after_s=wait_s)
        self._probe, self._probe_began = asyncio.current_task(), self._clock()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Take the outcome into account; the exception goes on."""
        probing = self._probe is not None and self._probe is asyncio.current_task()
        if self._opened_at is not None and not probing:
            return  # it began before the circuit opened: old news
        if error is not None and not isinstance(error, Exception):
            self._probe = None  # cancelled: nothing was learnt, somebody else may probe
        elif error is not None and counts(error):
            self._failed()
        else:
            self.reset()

    def _failed(self) -> None:
        self._failures += 1
        if self._failures >= self._threshold or self._probe is not None:
            self._opened_at, self._probe = self._clock(), None

    def _remaining_s(self) -> float:
        return 0.0 if self._opened_at is None else self._open_s - (self._clock() - self._opened_at)


def counts(error: Exception) -> bool:
    """Whether this failure speaks against the neighbour."""
    if isinstance(error, AdjutantError):
        return error.retryable and not isinstance(error, RateLimited)
    return isinstance(error, TimeoutError | ConnectionError)
