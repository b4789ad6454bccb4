"""What the figures of a day, a week and a month count, and how."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from libs.providers.source import Kind
from services.sync.statistics import Happened, figures

ZONE = ZoneInfo("Europe/Berlin")
MONDAY = date(2026, 11, 23)


def at(hour: float, day: date = MONDAY) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZONE) + timedelta(hours=hour)


def meeting(begins: float, ends: float, people: int = 1) -> Happened:
    return Happened("calendar", Kind.EVENT, at(begins), at(ends), people)


def test_an_empty_working_day_is_eight_hours_of_focus_and_a_weekend_none() -> None:
    days = figures([], MONDAY, MONDAY + timedelta(days=6), "daily", ZONE)
    assert [day.focus_hours for day in days] == [8.0] * 5 + [0.0] * 2


def test_overlapping_meetings_count_twice_and_their_time_once() -> None:
    (day,) = figures([meeting(10, 11), meeting(10.5, 12)], MONDAY, MONDAY, "daily", ZONE)
    assert (day.meetings, day.meeting_hours) == (2, 2.0)
    assert day.focus_hours == 6.0, "9 to 10 and 12 to 17"


def test_a_gap_under_an_hour_is_no_focus() -> None:
    (day,) = figures([meeting(9.5, 12), meeting(12.5, 16.5)], MONDAY, MONDAY, "daily", ZONE)
    assert day.focus_hours == 0.0


def test_an_event_alone_takes_time_and_is_no_meeting_and_a_whole_day_is_neither() -> None:
    alone, trip = meeting(9, 11, people=0), Happened("calendar", Kind.EVENT, at(0), at(24), 5)
    (day,) = figures([alone, trip], MONDAY, MONDAY, "daily", ZONE)
    assert (day.meetings, day.meeting_hours, day.focus_hours) == (0, 0.0, 6.0)


def test_the_score_is_capped_and_averaged_over_days_with_activity() -> None:
    many = [Happened("github", Kind.PULL_REQUEST, at(10)) for _ in range(30)]
    one = Happened("slack", Kind.MESSAGE, at(10, MONDAY + timedelta(days=1)))
    (week,) = figures([*many, one], MONDAY, MONDAY + timedelta(days=6), "weekly", ZONE)
    assert week.collaboration_score == round((100 + 2) / 2)
    assert (week.pull_requests, week.by_source) == (30, {"github": 30, "slack": 1})


WEEKS, MONTHS = [date(2026, 11, 23), date(2026, 11, 30)], [date(2026, 11, 1), date(2026, 12, 1)]


@pytest.mark.parametrize(("period", "begins"), [("weekly", WEEKS), ("monthly", MONTHS)])
def test_periods_begin_on_mondays_and_on_the_first(period: str, begins: list[date]) -> None:
    found = figures([], MONDAY, date(2026, 12, 2), period, ZONE)  # type: ignore[arg-type]
    assert [each.begins for each in found] == begins
