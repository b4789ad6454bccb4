"""How much each tier may ask for, and how an operator changes that for a season: decisions of values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, Field

from contracts.models import Tier
from services.chat.errors import QuotaReached

LONGEST_WAIT_S = 5.0
"""A request over the rate waits its turn for so long, then it is refused: a queue with a bound."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What one user may ask models for."""

    requests_per_minute: int
    burst: int
    """So many at once before the rate counts."""
    tokens_per_hour: int
    requests_per_day: int
    longest_wait_s: float = LONGEST_WAIT_S

    def times(self, factor: float) -> "Quota":
        """More or less of everything, at least one."""
        return replace(
            self,
            requests_per_minute=max(1, round(self.requests_per_minute * factor)),
            burst=max(1, round(self.burst * factor)),
            tokens_per_hour=max(1, round(self.tokens_per_hour * factor)),
            requests_per_day=max(1, round(self.requests_per_day * factor)),
        )

    def reached(self, which: str, wait_s: float) -> QuotaReached:
        """The refusal, with what was used up."""
        what = {
            "minute": f"{self.requests_per_minute} requests a minute",
            "hour": f"{self.tokens_per_hour:,} tokens an hour",
            "day": f"{self.requests_per_day:,} requests a day",
        }[which]
        return QuotaReached(f"Your plan allows {what}.", retry_after_s=max(1.0, wait_s))


QUOTAS: Mapping[Tier, Quota] = MappingProxyType(
    {
        "FREE": Quota(requests_per_minute=5, burst=5, tokens_per_hour=50_000, requests_per_day=10),
        "STARTER": Quota(requests_per_minute=20, burst=10, tokens_per_hour=500_000, requests_per_day=100),
        "PROFESSIONAL": Quota(requests_per_minute=120, burst=60, tokens_per_hour=5_000_000, requests_per_day=5_000),
        "ENTERPRISE": Quota(
            requests_per_minute=60_000, burst=2_000, tokens_per_hour=1_000_000_000, requests_per_day=10_000_000
        ),
    }
)


class Season(BaseModel):
    """Days (UTC, both included) on which quotas are multiplied."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: date
    end: date
    factor: float = Field(gt=0, le=1000)
    tiers: tuple[Tier, ...] = ()
    """Empty: all."""


def quota_of(tier: Tier, today: date, seasons: Sequence[Season], factor: float = 1.0) -> Quota:
    """The tier's, times every season that today belongs to, times an operator's exception."""
    quota = QUOTAS[tier] if factor == 1.0 else QUOTAS[tier].times(factor)
    for season in seasons:
        if season.start <= today <= season.end and (not season.tiers or tier in season.tiers):
            quota = quota.times(season.factor)
    return quota
