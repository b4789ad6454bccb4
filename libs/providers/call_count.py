"""How often a piece of work asked a provider. Whoever begins the work opens a count; the exchange below it notes each
request, however deep in a client it happens."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class CallCount:
    """Requests that went out: all, those that failed or were refused (4xx, 5xx, no answer), those answered 429."""

    calls: int = 0
    failures: int = 0
    limited: int = 0


_open: ContextVar[CallCount | None] = ContextVar("open_call_count", default=None)


@contextmanager
def counting() -> Iterator[CallCount]:
    """Count the requests made inside, by this task and those it starts."""
    count = CallCount()
    token = _open.set(count)
    try:
        yield count
    finally:
        _open.reset(token)


def note_call(status: int | None) -> None:
    """One request; `status` is None when there was no answer."""
    count = _open.get()
    if count is None:
        return
    count.calls += 1
    count.failures += status is None or status >= 400
    count.limited += status == 429
