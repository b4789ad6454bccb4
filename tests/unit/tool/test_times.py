"""What people write becomes the moment they mean, in their zone, also when the clocks change."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.tool import times
from services.tool.errors import TimeNotUnderstood

BERLIN = ZoneInfo("Europe/Berlin")
FRIDAY_MORNING = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ZONES = st.sampled_from(
    [
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kolkata",
        "Pacific/Chatham",
        "America/Santiago",
        "UTC",
        "Australia/Lord_Howe",
        "Africa/Cairo",
        "Asia/Beirut",
        "America/Havana",
    ]
).map(ZoneInfo)
FIRST, LAST = date(1971, 1, 2), date(2199, 12, 30)
WALL_CLOCK_TIMES = st.builds(datetime.combine, st.dates(FIRST, LAST), st.times())


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-11-24T14:00:00Z", "2026-11-24T15:00+01:00"),
        ("2026-11-24T14:00:00-05:00", "2026-11-24T20:00+01:00"),
        ("2026-11-24T14:00", "2026-11-24T14:00+01:00"),
        ("2026-11-24 at 2pm", "2026-11-24T14:00+01:00"),
        ("tomorrow at 2pm", "2026-11-21T14:00+01:00"),
        ("tuesday at 10", "2026-11-24T10:00+01:00"),
        ("next friday at 3pm", "2026-11-27T15:00+01:00"),
        ("Tuesday, November 24 at 2:30pm", "2026-11-24T14:30+01:00"),
        ("noon tomorrow", "2026-11-21T12:00+01:00"),
        ("12am tomorrow", "2026-11-21T00:00+01:00"),
        ("in 2 hours", "2026-11-20T12:00+01:00"),
        ("5pm", "2026-11-20T17:00+01:00"),
        ("9am", "2026-11-21T09:00+01:00"),
        ("morgen um 14 Uhr", "2026-11-21T14:00+01:00"),
        ("demain à 14h", "2026-11-21T14:00+01:00"),
        ("24.11. um 14:30 Uhr", "2026-11-24T14:30+01:00"),
    ],
)
def test_words_and_formats_mean_what_a_person_means(text: str, meant: str) -> None:
    assert times.moment(text, BERLIN, FRIDAY_MORNING).at == datetime.fromisoformat(meant)


@pytest.mark.parametrize(
    "text",
    ["tomorrow", "2026-11-24", "next week", "tomorrow 2-3pm", "13pm tomorrow", "soon", "", "x" * 500, "10 10 10"],
)
def test_what_does_not_say_a_time_is_asked_for_instead_of_guessed(text: str) -> None:
    with pytest.raises(TimeNotUnderstood, match="start"):
        times.moment(text, BERLIN, FRIDAY_MORNING)


def test_an_hour_that_could_be_either_half_of_the_day_is_said() -> None:
    found = times.moment("tomorrow at 2", BERLIN, FRIDAY_MORNING)

    assert found.at == datetime.fromisoformat("2026-11-21T14:00+01:00")
    assert found.note == "2:00 without am or pm is taken as 14:00."


def test_a_time_that_the_clocks_skip_is_moved_and_said() -> None:
    found = times.moment("2026-03-29T02:30", BERLIN, FRIDAY_MORNING)

    assert found.at.isoformat() == "2026-03-29T03:30:00+02:00"
    assert found.note == "The clocks skip 02:30 that day; taken as 03:30."


def test_a_time_that_the_clocks_show_twice_is_the_first_and_said() -> None:
    found = times.moment("2026-10-25T02:30", BERLIN, FRIDAY_MORNING)

    assert found.at.isoformat() == "2026-10-25T02:30:00+02:00"
    assert found.note is not None
    assert "twice" in found.note


def test_the_day_the_clocks_change_has_23_or_25_hours() -> None:
    spring = times.day_bounds(date(2026, 3, 29), BERLIN)
    autumn = times.day_bounds(date(2026, 10, 25), BERLIN)

    assert spring[1].astimezone(UTC) - spring[0].astimezone(UTC) == timedelta(hours=23)
    assert autumn[1].astimezone(UTC) - autumn[0].astimezone(UTC) == timedelta(hours=25)


@given(wall=WALL_CLOCK_TIMES, tz=ZONES)
def test_every_wall_clock_time_of_every_zone_is_a_real_moment(wall: datetime, tz: ZoneInfo) -> None:
    found = times.local(wall, tz)

    shown = found.at.astimezone(UTC).astimezone(tz).replace(tzinfo=None, fold=0)
    assert (shown == wall) or found.note is not None
    assert abs(shown - wall) <= timedelta(hours=1)


@given(wall=WALL_CLOCK_TIMES, tz=ZONES)
def test_rfc3339_survives_the_way_there_and_back(wall: datetime, tz: ZoneInfo) -> None:
    at = wall.replace(tzinfo=UTC)

    # In the hour that comes twice, Python calls no local time equal to any of another zone (PEP 495).
    assert times.moment(at.astimezone(tz).isoformat(), tz, FRIDAY_MORNING).at.timestamp() == at.timestamp()


@given(on=st.dates(FIRST, LAST), tz=ZONES)
def test_days_follow_each_other_without_gap_and_overlap(on: date, tz: ZoneInfo) -> None:
    start, end = times.day_bounds(on, tz)

    assert end == times.day_bounds(on + timedelta(days=1), tz)[0]
    assert timedelta(hours=20) < end.astimezone(UTC) - start.astimezone(UTC) < timedelta(hours=28)


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=90), tz=ZONES)
def test_any_text_is_a_moment_or_a_clear_refusal(text: str, tz: ZoneInfo) -> None:
    for read in (times.moment, times.day):
        with suppress(TimeNotUnderstood):
            read(text, tz, FRIDAY_MORNING)


@pytest.mark.parametrize("name", ["Berlin", "", "../../etc/passwd", "Europe/Nowhere", "\0"])
def test_a_timezone_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(TimeNotUnderstood, match="IANA"):
        times.zone(name)
