"""Answers given again: for a request that says exactly the same, in the same user's name, within the hour.

Only where that is safe: no tools, temperature zero, a feature that is no conversation of the assistant. In memory, per
replica and bounded; nothing of it is written anywhere.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from contracts.envelope import Scope
from libs.models.messages import Finished
from services.chat.routing.request import ModelRequest

KEPT_S = 3600.0
MOST = 2_000
MOST_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class Kept:
    """A whole answer."""

    text: str
    finished: Finished
    until: float


class AnswersCache:
    """By a hash of user and request."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[bytes, Kept] = OrderedDict()
        self.hits = self.misses = 0

    def key(self, scope: Scope, feature: str, request: ModelRequest) -> bytes | None:
        """None for a request whose answer is not given again."""
        if feature == "chat" or request.tools or request.options.temperature != 0:
            return None
        messages = [(type(message).__name__, message) for message in request.messages]
        said = (scope.user_id, scope.organization_id, request.wish.model, messages, request.options)
        return hashlib.blake2b(msgspec.json.encode(msgspec.to_builtins(said)), digest_size=16).digest()

    def get(self, key: bytes | None) -> Kept | None:
        """What was answered within the hour."""
        kept = self._kept.get(key) if key is not None else None
        if kept is None or kept.until <= self._clock():
            self.misses += key is not None
            return None
        self.hits += 1
        return kept

    def put(self, key: bytes | None, text: str, finished: Finished) -> None:
        """Keep a whole answer that ended by itself."""
        if key is None or finished.reason != "stop" or len(text) > MOST_CHARACTERS:
            return
        self._kept[key] = Kept(text, finished, self._clock() + KEPT_S)
        self._kept.move_to_end(key)
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)
