"""What sentences mean to the offline engine."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chat.offline import AskFree, Help, ReadCalendar, ReadMail, Schedule, Unclear, next_step, understand
from services.chat.offline_days import NotClear, take_day

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=BERLIN)
"""A Friday."""


def at(month: int, day: int, hour: int, minute: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("Show me my unread emails from today", ReadMail("2026-11-20", True)),
        ("any mail from Sarah?", ReadMail(sender="Sarah")),
        ("Any new mail from Sarah Chen about the budget?", ReadMail(unread=True, sender="Sarah Chen")),
        ("emails from yesterday", ReadMail("2026-11-19")),
        ("mails from last Monday", ReadMail("2026-11-16")),
        ("mails from Friday", ReadMail("2026-11-20")),
        ("mails of December 24", ReadMail("2025-12-24")),
        ("unread mail from sat.jones@example.com?", ReadMail(unread=True, sender="sat.jones@example.com")),
        ("Did Sarah write to me yesterday?", ReadMail("2026-11-19", sender="Sarah")),
        ("Which emails did Bob send me?", ReadMail(sender="Bob")),
        ("is there anything unread in my inbox", ReadMail(unread=True)),
        ("What is on my calendar tomorrow?", ReadCalendar("2026-11-21")),
        ("what's on my calendar today", ReadCalendar("2026-11-20")),
        ("what\u2019s on my calendar next Tuesday", ReadCalendar("2026-11-24")),
        ("what's on my calendar on 2026-12-01", ReadCalendar("2026-12-01")),
        ("what do I have on December 3rd", ReadCalendar("2026-12-03")),
        ("my agenda for the day after tomorrow", ReadCalendar("2026-11-22")),
        ("show my schedule for tomorrow", ReadCalendar("2026-11-21")),
        ("What meetings do I have on 3 January?", ReadCalendar("2027-01-03")),
        ("am I free tomorrow at 3pm", AskFree(at(11, 21, 15), at(11, 21, 15, 30))),
        ("am I free between 2 and 4pm on Friday", AskFree(at(11, 20, 14), at(11, 20, 16))),
        ("am I free on Monday from 11 to 1pm?", AskFree(at(11, 23, 11), at(11, 23, 13))),
        ("am I free tomorrow", AskFree(at(11, 21, 0), at(11, 22, 0))),
        ("am I free tomorrow afternoon", AskFree(at(11, 21, 12), at(11, 21, 18))),
        ("am I free tomorrow after 15:00", AskFree(at(11, 21, 15), at(11, 22, 0))),
        ("help", Help()),
        ("Hello!", Help()),
        ("what can you do?", Help()),
        ("", Help()),
    ],
)
def test_looking_things_up(text: str, intent: object) -> None:
    assert understand(text, NOW) == intent


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        (
            "Schedule a meeting with Sarah tomorrow at 2pm",
            Schedule("Meeting with Sarah", at(11, 21, 14), 30, ("Sarah",)),
        ),
        (
            "book 45 minutes with sarah.chen@example.com and Bob next Tuesday at 10:30",
            Schedule(
                "Meeting with sarah.chen@example.com and Bob",
                at(11, 24, 10, 30),
                45,
                ("sarah.chen@example.com", "Bob"),
            ),
        ),
        (
            'Schedule "Chaos 17" with Sarah on 2026-11-22 at 14:30',
            Schedule("Chaos 17", at(11, 22, 14, 30), 30, ("Sarah",)),
        ),
        (
            "Schedule \u201cCall mum at 3pm\u201d with Sarah on 2026-11-22T14:30",
            Schedule("Call mum at 3pm", at(11, 22, 14, 30), 30, ("Sarah",)),
        ),
        (
            # On this Friday it is noon already.
            "set up a call with Tom on Friday 10-11",
            Schedule("Call with Tom", at(11, 27, 10), 60, ("Tom",)),
        ),
        (
            "set up a call with Tom on Friday 14\u201315:30",
            Schedule("Call with Tom", at(11, 20, 14), 90, ("Tom",)),
        ),
        (
            "Can you please schedule a 1 hour lunch with Bob, Ann Lee and x@y.de on 24 November at noon?",
            Schedule("Lunch with Bob, Ann Lee and x@y.de", at(11, 24, 12), 60, ("Bob", "Ann Lee", "x@y.de")),
        ),
        (
            "meeting with sarah tomorrow at 9:15 for half an hour about the budget",
            Schedule("Meeting with Sarah: budget", at(11, 21, 9, 15), 30, ("sarah",)),
        ),
        ("Schedule a meeting with Sarah at 2pm", Schedule("Meeting with Sarah", at(11, 20, 14), 30, ("Sarah",))),
        ("book a dentist appointment on Monday at 8", Schedule("Dentist appointment", at(11, 23, 8), 30)),
        ("invite bob@example.com to lunch tomorrow at 1?", None),
        (
            "create an event called Team offsite on Dec 1 at 9am for 2 hours",
            Schedule("Team offsite", at(12, 1, 9), 120),
        ),
        (
            "Schedule a meeting tomorrow at 2 p.m. with Sarah.",
            Schedule("Meeting with Sarah", at(11, 21, 14), 30, ("Sarah",)),
        ),
    ],
)
def test_scheduling(text: str, intent: Schedule | None) -> None:
    expected = intent or Schedule("Meeting with bob@example.com", at(11, 21, 13), 30, ("bob@example.com",))

    assert understand(text, NOW) == expected


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Schedule a meeting with Sarah tomorrow", "At what time on Saturday 21 November 2026"),
        ("Schedule a meeting with Sarah", "When should"),
        ("Schedule a meeting with Sarah yesterday at 2pm", "in the past"),
        ("Schedule a meeting with Sarah today at 9", "in the past"),
        ("Schedule a meeting with Sarah on 2026-02-30 at 10", "no such day"),
        ("Schedule a meeting with Sarah on 2027-03-28 at 02:30", "the clocks move on"),
        ("Schedule a meeting with Sarah tomorrow at 25:00", "not a time of day"),
        ("Schedule a meeting with Sarah tomorrow at 2pm or 3pm", "more than one time"),
        ("Schedule 3000 minutes with Sarah tomorrow at 2pm", "How long"),
        ("what's on my calendar this week", "one day at a time"),
        ("am I free on 9999-12-31", "too far away"),
        ("cancel my meeting tomorrow", "cannot do that"),
        ("Send an email to Bob", "cannot do that"),
        ("what is the weather", "did not understand"),
    ],
)
def test_what_is_not_clear_is_asked(text: str, asked: str) -> None:
    intent = understand(text, NOW)

    assert isinstance(intent, Unclear)
    assert asked in intent.question


def test_a_day_of_25_hours_is_looked_at_whole() -> None:
    intent = understand("am I free on 2026-10-25", at(10, 20, 9))

    assert isinstance(intent, AskFree)
    assert (intent.end.astimezone(UTC) - intent.start.astimezone(UTC)).total_seconds() == 25 * 3600


@given(st.dates(date(2000, 1, 3), date(2100, 1, 1)))
def test_a_weekday_is_ahead_within_a_week_and_the_next_one_in_the_next_week(today: date) -> None:
    coming, _ = take_day("on Wednesday", today)
    following, _ = take_day("next Wednesday", today)

    assert coming is not None
    assert following is not None
    assert 0 <= (coming - today).days < 7
    assert coming.weekday() == following.weekday() == 2
    assert following.isocalendar()[:2] != today.isocalendar()[:2]
    assert 1 <= (following - today).days <= 13


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.dates(date(1972, 1, 1), date(2198, 1, 1)))
def test_iso_dates_mean_themselves(today: date, on: date) -> None:
    assert take_day(f"on {on.isoformat()}", today)[0] == on


WORDS = (
    "schedule book a meeting with Sarah and bob@example.com on next tuesday last friday 2026-02-30 2026-11-22T14:30 "
    "31 feb 29 december at 2pm 25:99 00:00 13pm 10-11 between from to until noon midnight for 45 minutes hours 1.5 "
    "mail from unread calendar free what's in 999 weeks 0 9999-12-31 0001-01-01 | \ue000 @ ' \" ? \u017fun 9am-"
)
PIECES = st.sampled_from(WORDS.split())


@given(st.text() | st.lists(PIECES, max_size=20).map(" ".join))
def test_no_text_breaks_it(text: str) -> None:
    intent = understand(text, NOW)

    assert next_step(intent, ())
    if isinstance(intent, Schedule):
        assert intent.start.astimezone(UTC) > NOW.astimezone(UTC)
        assert 5 <= intent.duration_minutes <= 1440
        assert 0 < len(intent.title) <= 200
        assert intent.title.isprintable()
        assert all(guest.isprintable() for guest in intent.guests)


def test_a_hostile_text_costs_little() -> None:
    import time

    started = time.perf_counter()
    for piece in ("please ", "a" * 3, "with ", "2 ", "1:", "a@", "a.", "'", " and ", "in "):
        understand("schedule " + piece * 2000, NOW)
        understand(piece * 2000 + " mail", NOW)

    assert time.perf_counter() - started < 3


def test_not_clear_carries_its_question() -> None:
    with pytest.raises(NotClear) as raised:
        take_day("2026-13-01", NOW.date())
    assert raised.value.question.endswith("?")
