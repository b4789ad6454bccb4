"""A service's count of the requests it made to other people's APIs: one row per user, provider and day (UTC)."""

from dataclasses import dataclass
from datetime import date

from libs.db.security import Operations, enable_row_security
from libs.db.transaction import Transaction

WARN_AT_PERCENT = (80, 100)


@dataclass(frozen=True, slots=True)
class ApiUsageDay:
    """What one provider was asked on one day."""

    provider: str
    day: date
    calls: int
    failures: int
    limited: int
    """Answered 429."""


def create_api_usage(op: Operations) -> None:
    """For a service's migration."""
    op.execute(
        """
        create table api_usage (
            organization_id text not null default current_setting('adjutant.organization_id'),
            user_id text not null default current_setting('adjutant.user_id'),
            provider text not null,
            day date not null,
            calls integer not null,
            failures integer not null,
            limited integer not null,
            constraint pk_api_usage primary key (organization_id, user_id, provider, day)
        )
        """
    )
    enable_row_security(op, "api_usage")


async def add_calls(
    tx: Transaction, provider: str, calls: int, failures: int, limited: int, *, daily_quota: int = 0
) -> int | None:
    """Add to today's row; returns the percentage of the quota (80 or 100) that these calls crossed, once a day each."""
    total: int = await tx.fetchval(
        """insert into api_usage as known (provider, day, calls, failures, limited)
           values ($1, (now() at time zone 'utc')::date, $2, $3, $4)
           on conflict (organization_id, user_id, provider, day) do update set
               calls = known.calls + excluded.calls, failures = known.failures + excluded.failures,
               limited = known.limited + excluded.limited
           returning calls""",
        provider,
        calls,
        failures,
        limited,
    )
    crossed = [percent for percent in WARN_AT_PERCENT if total - calls < daily_quota * percent / 100 <= total]
    return max(crossed, default=None) if daily_quota else None


async def usage_between(tx: Transaction, start: date, end: date) -> tuple[ApiUsageDay, ...]:
    """The user's rows of these days, both included."""
    rows = await tx.fetch(
        """select provider, day, calls, failures, limited from api_usage
           where user_id = $1 and day between $2 and $3 order by day, provider""",
        tx.require_scope().user_id,
        start,
        end,
    )
    return tuple(ApiUsageDay(**row) for row in rows)
