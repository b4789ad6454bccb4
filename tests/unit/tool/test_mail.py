"""Conditions become Gmail's search language without letting a name smuggle operators in."""

from datetime import UTC, datetime

import pytest

from services.tool.tools.contacts import Sighting, ranked
from services.tool.tools.mail import MailSearch, gmail_query

DAY = (datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC))


@pytest.mark.parametrize(
    ("arguments", "query"),
    [
        (MailSearch(unread=True), "is:unread"),
        (MailSearch(unread=False), "is:read"),
        (MailSearch(sender="Sarah Chen"), "from:Sarah from:Chen"),
        (MailSearch(sender="sarah@example.com"), "from:sarah@example.com"),
        (MailSearch(sender='x" OR in:trash ('), "from:x from:OR from:in from:trash"),
        (MailSearch(query="subject:invoice"), "subject:invoice"),
        (MailSearch(), ""),
    ],
)
def test_conditions_become_operators(arguments: MailSearch, query: str) -> None:
    assert gmail_query(arguments, None) == query


def test_a_day_becomes_seconds_because_gmail_reads_dates_in_its_own_zone() -> None:
    assert gmail_query(MailSearch(), DAY) == "after:1795132799 before:1795219200"


def test_contacts_are_ranked_by_how_much_one_deals_with_them() -> None:
    seen = [
        Sighting("Sarah Miller", "sarah@other.example", 1),
        Sighting("Sarah Chen", "Sarah.Chen@example.com", 1),
        Sighting("", "sarah.chen@example.com", 3),
        Sighting("Sarah's robot", "no-reply@example.com", 9),
        Sighting("Tom", "tom@example.com", 9),
    ]

    found = ranked(("sarah",), seen)

    assert [(c.name, c.address) for c in found] == [
        ("Sarah Chen", "sarah.chen@example.com"),
        ("Sarah Miller", "sarah@other.example"),
    ]
    assert ranked(("sarah", "mil"), seen)[0].address == "sarah@other.example"
    assert [c.address for c in ranked(("andre",), [Sighting("André", "a@x.example", 1)])] == ["a@x.example"]


def test_nobody_goes_by_another_name_than_the_one_the_user_wrote_to() -> None:
    seen = [
        Sighting("Sarah Chen (new address)", "m@evil.example", 1),
        Sighting("Mallory", "m@evil.example", 3, is_written_to=True),
        Sighting("", "sarah@example.com", 3, is_written_to=True),
        Sighting("Sarah Chen", "sarah@example.com", 1),
    ]
    assert [(each.name, each.known) for each in ranked(("sarah",), seen)] == [("Sarah Chen", True), ("Mallory", True)]
