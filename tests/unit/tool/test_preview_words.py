"""What a person reads of a proposal says what it is, to whom, and when; and nothing in it is hidden."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.actions import Preview, PreviewField
from contracts.tool import Effect
from services.tool.consent.legible import MOST_MARKS, legible
from services.tool.consent.preview import preview_of, shown_in
from services.tool.consent_facts import FACTS, NAME
from services.tool.registry import Audience
from services.tool.tools import registry

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
NAMED = (PreviewField(label="Thing", value="Design review"),)


def preview(name: str, shown: tuple[PreviewField, ...] = (), **given: Any) -> Preview:
    tool = registry.find(name)
    return preview_of(tool, tool.arguments.model_validate(given), (), NOW, BERLIN, shown)


def tools_that_wait() -> list[str]:
    described = registry.for_connections(frozenset({"gmail"}), Audience.OWNER).missing_providers
    everything = registry.for_connections(frozenset({*described, "gmail"}), Audience.OWNER).tools
    return [tool.name for tool in everything if tool.effect is not Effect.READ]


@pytest.mark.parametrize("name", tools_that_wait())
def test_every_tool_with_an_effect_has_a_sentence_that_tells_who_receives_something(name: str) -> None:
    facts, arguments = FACTS[name], registry.find(name).arguments.model_fields
    told = [argument for _, argument in facts.told]

    assert facts.doing
    assert facts.told
    # What it acts on is told by its name; `bcc` is there for tools that may have it one day.
    assert set(facts.recipients) & set(arguments) <= {*told, *facts.acts_on}
    assert (NAME in told) == bool(facts.acts_on)
    assert set(facts.acts_on) <= set(arguments)
    assert set(told) - set(arguments) <= {NAME, "bcc"}


TO_NINE = {"to": [f"p{n}@b.de" for n in range(9)], "subject": "Hi", "body": "Text"}
WITH_COPY = {"to": ["a@b.de"], "cc": ["c@d.de"], "subject": "Hi", "body": "Text"}
TOMORROW = "Wednesday, 25 November 2026"


@pytest.mark.parametrize(
    ("name", "arguments", "title"),
    [
        ("mail_send", WITH_COPY, "Send a mail to a@b.de with a copy to c@d.de: Hi"),
        ("mail_send", TO_NINE, "Send a mail to p0@b.de, p1@b.de, p2@b.de and 6 more: Hi"),
        ("calendar_create_event", {"title": "T", "start": "tomorrow at 2pm"}, f"Create an event: T, {TOMORROW}, 14:00"),
        ("calendar_update_event", {"event_id": "e", "title": "Tea"}, "Change an event: Design review, now called Tea"),
        ("calendar_cancel_event", {"event_id": "e"}, "Cancel an event: Design review"),
        ("tasks_create", {"title": "Tea", "due": "tomorrow"}, f"Create a task: Tea, due {TOMORROW}"),
        ("tasks_create", {"title": "Tea"}, "Create a task: Tea"),
        ("slack_post_message", {"channel": "C024BE91L", "text": "Hi\nall"}, "Post to Slack in Design review: Hi all"),
    ],
)
def test_a_title_is_a_sentence(name: str, arguments: dict[str, Any], title: str) -> None:
    shown = NAMED if FACTS[name].acts_on else ()

    assert preview(name, shown, **arguments).title == title


def test_nobody_who_receives_something_is_cut_off() -> None:
    many = [f"{'x' * 60}{n}@{'y' * 170}.example.com" for n in range(50)]

    found = preview("mail_send", to=many, subject="s" * 200, body="b" * 4000)

    assert found.fields[0].label == "To"
    assert found.fields[0].value.split("\n") == many
    # Of a long address the end is told, which says whose it is.
    assert "…" in found.title
    assert "y.example.com" in found.title
    assert len(found.title) <= 300


def test_an_end_is_of_the_day_of_its_start() -> None:
    lines = {
        f.label: f.value
        for f in preview("calendar_create_event", title="T", start="2031-03-03T14:00", end="3pm").fields
    }
    alone = {f.label: f.value for f in preview("calendar_update_event", event_id="e", end="2031-03-03T15:00").fields}

    assert lines["Ends"] == alone["Ends"] == "Monday, 03 March 2031, 15:00 (Europe/Berlin)"


def test_edited_to_act_on_something_else_it_loses_the_name_of_what_it_acted_on() -> None:
    tool = registry.find("slack_post_message")
    before = preview("slack_post_message", NAMED, channel="C024BE91L", text="Hi")

    other_text = tool.arguments.model_validate({"channel": "C024BE91L", "text": "Hello"})
    other_place = tool.arguments.model_validate({"channel": "C024BE91M", "text": "Hi"})

    assert shown_in(tool, before, other_text) == NAMED
    assert shown_in(tool, before, other_place) == ()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Design\u202e review\u2066", "Design review"),
        ("a\x00b\x1b[31mc\u200bd\ufeffe", "ab[31mcde"),
        ("two\r\nlines\u2028three\tfour", "two lines three four"),
        ("\u3164\u115f\u2800", ""),
        ("Zu\u0308rich und \u05e9\u05dc\u05d5\u05dd", "Zu\u0308rich und \u05e9\u05dc\u05d5\u05dd"),
        ("x" * 400, "x" * 299 + "…"),
        ("\u200b" * 5000 + "tail", "…"),
        ("a" + "\u0301" * 50, "a" + "\u0301" * MOST_MARKS),
    ],
)
def test_a_line_shows_what_it_holds(text: str, shown: str) -> None:
    assert legible(text) == shown


@given(st.text(max_size=600), st.integers(1, 300))
def test_whatever_somebody_wrote_is_one_short_printable_line(text: str, most: int) -> None:
    line = legible(text, most)

    assert len(line) <= most
    assert line.isprintable()
    assert legible(line, most) == line
