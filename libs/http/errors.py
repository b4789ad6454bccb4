"""What a neighbour over HTTP can do to its caller.

Unavailable
├── NeighbourUnavailable   no connection, a broken answer, or a 5xx
└── NeighbourTimeout       no answer in time; what was asked for may have happened
RateLimited
└── NeighbourRateLimited   429; `retry_after_s` is what it said
Internal
└── AnswerTooLarge         more than we read
"""

from email.utils import parsedate_to_datetime

import httpx

from libs.resilience.errors import Internal, RateLimited, Unavailable
from libs.resilience.retry import Category

MAX_RETRY_AFTER_S = 3600.0


class NeighbourUnavailable(Unavailable):
    """It cannot be reached, or says itself that it fails."""

    slug = "neighbour_unavailable"


class NeighbourTimeout(Unavailable):
    """It did not answer in time. Repeat only what may happen twice."""

    slug = "neighbour_timeout"
    category = Category.TIMEOUT


class NeighbourRateLimited(RateLimited):
    """It asks for a pause."""

    slug = "neighbour_rate_limited"


class AnswerTooLarge(Internal):
    """Its answer is larger than this client reads."""

    slug = "answer_too_large"


def retry_after_s(response: httpx.Response, now_s: float) -> float | None:
    """`Retry-After` as seconds from `now_s` (Unix time), whichever of its two forms it has."""
    told = response.headers.get("retry-after", "")
    if told.isdecimal():
        return min(float(told[:6]), MAX_RETRY_AFTER_S)
    try:
        return min(max(parsedate_to_datetime(told).timestamp() - now_s, 0.0), MAX_RETRY_AFTER_S)
    except ValueError:
        return None
