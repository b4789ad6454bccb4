"""What sync copied, as its owner reads it: activities, and what they add up to."""

from datetime import date, datetime
from typing import ClassVar, Literal, Self

from contracts.envelope import Query, Reply, Service


class ActivityView(Reply):
    """One thing that happened or is planned, as its owner may see it. Titles and actors are outsiders' text."""

    provider: str
    external_id: str
    kind: str
    at: datetime
    ends_at: datetime | None = None
    title: str
    actor: str | None = None
    url: str | None = None


class ActivityPage(Reply):
    """Activities, newest first; `next_cursor` is absent on the last page."""

    activities: tuple[ActivityView, ...]
    next_cursor: str | None = None


class ActivityFigures(Reply):
    """What one period held. Every figure is counted from the copy; `services.sync.statistics` defines each."""

    begins: date
    by_source: dict[str, int]
    commits: int
    pull_requests: int
    meetings: int
    meeting_hours: float
    focus_hours: float
    collaboration_score: int


class ActivitySummary(Reply):
    """The periods from `start` to `end`, in order; days of the user's timezone."""

    periods: tuple[ActivityFigures, ...]


class ListActivities(Query[ActivityPage]):
    """What the copy holds, newest first."""

    subject: ClassVar[str] = "rpc.sync.list_activities.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = ActivityPage

    provider: str | None = None
    limit: int = 50
    cursor: str | None = None

    @classmethod
    def example(cls) -> Self:
        return cls(provider="github")


class GetActivitySummary(Query[ActivitySummary]):
    """Figures by day, week (from Monday) or month."""

    subject: ClassVar[str] = "rpc.sync.get_activity_summary.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = ActivitySummary

    start: date
    end: date
    """Inclusive; at most 366 days after `start`."""
    period: Literal["daily", "weekly", "monthly"] = "daily"
    timezone: str = "UTC"

    @classmethod
    def example(cls) -> Self:
        return cls(start=date(2026, 11, 23), end=date(2026, 11, 29))
