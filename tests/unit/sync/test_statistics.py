"""What the figures of a day, a week and a month count, and how."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from libs.providers.source import Kind
from services.sync.statistics import Day, figures

ZONE = ZoneInfo("Europe/Berlin")
MONDAY = date(2026, 11, 23)
LATER = datetime(2027, 1, 1, tzinfo=UTC)


def at(hour: float, day: date = MONDAY) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZONE) + timedelta(hours=hour)


def days(count: int, **first: object) -> dict[date, Day]:
    """Empty ones from Monday on, save the first."""
    made = {MONDAY + timedelta(days=n): Day() for n in range(count)}
    made[MONDAY] = Day(**first)  # type: ignore[arg-type]
    return made


def test_an_empty_working_day_is_eight_hours_of_focus_and_a_weekend_none() -> None:
    found = figures(days(7), "daily", ZONE, LATER)
    assert [day.focus_hours for day in found] == [8.0] * 5 + [0.0] * 2


def test_time_that_is_yet_to_come_is_no_focus() -> None:
    now = at(11, MONDAY + timedelta(days=1))
    found = figures(days(5), "daily", ZONE, now)
    assert [day.focus_hours for day in found] == [8.0, 2.0, 0.0, 0.0, 0.0]


def test_an_event_later_today_takes_nothing_from_the_focus_so_far() -> None:
    (day,) = figures(days(1, busy=[(at(10), at(11)), (at(15), at(16))]), "daily", ZONE, at(13))
    assert day.focus_hours == 3.0, "9 to 10 and 11 to 13"


def test_a_gap_under_an_hour_is_no_focus() -> None:
    (day,) = figures(days(1, busy=[(at(9.5), at(12)), (at(12.5), at(16.5))]), "daily", ZONE, LATER)
    assert day.focus_hours == 0.0


def test_the_score_is_capped_and_averaged_over_days_with_activity() -> None:
    week = days(7, by_source=Counter(github=30), kinds=Counter({Kind.PULL_REQUEST: 30}))
    week[MONDAY + timedelta(days=1)] = Day(by_source=Counter(slack=1), kinds=Counter({Kind.MESSAGE: 1}))
    (found,) = figures(week, "weekly", ZONE, LATER)
    assert found.collaboration_score == round((100 + 2) / 2)
    assert (found.pull_requests, found.by_source) == (30, {"github": 30, "slack": 1})


WEEKS, MONTHS = [date(2026, 11, 23), date(2026, 11, 30)], [date(2026, 11, 1), date(2026, 12, 1)]


@pytest.mark.parametrize(("period", "begins"), [("weekly", WEEKS), ("monthly", MONTHS)])
def test_periods_begin_on_mondays_and_on_the_first(period: str, begins: list[date]) -> None:
    found = figures(days(10), period, ZONE, LATER)  # type: ignore[arg-type]
    assert [each.begins for each in found] == begins
