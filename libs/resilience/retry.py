"""Trying again, by category of error (SPEC H4), always inside a deadline."""

import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import stamina

from libs.resilience.deadline import Deadline
from libs.resilience.errors import AdjutantError, Forbidden, RateLimited, TooLarge, Unauthenticated


class Category(StrEnum):
    """What kind of failure it was, as far as trying again is concerned."""

    RATE_LIMIT = "rate_limit"
    TIMEOUT = "timeout"
    AUTHENTICATION = "authentication"
    CONTEXT_TOO_LARGE = "context_too_large"
    REFUSED = "refused"
    """The request itself is wrong: it will be wrong again."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Policy:
    """`wait_s` before the first repetition, doubled (and jittered) for each further one; None: never again."""

    wait_s: float | None


POLICIES: Mapping[Category, Policy] = MappingProxyType(
    {
        Category.RATE_LIMIT: Policy(60.0),
        Category.TIMEOUT: Policy(5.0),
        Category.AUTHENTICATION: Policy(None),
        Category.CONTEXT_TOO_LARGE: Policy(None),
        Category.REFUSED: Policy(None),
        Category.UNKNOWN: Policy(0.5),
    }
)


def category_of(error: Exception) -> Category:
    """Which of the categories; an error that names its own in `category` knows best."""
    match error:
        case AdjutantError() if isinstance(own := getattr(error, "category", None), Category):
            return own
        case RateLimited():
            return Category.RATE_LIMIT
        case Unauthenticated() | Forbidden():
            return Category.AUTHENTICATION
        case TooLarge():
            return Category.CONTEXT_TOO_LARGE
        case TimeoutError():
            return Category.TIMEOUT
        case AdjutantError() if not error.retryable:
            return Category.REFUSED
    return Category.TIMEOUT if isinstance(error.__cause__, TimeoutError) else Category.UNKNOWN


def wait_before_retry(error: Exception, policies: Mapping[Category, Policy] = POLICIES) -> float | None:
    """Seconds before the first repetition; None when repeating is pointless. The neighbour's own word counts first."""
    policy_s = policies[category_of(error)].wait_s
    if policy_s is None:
        return None
    told_s = error.retry_after_s if isinstance(error, AdjutantError) else None
    return policy_s if told_s is None else told_s


async def attempts(
    deadline: Deadline, *, at_most: int = 3, policies: Mapping[Category, Policy] = POLICIES
) -> AsyncIterator[stamina.Attempt]:
    """`async for attempt in attempts(deadline): with attempt: …`; raises the last error when it gives up.

    A wait that would end after the deadline is not begun: the error is raised at once.
    """
    tried = 0

    def again(error: BaseException) -> bool | float:
        nonlocal tried
        if not isinstance(error, Exception):
            return False  # a cancellation is no failure: it must end the work, not repeat it
        tried += 1
        first_s = wait_before_retry(error, policies)
        if first_s is None:
            return False
        wait_s = first_s * _growth(error, tried)
        return wait_s if wait_s < deadline.remaining_s() else False

    async for attempt in stamina.retry_context(on=again, attempts=at_most, timeout=None):
        yield attempt


def _growth(error: Exception, tried: int) -> float:
    """Exponential with jitter, except where the neighbour said when."""
    if isinstance(error, AdjutantError) and error.retry_after_s is not None:
        return 1.0
    return float(2 ** (tried - 1)) * random.uniform(0.75, 1.25)  # noqa: S311 - jitter, not a secret
