"""Which thing is meant by what the user calls it: an event, a mail, a place."""

import pytest

from tests.unit.chat.heard import USER, origin, read

EVENTS = read(
    {
        "events": [
            {"id": "e_sync", "title": "Roadmap sync", "start": "2026-11-23T14:00:00+01:00"},
            {"id": "e_talk", "title": "Northwind talk", "start": "2026-11-23T15:00:00+01:00"},
            {"id": "e_dentist", "title": "Dentist", "start": "2026-11-23T16:00:00+01:00"},
            {"id": "e_lunch", "title": "Lunch with Tom", "start": "2026-11-23T12:00:00+01:00"},
            {"id": "e_lunch2", "title": "Lunch with Tom", "start": "2026-11-24T12:00:00+01:00"},
        ]
    },
    "calendar_list",
)


@pytest.mark.parametrize(
    ("words", "id"),
    [
        ("Decline the meeting at 3", "e_talk"),
        ("Move my 2pm to 4pm", "e_sync"),
        ("Verschiebe meinen Termin um 14 Uhr auf 16 Uhr", "e_sync"),
        ("Push my dentist appointment to tomorrow at 5pm", "e_dentist"),
        ("Cancel lunch with Tom tomorrow at noon", "e_lunch2"),
        ("Cancel the talk with Northwind", "e_talk"),
    ],
)
def test_an_event_is_named_by_a_word_of_it_or_its_time_when_nothing_else_fits(words: str, id: str) -> None:
    others = {"e_sync", "e_talk", "e_dentist", "e_lunch", "e_lunch2"} - {id}
    assert origin(words, id, EVENTS, name="event_id", tool="calendar_cancel_event") is USER
    for other in others:
        assert origin(words, other, EVENTS, name="event_id", tool="calendar_cancel_event") is not USER


def test_what_many_things_are_called_names_none() -> None:
    found = read({"found": [{"number": 7, "title": "Issue of tomorrow"}]}, "github_find")
    words = "Comment on the issue in o/e tomorrow: done"
    assert origin(words, 7, found, name="number", tool="github_comment") is not USER


@pytest.mark.parametrize("words", ["Cancel lunch with Tom", "Cancel it", "Cancel the meeting at 9", "Cancel my events"])
def test_what_fits_several_events_or_none_names_none(words: str) -> None:
    for id in ("e_sync", "e_talk", "e_dentist", "e_lunch", "e_lunch2"):
        assert origin(words, id, EVENTS, name="event_id", tool="calendar_cancel_event") is not USER


@pytest.mark.parametrize(
    ("words", "is_named"),
    [
        ("Post 'done' in #general", False),
        ("Post done to the channel", False),
        ("Tell #general that we are done in done", False),
        ("Post in general: see you in done", False),
        ("Post see you in done to team", False),
        ("Tell team I am in done", False),
        ("Post hello in done", True),
        ("Post hello in the done channel tomorrow at 5", True),
        ("Sag im Kanal done Bescheid", True),
    ],
)
def test_a_place_is_named_where_a_sentence_speaks_of_one(words: str, is_named: bool) -> None:
    channels = read({"channels": [{"id": "C0DONE", "name": "done"}]}, "slack_list_channels")
    found = origin(words, "C0DONE", channels, name="channel", tool="slack_post_message")
    assert (found is USER) is is_named


def test_two_places_of_one_name_are_none() -> None:
    pages = read({"found": [{"id": "p_1", "title": "Launch plan"}, {"id": "p_2", "title": "launch plan"}]}, "notion")
    words = "Add to the page Launch plan: call the printer"
    assert origin(words, "p_1", pages, name="page_id", tool="notion_append") is not USER
    repositories = read({"repositories": [{"name": "ada/engine"}, {"name": "evil/engine"}]}, "github_list_repositories")
    words, name = "Open an issue in my repo engine: login", "repository"
    assert origin(words, "ada/engine", repositories, name=name, tool="github_create_issue") is not USER
    own = read({"repositories": [{"name": "ada/engine"}, {"name": "evil/login"}]}, "github_list_repositories")
    assert origin(words, "ada/engine", own, name=name, tool="github_create_issue") is USER
    assert origin(words, "evil/login", own, name=name, tool="github_create_issue") is not USER


def test_a_mail_is_named_by_who_wrote_it() -> None:
    mails = read(
        {
            "mails": [
                {"id": "m_1", "subject": "Budget", "from": {"name": "Sarah Chen", "address": "sarah@example.com"}},
                {"id": "m_2", "subject": "Lunch", "from": {"name": "Tom Brown", "address": "tom@example.com"}},
            ]
        },
        "mail_search",
    )
    words, name = "Reply to Sarah's mail: looks good", "message_id"
    assert origin(words, "m_1", mails, name=name, tool="mail_reply") is USER
    assert origin(words, "m_2", mails, name=name, tool="mail_reply") is not USER
