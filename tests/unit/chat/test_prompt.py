"""What a model is told about its user."""

from datetime import datetime
from zoneinfo import ZoneInfo

from contracts.chat import RunTurn
from services.chat.about import About
from services.chat.prompt import for_user

BERLIN = ZoneInfo("Europe/Berlin")


def test_the_timezone_is_told_by_its_name_because_its_offset_changes_with_the_day() -> None:
    about = About("Ada", BERLIN, {}, (), ())
    told = for_user(RunTurn.example(), about, datetime(2026, 11, 21, 12, 0, tzinfo=BERLIN))
    assert "2026-11-21 12:00 in the user's timezone Europe/Berlin (now +0100)." in told.present
    assert "Answer in the language that the user writes in." in told.standing
