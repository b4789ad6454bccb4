"""What is personal does not leave the house, and comes back where it belongs."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.privacy import Kind, Restorer, Scrubber, restored_json
from libs.privacy.restoring import restored
from libs.privacy.scrubbing import LONGEST, PLACEHOLDER

KEY, OTHER = b"k" * 32, b"o" * 32
ALL = frozenset(Kind)
PERSONAL = {
    Kind.EMAIL: ("ada@example.com", "Ada.Lovelace+news@mail.example.co.uk"),
    Kind.PHONE: ("+49 30 901820", "+1 (202) 456-1414", "0044 20 7946 0958"),
    Kind.CARD: ("4111 1111 1111 1111", "5500-0055-5555-5559", "378282246310005"),
    Kind.IBAN: ("DE89 3704 0044 0532 0130 00", "GB33BUKB20201555555555", "FR14 2004 1010 0505 0001 3M02 606"),
    Kind.NATIONAL_ID: ("536-90-4399", "86 095 742 719", "AB 12 34 56 C", "12345678Z", "1 84 12 76 451 089 46"),
    Kind.SECRET: (
        "sk-proj-abcdefghijklmnopqrstuvwx",
        "ghp_0123456789abcdefghijklmnopqrstuvwxyz",
        "xoxb-1234567890-abcdefghij",
        "AKIAIOSFODNN7EXAMPLE",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    ),
}
HARMLESS = (
    "The meeting is on 2026-11-24 at 14:30, room 301.",
    "Order 4711-2025-000123, invoice no. 20261124, ticket #900150983.",
    "It costs 1,299.00 EUR or 12 345 678 JPY; version 3.11.7, build 20261124.1.",
    "2026-11-24T09:00:00.123456+00:00 and 1795237186",
    "uuid 0193b0f1-a8c0-7d3e-9f00-112233445566, commit 24d5be8f0a1b2c3d4e5f60718293a4b5c6d7e8f9",
    "192.168.178.21:8080, 10.0.0.0/8, fe80::1",
    "Call extension 4411, or write to us @home. a@b is no address.",
    "Числа: 12 34 56 78 90; 価格は¥1,234,567です",
    "pi is 3.14159265358979323846",
)


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in PERSONAL.items() for value in values])
def test_each_kind_is_found_in_the_middle_of_a_sentence(kind: Kind, value: str) -> None:
    scrubber = Scrubber(KEY, ALL)
    text = f"Please use {value}, thank you."

    clean = scrubber.scrub(text)

    assert re.fullmatch(rf"Please use \[{kind}_[0-9a-f]{{8}}\], thank you\.", clean), clean
    assert restored(clean, scrubber.values) == text


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert Scrubber(KEY, ALL).scrub(text) == text


def test_a_value_has_one_placeholder_per_user_in_every_turn_and_spelling() -> None:
    first, later, stranger = Scrubber(KEY, ALL), Scrubber(KEY, ALL), Scrubber(OTHER, ALL)
    ada = first.scrub("ada@example.com")
    assert later.scrub("Ada@Example.com") == ada
    assert stranger.scrub("ada@example.com") != ada
    assert first.scrub("+49 30 901820") == first.scrub("+4930901820")


def test_only_what_is_asked_for_is_replaced() -> None:
    text = "ada@example.com pays with 4111 1111 1111 1111"
    assert Scrubber(KEY, frozenset({Kind.CARD})).scrub(text).startswith("ada@example.com pays with [CARD_")


def test_scrubbing_twice_is_scrubbing_once() -> None:
    scrubber = Scrubber(KEY, ALL)
    once = scrubber.scrub("ada@example.com, 4111 1111 1111 1111")
    assert scrubber.scrub(once) == once


def test_arguments_of_a_call_are_restored_as_json() -> None:
    scrubber = Scrubber(KEY, ALL)
    key = PERSONAL[Kind.SECRET][4]
    arguments = json.dumps({"to": [scrubber.scrub("ada@example.com")], "text": scrubber.scrub(f'"{key}"')})
    assert json.loads(restored_json(arguments, scrubber.values)) == {"to": ["ada@example.com"], "text": f'"{key}"'}


def test_a_placeholder_that_nobody_made_stays() -> None:
    assert restored("[EMAIL_00000000] and [1] and [EMAIL]", {}) == "[EMAIL_00000000] and [1] and [EMAIL]"


PIECES = st.lists(
    st.one_of(st.text(max_size=12), st.sampled_from([value for values in PERSONAL.values() for value in values])),
    max_size=12,
)


@given(PIECES, st.data())
def test_any_text_comes_back_however_the_stream_is_cut(pieces: list[str], data: st.DataObject) -> None:
    scrubber, text = Scrubber(KEY, ALL), " ".join(pieces)
    clean = scrubber.scrub(text)
    restorer, seen, position = Restorer(scrubber.values), "", 0
    while position < len(clean):
        size = data.draw(st.integers(1, 9))
        seen += restorer.feed(clean[position : position + size])
        position += size
        assert len(restorer._held) < LONGEST
    seen += restorer.end()
    assert seen == restored(clean, scrubber.values)
    # Two spellings of one value in one text come back in the first one.
    if len({re.sub(r"\W", "", piece).lower() for piece in pieces}) == len(pieces):
        assert seen == text


@given(PIECES)
def test_nothing_that_was_found_is_left(pieces: list[str]) -> None:
    scrubber = Scrubber(KEY, ALL)
    clean = scrubber.scrub(" ".join(pieces))
    assert Scrubber(KEY, ALL).scrub(clean) == clean
    assert set(PLACEHOLDER.findall(clean)) >= set(scrubber.values)


@pytest.mark.parametrize(
    "nasty", ["a" * 200_000, "1 " * 100_000, "+" * 100_000, "-----BEGIN " * 20_000, "[EMAIL_" * 50_000, "a.b@" * 50_000]
)
@pytest.mark.timeout(20)
def test_no_text_makes_it_slow(nasty: str) -> None:
    assert Scrubber(KEY, ALL).scrub(nasty) == nasty
    restorer = Restorer({})
    assert restorer.feed(nasty) + restorer.end() == nasty
