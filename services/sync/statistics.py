"""Figures of a day, a week or a month, counted from the copy at the moment of asking.

- commits, pull_requests: items of that kind whose moment lies in the period.
- meetings: events and meetings of at most twelve hours with at least one other person; meeting_hours: the time they
  cover, overlaps once.
- focus_hours: working time (Monday to Friday, 9 to 17 in the user's zone) that no event covers, in pieces of at least
  an hour.
- collaboration_score: 10 for a meeting, 5 for a pull request or issue, 2 for a message, at most 100 a day; of longer
  periods the mean over the days that had any activity.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
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


@dataclass(frozen=True, slots=True)
class Happened:
    """What the statistics need of an activity; moments in the user's zone."""

    provider: str
    kind: Kind
    at: datetime
    ends_at: datetime | None = None
    people: int = 0


@dataclass(slots=True)
class _Day:
    by_source: Counter[str] = field(default_factory=Counter)
    kinds: Counter[Kind] = field(default_factory=Counter)
    busy: list[Interval] = field(default_factory=list)
    meetings: list[Interval] = field(default_factory=list)


async def summary(tx: Transaction, query: GetActivitySummary, zone: ZoneInfo) -> ActivitySummary:
    """Raises PeriodTooLong."""
    if not timedelta(0) <= query.end - query.start <= timedelta(days=MAX_DAYS):
        raise PeriodTooLong("The summary spans too many days, or ends before it starts.")
    begins = datetime.combine(query.start, time(), zone)
    ends = datetime.combine(query.end + timedelta(days=1), time(), zone)
    rows = await tx.fetch(
        """select provider, kind, at, ends_at, people from activities
           where user_id = $1 and at >= $2 and at < $3
             and provider not in (select l.provider from leftovers l)""",
        tx.require_scope().user_id,
        begins,
        ends,
    )
    happened = [
        Happened(
            row["provider"],
            Kind(row["kind"]),
            row["at"].astimezone(zone),
            row["ends_at"].astimezone(zone) if row["ends_at"] else None,
            row["people"],
        )
        for row in rows
    ]
    return ActivitySummary(periods=figures(happened, query.start, query.end, query.period, zone))


def figures(
    happened: Iterable[Happened], start: date, end: date, period: Period, zone: ZoneInfo
) -> tuple[ActivityFigures, ...]:
    """Every period from `start` to `end`, also those in which nothing happened."""
    days = {start + timedelta(days=n): _Day() for n in range((end - start).days + 1)}
    for each in happened:
        if day := days.get(each.at.date()):
            _count(day, each)
    periods: dict[date, list[tuple[date, _Day]]] = {}
    for moment, day in days.items():
        periods.setdefault(_begin_of(moment, period), []).append((moment, day))
    return tuple(_figures(begins, members, zone) for begins, members in periods.items())


def _count(day: _Day, each: Happened) -> None:
    day.by_source[each.provider] += 1
    day.kinds[each.kind] += 1
    if each.kind in (Kind.EVENT, Kind.MEETING) and each.ends_at and each.ends_at - each.at <= LONGEST_MEETING:
        day.busy.append((each.at, each.ends_at))
        if each.people or each.kind is Kind.MEETING:
            day.meetings.append((each.at, each.ends_at))


def _figures(begins: date, members: list[tuple[date, _Day]], zone: ZoneInfo) -> ActivityFigures:
    days = [day for _, day in members]
    scores = [_score(day) for day in days if day.by_source]
    return ActivityFigures(
        begins=begins,
        by_source=dict(sum((day.by_source for day in days), Counter[str]())),
        commits=sum(day.kinds[Kind.COMMIT] for day in days),
        pull_requests=sum(day.kinds[Kind.PULL_REQUEST] for day in days),
        meetings=sum(len(day.meetings) for day in days),
        meeting_hours=_hours(sum((_covered(day.meetings) for day in days), timedelta())),
        focus_hours=_hours(sum((_focus(moment, day, zone) for moment, day in members), timedelta())),
        collaboration_score=round(sum(scores) / len(scores)) if scores else 0,
    )


def _score(day: _Day) -> int:
    points = 10 * len(day.meetings) + sum(points * day.kinds[kind] for kind, points in _POINTS.items())
    return min(100, points)


def _focus(moment: date, day: _Day, zone: ZoneInfo) -> timedelta:
    if moment.weekday() > 4:
        return timedelta()
    begins, ends = (datetime.combine(moment, at, zone) for at in (WORK_BEGINS, WORK_ENDS))
    total, free_from = timedelta(), begins
    for busy_from, busy_until in [*sorted(day.busy), (ends, ends)]:
        gap = min(busy_from, ends) - free_from
        if gap >= SHORTEST_FOCUS:
            total += gap
        free_from = max(free_from, busy_until)
    return total


def _covered(intervals: list[Interval]) -> timedelta:
    total, until = timedelta(), None
    for begins, ends in sorted(intervals):
        if until is None or ends > until:
            total += ends - (begins if until is None else max(begins, until))
            until = ends
    return total


def _begin_of(day: date, period: Period) -> date:
    if period == "weekly":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period == "monthly" else day


def _hours(duration: timedelta) -> float:
    return round(duration / timedelta(hours=1), 2)
