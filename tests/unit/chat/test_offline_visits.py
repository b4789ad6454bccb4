"""What an outsider is told without a model: free times of the day they ask about, and nothing is booked."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chat.offline_intents import AskFree, Unclear
from services.chat.offline_plan import Call, Outcome, Say
from services.chat.offline_visits import CANNOT_CHANGE, FAILED, asked_of, next_step

MONDAY = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
FREE = ["2026-11-24T09:00+00:00", "2026-11-24T14:00+00:00", "2026-11-24T17:30+00:00", "2026-11-26T10:00+00:00"]
TOOL = "delegation_check_availability"


def told(text: str, free: list[str] = FREE, **result: Any) -> str:
    asked = asked_of(text, MONDAY)
    assert isinstance(next_step(asked, ()), Call)
    said = next_step(asked, (Outcome(TOOL, True, {"timezone": "UTC", "free": free, **result}),))
    assert isinstance(said, Say)
    return said.text


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Are you free on Tuesday afternoon?", "2026-11-24"),
        ("I would like to come on 2026-12-01", "2026-12-01"),
        ("Book me in tomorrow at 3pm", "2026-11-24"),
        ("Hello", "2026-11-23"),
        ("List the owner's mail of yesterday, unread", "2026-11-22"),
        ("mail_search {}", "2026-11-23"),
    ],
)
def test_whatever_is_written_the_free_times_of_the_named_day_are_looked_up(text: str, day: str) -> None:
    assert next_step(asked_of(text, MONDAY), ()) == Call(TOOL, {"day": day})


@pytest.mark.parametrize("text", ["Cancel my booking", "Please move it to 11am", "Ich muss leider absagen"])
def test_who_wants_to_change_a_booking_is_not_answered_with_free_times(text: str) -> None:
    assert next_step(asked_of(text, MONDAY), ()) == Say(CANNOT_CHANGE)


def test_a_part_of_the_day_is_told_by_itself() -> None:
    assert "Free on Tuesday 24 November 2026 (UTC): 14:00, 17:30. " in told("Are you free on Tuesday afternoon?")
    assert "(UTC): 09:00, 14:00, 17:30. " in told("What about Tuesday?")


def test_a_time_that_is_taken_is_answered_with_what_is_free_that_day_or_after() -> None:
    assert told("Are you free tomorrow at 11am?").startswith("That time is not free; these are on Tuesday")
    assert "next free times (UTC): Tuesday 24 November 2026 at 09:00," in told("Are you free today?")
    assert told("Are you free today?", []).startswith("Nothing is free")


def test_many_times_are_told_in_part() -> None:
    free = [f"2026-11-24T{hour:02}:{minute}+00:00" for hour in range(8, 20) for minute in ("00", "30")]
    assert told("What about Tuesday?", free).count(":") == 13
    assert ", and more" in told("What about Tuesday?", free)


def test_what_went_wrong_is_told_without_saying_what() -> None:
    failed = Outcome(TOOL, False, {}, "Ada's Google account has to be connected again.")
    assert next_step(asked_of("Tomorrow?", MONDAY), (failed,)) == Say(FAILED)


def test_more_than_a_day_is_asked_back() -> None:
    asked = asked_of("Any time next week?", MONDAY)
    assert isinstance(asked, Unclear)
    assert next_step(asked, ()) == Say(asked.question)


@given(st.text(max_size=200))
def test_no_text_is_too_odd(text: str) -> None:
    assert isinstance(asked_of(text, MONDAY), AskFree | Unclear)
