"""What a user may say about themselves."""

import pytest

from services.context.errors import InvalidDisplayName, UnknownTimezone
from services.context.profile import checked_name, checked_timezone


@pytest.mark.parametrize("name", ["Europe/Berlin", "UTC", "America/Argentina/Buenos_Aires"])
def test_a_timezone_of_the_database_is_accepted(name: str) -> None:
    assert checked_timezone(name) == name


@pytest.mark.parametrize("name", ["", "Berlin", "GMT+25", "../etc/passwd", "Europe/Berlin\x00", "Mars/Olympus"])
def test_any_other_timezone_is_refused(name: str) -> None:
    with pytest.raises(UnknownTimezone):
        checked_timezone(name)


def test_a_name_loses_its_surrounding_blanks() -> None:
    assert checked_name("  Ada Lovelace ") == "Ada Lovelace"


@pytest.mark.parametrize("name", ["", "   ", "a" * 201, "Ada\x00", "Ada\nBcc: eve", "\u202egnp.exe"])
def test_what_could_not_be_a_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidDisplayName):
        checked_name(name)
