"""How a deployment has been doing, as far as the next choice is concerned.

well ──a failure──> suspect (10 s) ──five in a row──> open (30 s) ──> half open: a probe beside a healthy one
 ^────────────────────────a success, or an operator's reset────────────────────────┘

One failure is enough to ask another one first: that is what makes the second request of an outage fast. Five in a row
are the breaker of SPEC H4: it is not asked at all. A probe never makes a user wait: it runs beside a healthy one.
"""

import time
from bisect import insort
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

SUSPECT_S = 10.0
OPEN_S = 30.0
OPEN_AFTER = 5
REMEMBERED = 100
"""First-token times kept for the percentile."""


class State(StrEnum):
    """What the next choice makes of it."""

    WELL = "closed"
    SUSPECT = "suspect"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Standing:
    """What replicas tell each other of a deployment. `until`: Unix seconds."""

    failures: int
    until: float
    error: str


class Health:
    """Kept by one event loop. `told` is called with each change that other replicas should know of."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.standing = Standing(0, 0.0, "")
        self._waits: deque[float] = deque(maxlen=REMEMBERED)
        self._probed_at = 0.0
        self.told: Callable[[Standing], None] = lambda standing: None
        self.successes = 0
        self.total_failures = 0

    @property
    def state(self) -> State:
        """Now."""
        failures, until = self.standing.failures, self.standing.until
        if failures == 0:
            return State.WELL
        if self._clock() < until:
            return State.OPEN if failures >= OPEN_AFTER else State.SUSPECT
        return State.HALF_OPEN

    @property
    def first_token_p95_s(self) -> float | None:
        """Of the last hundred answers; None before the first."""
        if not self._waits:
            return None
        ordered: list[float] = []
        for wait in self._waits:
            insort(ordered, wait)
        return ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]

    def succeeded(self, first_token_s: float) -> None:
        """A whole answer."""
        self.successes += 1
        self._waits.append(first_token_s)
        if self.standing.failures:
            self._set(Standing(0, 0.0, ""))

    def failed(self, error: str, rest_s: float | None = None, *, may_open: bool = True) -> None:
        """No answer, half an answer, or one that came too late. `rest_s`: the pause that the provider asked for.
        `may_open` is false for what is no proof that it does not answer at all."""
        self.total_failures += 1
        failures = self.standing.failures + 1
        if not may_open:
            failures = max(self.standing.failures, min(failures, OPEN_AFTER - 1))
        pause_s = rest_s if rest_s is not None else (OPEN_S if failures >= OPEN_AFTER else SUSPECT_S)
        self._set(Standing(failures, self._clock() + pause_s, error))

    def reset(self) -> None:
        """By an operator."""
        self._set(Standing(0, 0.0, ""))

    def hear(self, standing: Standing) -> None:
        """What another replica found out."""
        self.standing = standing

    def may_probe(self) -> bool:
        """Whether it is time to try it beside a healthy one; true once per rest."""
        now = self._clock()
        if self.state is not State.HALF_OPEN or now - self._probed_at < SUSPECT_S:
            return False
        self._probed_at = now
        return True

    def _set(self, standing: Standing) -> None:
        self.standing = standing
        self.told(standing)
