"""What becomes of a message whose handler failed: a later attempt, or a dead letter. Decisions without I/O."""

import random
from dataclasses import dataclass

from pydantic import ValidationError

from libs.bus.errors import MalformedMessage
from libs.resilience.errors import AdjutantError, Internal

SCHEDULE_S = (1, 5, 30, 120, 600)
"""Seconds before attempt 2, 3, 4, 5, 6. The sixth failure is final."""
JITTER = 0.2
"""Up to a fifth longer, so that what failed together does not come back together."""
MAX_DELIVERIES = 30
"""A message delivered this often without ever failing kills the process that takes it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`delay_s` until the next attempt, or None: it is dead. `slug` and `detail` say why."""

    delay_s: float | None
    slug: str
    detail: str


def judge(error: Exception, attempt: int, randomness: float | None = None) -> Verdict:
    """Decide after failed attempt number `attempt`, counted from 1. `randomness` is in [0, 1)."""
    slug, detail = described(error)
    if is_permanent(error) or attempt > len(SCHEDULE_S):
        return Verdict(None, slug, detail)
    spread = random.random() if randomness is None else randomness  # noqa: S311 - not a secret
    delay_s = SCHEDULE_S[attempt - 1] * (1 + JITTER * spread)
    if isinstance(error, AdjutantError) and error.retry_after_s:
        delay_s = max(delay_s, error.retry_after_s)
    return Verdict(delay_s, slug, detail)


def is_permanent(error: Exception) -> bool:
    """Whether the same message must fail again. A bug of ours may be mended by the next release: it is retried."""
    if isinstance(error, MalformedMessage | ValidationError):
        return True
    return isinstance(error, AdjutantError) and not error.retryable and not isinstance(error, Internal)


def described(error: Exception) -> tuple[str, str]:
    """Slug and sentence for the dead letter. Foreign errors are named by class alone: their text may be personal."""
    if isinstance(error, AdjutantError):
        return error.slug, error.detail
    return "internal_error", type(error).__name__
