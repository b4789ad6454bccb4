"""An outsider's words are seen as they are: nothing hidden in them, nothing that upsets a page, no more than fits."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tool.delegation.errors import GuestDetailsRefused
from services.tool.delegation.guests import NAME_CHARACTERS, NOTE_CHARACTERS, cleaned, seen


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("  Grace   Hopper ", "Grace Hopper"),
        ("Gr\u200bace\u200d Hop\ufeffper", "Grace Hopper"),
        ("\u202eecarG\u202c", "ecarG"),
        ("Grace\nBcc: all@example.com", "Grace Bcc: all@example.com"),
        ("Gra\x00ce\x1b[31m", "Grace[31m"),
        ("Zoë", "Zoë"),
        ("Zoe\u0308", "Zoë"),
        ("孫 悟空", "孫 悟空"),
        ("A\U000e0049\U000e0067\U000e006e", "A"),
        ("A\ufe01\ufe02\U000e0101", "A"),
        ("e" + "\u0301" * 50, "é" + "\u0301" * 3),
        ("👩\u200d🚀", "👩🚀"),
    ],
)
def test_a_name_is_one_line_without_what_cannot_be_seen(written: str, shown: str) -> None:
    assert seen(written, NAME_CHARACTERS, lines=False) == shown


def test_a_note_keeps_its_lines() -> None:
    assert seen("One\r\n\r\n  two\u2028three\x0b", NOTE_CHARACTERS, lines=True) == "One\ntwo\nthree"


@given(st.text(max_size=3000), st.booleans())
def test_whatever_is_written_what_is_shown_is_harmless_and_bounded(written: str, lines: bool) -> None:
    shown = seen(written, 100, lines=lines)

    assert len(shown) <= 100
    assert shown == shown.strip()
    for character in shown:
        assert not unicodedata.category(character).startswith("C") or (lines and character == "\n")
    assert seen(shown, 100, lines=lines) == shown, "cleaning what is clean changes nothing"


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "\u200b\u2060"},
        {"address": "no address"},
        {"address": "two@example.com,three@example.com"},
        {"address": "new\nline@example.com"},
        {"address": "gräce@example.com"},
        {"timezone": "Mars/Olympus"},
        {"timezone": "../../etc/passwd"},
    ],
    ids=str,
)
def test_details_that_cannot_be_used_are_refused_without_quoting_them(wrong: dict[str, str]) -> None:
    given = {"name": "Grace", "address": "grace@example.org", "note": "", "timezone": "UTC"} | wrong
    with pytest.raises(GuestDetailsRefused) as refused:
        cleaned(**given)

    assert next(iter(wrong.values())) not in refused.value.detail
