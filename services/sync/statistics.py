"""Figures of a day, a week or a month, counted from the copy at the moment of asking.

- commits, pull_requests: items of that kind whose moment lies in the period.
- meetings: events and meetings of at most twelve hours with at least one other person; meeting_hours: the time they
  cover, overlaps once.
- focus_hours: working time (Monday to Friday, 9 to 17 in the user's zone) that no event covers, in pieces of at least
  an hour; what is yet to come is not counted.
- collaboration_score: 10 for a meeting, 5 for a pull request or issue, 2 for a message, at most 100 a day; of longer
  periods the mean over the days that had any activity.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from contracts.activities import ActivityFigures, ActivitySummary, GetActivitySummary
from libs.db import Transaction
from libs.providers.source import Kind
from services.sync.errors import PeriodTooLong

MAX_DAYS = 366
LONGEST_MEETING = timedelta(hours=12)
WORK_BEGINS, WORK_ENDS = time(9), time(17)
SHORTEST_FOCUS = timedelta(hours=1)
_POINTS = {Kind.PULL_REQUEST: 5, Kind.ISSUE: 5, Kind.MESSAGE: 2}
Period = Literal["daily", "weekly", "monthly"]
Interval = tuple[datetime, datetime]


@dataclass(slots=True)
class Day:
    """What one day held."""

    by_source: Counter[str] = field(default_factory=Counter)
    kinds: Counter[Kind] = field(default_factory=Counter)
    meetings: int = 0
    met: timedelta = timedelta()
    """Time in meetings, overlaps once."""
    busy: list[Interval] = field(default_factory=list)
    """When an event covered it, in order and without overlaps."""


async def summary(tx: Transaction, query: GetActivitySummary, zone: ZoneInfo) -> ActivitySummary:
    """Raises PeriodTooLong."""
    if not timedelta(0) <= query.end - query.start <= timedelta(days=MAX_DAYS):
        raise PeriodTooLong("The summary spans too many days, or ends before it starts.")
    days = {query.start + timedelta(days=n): Day() for n in range((query.end - query.start).days + 1)}
    await _count(tx, days, zone)
    await _cover(tx, days, zone)
    return ActivitySummary(periods=figures(days, query.period, zone, datetime.now(UTC)))


def figures(days: Mapping[date, Day], period: Period, zone: ZoneInfo, now: datetime) -> tuple[ActivityFigures, ...]:
    """Every period of these days, also those in which nothing happened."""
    periods: dict[date, list[tuple[date, Day]]] = {}
    for moment, day in days.items():
        periods.setdefault(_begin_of(moment, period), []).append((moment, day))
    return tuple(_figures(begins, members, zone, now) for begins, members in periods.items())


async def _count(tx: Transaction, days: Mapping[date, Day], zone: ZoneInfo) -> None:
    """Added up by the database: a year may hold a hundred thousand mails."""
    rows = await tx.fetch(
        """select width_bucket(at, $2::timestamptz[]) as place, provider, kind, count(*) as items from activities
           where user_id = $1 and at >= $3 and at < $4 and provider not in (select l.provider from leftovers l)
           group by 1, 2, 3""",
        *_span(tx, days, zone),
    )
    in_order = list(days.values())
    for row in rows:
        day = in_order[row["place"] - 1]
        day.by_source[row["provider"]] += row["items"]
        day.kinds[Kind(row["kind"])] += row["items"]


async def _cover(tx: Transaction, days: Mapping[date, Day], zone: ZoneInfo) -> None:
    """Overlaps are joined by the database too: what comes back is as long as a day has gaps."""
    rows = await tx.fetch(
        """with events as (
               select width_bucket(at, $2::timestamptz[]) as place, tstzrange(at, ends_at) as span,
                      people > 0 or kind = 'meeting' as is_meeting
               from activities
               where user_id = $1 and at >= $3 and at < $4 and provider not in (select l.provider from leftovers l)
                 and kind in ('event', 'meeting') and ends_at >= at and ends_at - at <= $5)
           select place, count(*) filter (where is_meeting) as meetings, range_agg(span) as busy,
                  (select sum(upper(one) - lower(one)) from unnest(range_agg(span) filter (where is_meeting)) as one)
                      as met
           from events group by place""",
        *_span(tx, days, zone),
        LONGEST_MEETING,
    )
    in_order = list(days.values())
    for row in rows:
        day = in_order[row["place"] - 1]
        day.meetings, day.met = row["meetings"], row["met"] or timedelta()
        day.busy = [(one.lower, one.upper) for one in row["busy"]]


def _span(tx: Transaction, days: Mapping[date, Day], zone: ZoneInfo) -> tuple[str, list[datetime], datetime, datetime]:
    """User, the beginnings of the days, and the first moment of the first and after the last one."""
    begins = [datetime.combine(day, time(), zone) for day in days]
    ends = datetime.combine(max(days) + timedelta(days=1), time(), zone)
    return tx.require_scope().user_id, begins, begins[0], ends


def _figures(begins: date, members: list[tuple[date, Day]], zone: ZoneInfo, now: datetime) -> ActivityFigures:
    days = [day for _, day in members]
    scores = [_score(day) for day in days if day.by_source]
    return ActivityFigures(
        begins=begins,
        by_source=dict(sum((day.by_source for day in days), Counter[str]())),
        commits=sum(day.kinds[Kind.COMMIT] for day in days),
        pull_requests=sum(day.kinds[Kind.PULL_REQUEST] for day in days),
        meetings=sum(day.meetings for day in days),
        meeting_hours=_hours(sum((day.met for day in days), timedelta())),
        focus_hours=_hours(sum((_focus(moment, day, zone, now) for moment, day in members), timedelta())),
        collaboration_score=round(sum(scores) / len(scores)) if scores else 0,
    )


def _score(day: Day) -> int:
    points = 10 * day.meetings + sum(points * day.kinds[kind] for kind, points in _POINTS.items())
    return min(100, points)


def _focus(moment: date, day: Day, zone: ZoneInfo, now: datetime) -> timedelta:
    if moment.weekday() > 4:
        return timedelta()
    # In UTC: hours that a clock skips or repeats are no working time, but differences of local times ignore them.
    begins, ends = (datetime.combine(moment, at, zone).astimezone(UTC) for at in (WORK_BEGINS, WORK_ENDS))
    ends = min(ends, now)
    total, free_from = timedelta(), begins
    for busy_from, busy_until in [*day.busy, (ends, ends)]:
        gap = min(busy_from, ends) - free_from
        if gap >= SHORTEST_FOCUS:
            total += gap
        free_from = max(free_from, busy_until)
    return total


def _begin_of(day: date, period: Period) -> date:
    if period == "weekly":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period == "monthly" else day


def _hours(duration: timedelta) -> float:
    return round(duration / timedelta(hours=1), 2)
