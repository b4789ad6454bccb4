"""Free times are those that a slow, obvious reference finds by asking minute after minute, whatever the clocks do."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.tool.delegation.availability import Span, Taken, free_starts, local_day, slot_range
from services.tool.delegation.constraints import Constraints, Opening

MINUTE = timedelta(minutes=1)
BERLIN = ZoneInfo("Europe/Berlin")
ALWAYS = tuple(Opening(weekday, 0, 1440) for weekday in range(7))
CHANGES = (
    ("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 10, 25, 1, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 3, 8, 7, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),  # half an hour
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
    ("America/Havana", datetime(2026, 3, 8, 5, tzinfo=UTC)),  # midnight is skipped
    ("America/Havana", datetime(2026, 11, 1, 5, tzinfo=UTC)),  # midnight comes twice
    ("Pacific/Chatham", datetime(2026, 9, 26, 14, tzinfo=UTC)),
    ("Asia/Kolkata", datetime(2026, 6, 1, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),  # a whole day is skipped
    ("America/St_Johns", datetime(2010, 11, 7, 2, 31, tzinfo=UTC)),  # a minute past midnight it is yesterday again
)


def obvious(
    taken: Taken, constraints: Constraints, zone: ZoneInfo, window: Span, minutes: int, now: datetime
) -> list[datetime]:
    """Every minute is asked whether it may begin an appointment; every minute of that whether it is open and free."""
    days = Counter(start.astimezone(zone).date() for start in taken.booked)
    found, at = [], window.start.replace(second=0, microsecond=0)
    while at < window.end:
        if at >= window.start and _may_begin(at, days, taken, constraints, zone, minutes, now):
            found.append(at)
        at += MINUTE
    return found


def _may_begin(
    at: datetime,
    days: Counter[date],
    taken: Taken,
    constraints: Constraints,
    zone: ZoneInfo,
    minutes: int,
    now: datetime,
) -> bool:
    here = at.astimezone(zone)
    if at < now + constraints.notice_minutes * MINUTE:
        return False
    if here.date() > now.astimezone(zone).date() + timedelta(days=constraints.days_ahead):
        return False
    if constraints.max_per_day is not None and days[here.date()] >= constraints.max_per_day:
        return False
    opening = _opening(at, constraints, zone)
    if opening is None or (here.hour * 60 + here.minute - opening.start) % constraints.step_minutes:
        return False
    if not all(_opening(at + n * MINUTE, constraints, zone) for n in range(minutes)):
        return False
    wanted = slot_range(at, minutes, constraints)
    return not any(busy.start < wanted.end and wanted.start < busy.end for busy in taken.busy if busy.start < busy.end)


def _opening(at: datetime, constraints: Constraints, zone: ZoneInfo) -> Opening | None:
    here = at.astimezone(zone)
    minute = here.hour * 60 + here.minute
    matching = (o for o in constraints.openings if o.weekday == here.weekday() and o.start <= minute < o.end)
    return next(matching, None)


@st.composite
def openings(draw: st.DrawFn) -> tuple[Opening, ...]:
    """Up to three openings a day that do not overlap, some of them touching midnight."""
    found = []
    for weekday in draw(st.sets(st.integers(0, 6), min_size=1)):
        edge = st.one_of(st.integers(0, 288).map(lambda n: n * 5), st.sampled_from([0, 90, 120, 150, 180, 1440]))
        edges = sorted(draw(st.sets(edge, min_size=2, max_size=6)))
        found += [Opening(weekday, *edges[i : i + 2]) for i in range(0, len(edges) - 1, 2)]
    return tuple(found)


constraints = st.builds(
    Constraints,
    openings=st.one_of(st.just(ALWAYS), openings()),
    step_minutes=st.sampled_from([5, 15, 20, 30, 45, 60, 90]),
    buffer_before_minutes=st.sampled_from([0, 5, 15, 60]),
    buffer_after_minutes=st.sampled_from([0, 10, 30]),
    notice_minutes=st.sampled_from([0, 30, 600]),
    days_ahead=st.integers(0, 4),
    max_per_day=st.sampled_from([None, 1, 2]),
)


@st.composite
def situations(draw: st.DrawFn) -> tuple[Taken, Constraints, ZoneInfo, Span, int, datetime]:
    """Around a change of the clocks."""
    name, change = draw(st.sampled_from(CHANGES))
    moment = st.integers(-2200, 2200).map(lambda n: change + n * MINUTE)
    start = draw(st.integers(-1500, 0).map(lambda n: change + n * MINUTE))
    window = Span(start, start + draw(st.integers(1, 2400)) * MINUTE)
    lengths = st.integers(0, 500)
    busy = [Span(begin, begin + length * MINUTE) for begin, length in draw(st.lists(st.tuples(moment, lengths)))]
    booked = draw(st.lists(moment, max_size=6))
    now = window.start - draw(st.sampled_from([0, 1, 47, 1440])) * MINUTE
    minutes = draw(st.sampled_from([5, 15, 25, 30, 60, 180, 480]))
    return Taken(busy, booked), draw(constraints), ZoneInfo(name), window, minutes, now


@settings(deadline=None, max_examples=300)
@given(situations())
def test_what_is_free_is_what_the_obvious_reference_finds(
    situation: tuple[Taken, Constraints, ZoneInfo, Span, int, datetime],
) -> None:
    assert free_starts(*situation) == obvious(*situation)


@settings(deadline=None)
@given(situations())
def test_no_slot_touches_anything_taken_and_all_are_open_to_their_end(
    situation: tuple[Taken, Constraints, ZoneInfo, Span, int, datetime],
) -> None:
    taken, rules, zone, window, minutes, now = situation
    for start in free_starts(*situation):
        wanted = slot_range(start, minutes, rules)
        assert window.start <= start < window.end
        assert start >= now + rules.notice_minutes * MINUTE
        assert not any(b.start < wanted.end and wanted.start < b.end for b in taken.busy if b.start < b.end)
        assert _opening(start, rules, zone)
        assert _opening(start + (minutes - 1) * MINUTE, rules, zone)


def _starts(zone: str, day: str, opening: tuple[int, int], minutes: int = 60) -> list[str]:
    on = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    rules = Constraints(
        openings=(Opening(on.weekday(), *opening),), step_minutes=60, notice_minutes=0, durations=(minutes,)
    )
    window = Span(on.astimezone(UTC) - 6 * 60 * MINUTE, on.astimezone(UTC) + 40 * 60 * MINUTE)
    found = free_starts(Taken(), rules, ZoneInfo(zone), window, minutes, window.start)
    return [start.astimezone(ZoneInfo(zone)).isoformat(timespec="minutes")[11:] for start in found]


def test_an_hour_that_the_clock_skips_cannot_be_booked() -> None:
    assert _starts("Europe/Berlin", "2026-03-29", (60, 300)) == ["01:00+01:00", "03:00+02:00", "04:00+02:00"]


def test_an_hour_that_the_clock_shows_twice_can_be_booked_twice() -> None:
    assert _starts("Europe/Berlin", "2026-10-25", (60, 240)) == [
        "01:00+02:00",
        "02:00+02:00",
        "02:00+01:00",
        "03:00+01:00",
    ]


def test_an_appointment_of_an_hour_lasts_an_hour_when_the_clock_moves_on_in_it() -> None:
    assert _starts("Europe/Berlin", "2026-03-29", (60, 180), 90) == []  # one hour of the two exists
    assert _starts("Europe/Berlin", "2026-10-25", (60, 180), 180) == ["01:00+02:00"]  # three hours of the two


def test_openings_on_both_sides_of_midnight_are_one() -> None:
    rules = Constraints(openings=(Opening(0, 1380, 1440), Opening(1, 0, 60)), step_minutes=30, notice_minutes=0)
    monday = datetime(2026, 11, 23, tzinfo=UTC)
    found = free_starts(Taken(), rules, ZoneInfo("UTC"), Span(monday, monday + timedelta(days=2)), 60, monday)

    assert [f"{start:%H:%M}" for start in found] == ["23:00", "23:30", "00:00"]


def test_the_furthest_day_is_a_day_of_the_owners_calendar() -> None:
    now = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)  # already Tuesday in Berlin
    rules = Constraints(openings=ALWAYS, step_minutes=60, notice_minutes=0, days_ahead=0)
    found = free_starts(Taken(), rules, BERLIN, Span(now, now + timedelta(days=3)), 60, now)

    assert {start.astimezone(BERLIN).date() for start in found} == {date(2026, 11, 24)}


def test_a_full_day_of_the_owner_has_no_slot_left() -> None:
    monday = datetime(2026, 11, 23, tzinfo=UTC)
    late = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)  # Tuesday in Berlin
    rules = Constraints(openings=ALWAYS, max_per_day=1, notice_minutes=0, step_minutes=60)
    found = free_starts(Taken(booked=[late]), rules, BERLIN, Span(monday, monday + timedelta(days=3)), 30, monday)

    assert {start.astimezone(BERLIN).date().day for start in found} == {23, 25, 26}


@pytest.mark.parametrize(("zone", "change"), CHANGES)
def test_a_local_day_is_what_the_calendar_calls_so(zone: str, change: datetime) -> None:
    for hours in range(-30, 30, 3):
        moment = change + timedelta(hours=hours)
        day = local_day(moment, ZoneInfo(zone))
        on = moment.astimezone(ZoneInfo(zone)).date()

        assert day.start <= moment < day.end
        for edge in (day.start, day.end - timedelta(seconds=1)):
            assert edge.astimezone(ZoneInfo(zone)).date() == on
        for edge in (day.start - timedelta(minutes=2), day.end):
            assert edge.astimezone(ZoneInfo(zone)).date() != on


def test_guests_are_admitted_by_address_or_by_whole_domain() -> None:
    rules = Constraints(allowed_guests=("ada@example.com", "Example.org", "@example.net"))

    assert Constraints().admits("anyone@anywhere.example")
    for admitted in ("Ada@Example.com", "bob@example.org", "eve@EXAMPLE.net"):
        assert rules.admits(admitted)
    for refused in ("bob@example.com", "bob@notexample.org", "bob@sub.example.org", "example.org@evil.example"):
        assert not rules.admits(refused)


@pytest.mark.parametrize(
    "wrong",
    [
        {"openings": ()},
        {"openings": (Opening(0, 600, 600),)},
        {"openings": (Opening(0, 540, 720), Opening(0, 700, 800))},
        {"openings": (Opening(7, 0, 60),)},
        {"openings": (Opening(0, 0, 1441),)},
        {"durations": ()},
        {"durations": (4,)},
        {"step_minutes": 0},
        {"buffer_after_minutes": -1},
        {"days_ahead": 366},
        {"max_per_day": 0},
    ],
    ids=str,
)
def test_rules_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=":"):
        Constraints(**wrong)  # type: ignore[arg-type]
