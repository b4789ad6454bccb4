"""German requests to the offline engine."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chat.offline import (
    AddTask,
    AskFree,
    CompleteTask,
    Intent,
    ReadCalendar,
    ReadMail,
    ReadTasks,
    Schedule,
    Unclear,
    understand,
)
from services.chat.offline_german import in_english
from services.chat.offline_understanding import CANNOT

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=BERLIN)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("Was steht morgen in meinem Kalender?", ReadCalendar("2026-11-22")),
        ("Welche Termine habe ich am Montag?", ReadCalendar("2026-11-23")),
        ("Zeig mir meine ungelesenen Mails von heute", ReadMail("2026-11-21", unread=True)),
        ("Habe ich neue Mails von Tom?", ReadMail(unread=True, sender="Tom")),
        ("Bin ich am Freitag zwischen 14 und 16 Uhr frei?", AskFree(at(27, 14), at(27, 16))),
        (
            "Vereinbare bitte ein Treffen mit Sarah morgen um 14 Uhr",
            Schedule("Meeting with Sarah", at(22, 14), 30, ("Sarah",)),
        ),
        (
            "Trag mir einen Termin mit Sarah und Tom am Dienstag um 9:30 Uhr ein",
            Schedule("Meeting with Sarah and Tom", at(24, 9, 30), 30, ("Sarah", "Tom")),
        ),
        ("Erinnere mich am Freitag an die Steuer", AddTask("Die Steuer", "2026-11-27")),
        ("Neue Aufgabe: Pass verlängern bis Freitag", AddTask("Pass verlängern", "2026-11-27")),
        ("Was sind meine Aufgaben?", ReadTasks()),
        ("Markiere die Aufgabe Pass verlängern als erledigt", CompleteTask("Pass verlängern")),
        ("Schick Sarah eine Mail", Unclear(CANNOT)),
    ],
)
def test_german_wishes(text: str, intent: Intent) -> None:
    assert understand(text, NOW) == intent


@pytest.mark.parametrize("text", ["Morgen", "Show me my mails", "Was steht morgen in meinem Kalender und wer kommt?"])
def test_what_no_sentence_fits_as_a_whole_stays_as_it_is(text: str) -> None:
    assert in_english(text) is None


@given(st.text(alphabet=st.sampled_from("erinnere mich an termin mit morgen um 14 uhr zeig"), max_size=300))
def test_whatever_is_said_there_is_an_answer(text: str) -> None:
    understand(text, NOW)
