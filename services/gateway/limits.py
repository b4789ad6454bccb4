"""Rate limits, exact over all replicas: one row per counter, one statement per request.

A window begins with its first request and lasts `window_s`; in it `limit` requests pass. The row lock orders
the requests of one user; different users never wait for each other.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.db import Transaction
from libs.resilience.errors import RateLimited


@dataclass(frozen=True, slots=True)
class Limit:
    """So many requests in so many seconds."""

    name: str
    requests: int
    window_s: int


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a limit after this request."""

    limit: int
    remaining: int
    resets_at: datetime
    retry_after_s: float

    def headers(self) -> dict[str, str]:
        """X-RateLimit-…; Reset is in Unix seconds."""
        return {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(self.remaining),
            "x-ratelimit-reset": str(int(self.resets_at.timestamp()) + 1),
        }


class TooManyRequests(RateLimited):
    """The caller is over a limit; carries the allowance for the headers."""

    def __init__(self, detail: str, allowance: Allowance) -> None:
        super().__init__(detail, retry_after_s=allowance.retry_after_s)
        self.allowance = allowance


SPEND = """
insert into rate_limits as counter (bucket, window_started_at, used) values ($1, clock_timestamp(), 1)
on conflict (bucket) do update set
    used = case when counter.window_started_at + $2::interval <= clock_timestamp() then 1 else counter.used + 1 end,
    window_started_at = case when counter.window_started_at + $2::interval <= clock_timestamp()
                             then clock_timestamp() else counter.window_started_at end
returning used, window_started_at, clock_timestamp() as now
"""


async def spend(tx: Transaction, limit: Limit, subject: str) -> Allowance:
    """Count one request of this subject. Raises TooManyRequests, and then the rolled back count stays at the limit."""
    row = await tx.fetchrow(SPEND, f"{limit.name}:{subject}", timedelta(seconds=limit.window_s))
    assert row is not None
    return judge(limit, row["used"], row["window_started_at"], row["now"])


def judge(limit: Limit, used: int, started: datetime, now: datetime) -> Allowance:
    """The allowance after `used` requests of a window. Raises TooManyRequests when that is one too many."""
    resets_at = started + timedelta(seconds=limit.window_s)
    allowance = Allowance(
        limit=limit.requests,
        remaining=max(0, limit.requests - used),
        resets_at=resets_at,
        retry_after_s=max(1.0, (resets_at - now).total_seconds()),
    )
    if used > limit.requests:
        window = "a minute" if limit.window_s == 60 else f"{limit.window_s // 60} minutes"
        raise TooManyRequests(f"Only {limit.requests} such requests are allowed in {window}.", allowance)
    return allowance
