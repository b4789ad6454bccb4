"""Whoever sends forgeries is not listened to for a while, so that guessing costs the guesser and not this process.

Counted in memory, per replica, source address and provider: a provider's genuine deliveries come from its own
addresses and are never counted.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

from libs.resilience.errors import RateLimited

MOST = 60
"""Refused requests of one source to one provider in a window."""
WINDOW_S = 60.0
REMEMBERED = 10_000


class Refusals:
    """`check` before verifying, `note` after a refusal."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()

    def check(self, address: str, provider: str) -> None:
        """Raises RateLimited for a source that has sent too many forgeries."""
        began, count = self._seen.get((address, provider), (0.0, 0))
        left_s = began + WINDOW_S - self._clock()
        if count >= MOST and left_s > 0:
            raise RateLimited("Too many notifications from here could not be verified.", retry_after_s=left_s)

    def note(self, address: str, provider: str) -> None:
        """One that was not genuine."""
        now = self._clock()
        began, count = self._seen.get((address, provider), (now, 0))
        if now - began >= WINDOW_S:
            began, count = now, 0
        self._seen[address, provider] = began, count + 1
        self._seen.move_to_end((address, provider))
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
