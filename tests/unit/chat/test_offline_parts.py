"""Several things in one message to the offline engine."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chat.offline import Call, Outcome, Say, plan
from services.chat.offline_parts import parts

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=ZoneInfo("Europe/Berlin"))
MAIL = {"from": {"name": "Sarah Chen", "address": "sarah.chen@example.com"}, "subject": "Q3 budget review"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "find Sarah's last mail, block an hour tomorrow for it and remind me on Friday",
            ["find Sarah's last mail", "block an hour tomorrow for it", "remind me on Friday"],
        ),
        (
            "Show me my mails and what is on my calendar tomorrow",
            ["Show me my mails", "what is on my calendar tomorrow"],
        ),
        (
            "What is on my calendar tomorrow? Any mail from Sarah?",
            ["What is on my calendar tomorrow", "Any mail from Sarah?"],
        ),
        ("Show my tasks\nShow my mails", ["Show my tasks", "Show my mails"]),
    ],
)
def test_each_request_is_a_part(text: str, expected: list[str]) -> None:
    assert parts(text, NOW) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Schedule a meeting with Sarah and Mark tomorrow at 2pm",
        "Schedule a meeting with Sarah, Tom and Priya tomorrow at 2pm to discuss the budget and plan the offsite",
        'Schedule "Show and tell, find out" tomorrow at 2pm',
        "Remind me to call Tom and book a table on Friday",
        "If Sarah has written, show me her mail",
        "Please, show me my mail",
    ],
)
def test_what_belongs_together_stays_together(text: str) -> None:
    assert parts(text, NOW) == [text]


def test_all_of_it_is_done_one_after_the_other_and_answered_together() -> None:
    going = plan("Show me Sarah's last mail and remind me to answer it on Friday", NOW)
    search = going(())
    assert search == Call("mail_search", {"sender": "Sarah", "limit": 1})
    found = Outcome("mail_search", ok=True, result={"mails": [MAIL], "more": True})
    assert going((found,)) == Call("tasks_create", {"title": "Answer it", "due": "2026-11-27"})
    written = Outcome("tasks_create", ok=True, result={"title": "Answer it", "due": "2026-11-27"})
    answer = going((found, written))
    assert isinstance(answer, Say)
    assert "- Q3 budget review, from Sarah Chen <sarah.chen@example.com>" in answer.text
    assert 'Done: "Answer it" is in your tasks, due Friday 27 November 2026.' in answer.text


def test_while_a_part_is_unclear_nothing_is_changed_and_each_open_part_is_named() -> None:
    going = plan("find Sarah's last mail, block an hour tomorrow for it and remind me to call Tom on Friday", NOW)
    found = Outcome("mail_search", ok=True, result={"mails": [MAIL]})
    answer = going((found,))
    assert isinstance(answer, Say)
    assert "Q3 budget review" in answer.text
    assert 'About "block an hour tomorrow for it": At what time on Sunday 22 November 2026' in answer.text
    assert 'Not done yet: "remind me to call Tom on Friday".' in answer.text


@given(st.text(alphabet=st.sampled_from("and then,.;?! \n\"'find remind me show a task 5pm"), max_size=200))
def test_whatever_is_said_there_is_an_answer_or_a_call(text: str) -> None:
    assert isinstance(plan(text, NOW)(()), Call | Say)
