"""Strict JSON: what two parsers could read differently is refused, and nothing makes the parser fail."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.errors import MalformedJson
from services.gateway.strict_json import is_json, parse


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b'{"a": NaN}',
        b"[Infinity, -Infinity]",
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 2}}',
        b'{"a": "\xff"}',
        b"\xef\xbb\xbf{}",
        b"[" * 50_000,
        b"[" * 50_000 + b"]" * 50_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b"1" * 5_000,
        b"{} {}",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_not_strict_json_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedJson):
        parse(body)


def test_brackets_inside_a_string_are_no_nesting() -> None:
    text = "[" * 500 + '\\"' + "{" * 500
    assert parse(json.dumps({"text": text}).encode()) == {"text": text}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
    )
)
def test_ordinary_json_is_read_as_it_is(value: object) -> None:
    assert parse(json.dumps(value).encode()) == value


@given(st.binary(max_size=200))
def test_no_bytes_make_the_parser_fail_otherwise(body: bytes) -> None:
    with contextlib.suppress(MalformedJson):
        parse(body)


@pytest.mark.parametrize(
    ("header", "is_one"),
    [
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ('application/json;charset="UTF-8"', True),
        ("application/json; charset=utf-16", False),
        ("text/plain", False),
        ("application/jsonp", False),
        ("", False),
    ],
)
def test_only_json_in_utf8_counts_as_json(header: str, is_one: bool) -> None:
    assert is_json(header) is is_one
