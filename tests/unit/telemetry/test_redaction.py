"""What must never be in a log is not, and what an operator needs still is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.telemetry.redaction import REDACTED, redact, redact_text


@pytest.mark.parametrize(
    "secret",
    [
        "ya29.a0AfH6SMBx-verysecret",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "sk-proj-abcdefghijklmnop",
        "1//0gabcdefghijklmnopqrstuvwxyz",
        "q83vEjRWeJASNFZ4kBI0VniQEjRWeJASNFZ4kBI0Vng=",
        "ada@example.com",
        "+49 170 1234567",
        "(555) 123-4567",
    ],
)
def test_credentials_and_people_are_taken_out_of_any_text(secret: str) -> None:
    told = redact_text(f"the provider refused {secret} just now")

    assert secret not in told
    assert told.startswith("the provider refused ")
    assert told.endswith(" just now")


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("GET https://example.com/cb?code=4%2F0AX4XfWh&state=1", "4%2F0AX4XfWh"),
        ("cannot reach postgresql://svc_chat:hunter2@db/adjutant", "hunter2"),
        ("header Authorization: Bearer abc.def-ghi", "abc.def-ghi"),
    ],
)
def test_credentials_inside_addresses_and_headers_are_taken_out(text: str, secret: str) -> None:
    assert secret not in redact_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "turn_0192b5c1d2e37f8a9b0c1d2e3f4a5b6c",
        "0af7651916cd43dd8448eb211c80319c",
        "evt.chat.turn.completed.v1.u_7",
        "2026-11-20T23:06:55.087+00:00",
        "libs/bus/consume.py:117 in a_rather_long_function_name_of_ours",
        "http://127.0.0.1:8080/api/health",
    ],
)
def test_what_an_operator_needs_stays(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "name", ["password", "Authorization", "access_token", "api_key", "email", "text", "set-cookie"]
)
def test_values_under_telling_names_are_replaced_whole(name: str) -> None:
    assert redact(name, "short") == REDACTED
    assert redact("request", {"deep": [{name: "short"}]}) == {"deep": [{name: REDACTED}]}


def test_counts_are_no_secrets() -> None:
    assert redact("tokens", 17) == 17
    assert redact("token", 17) == 17


@given(st.text(max_size=30), st.recursive(st.text() | st.binary() | st.integers(), st.lists, max_leaves=5))
def test_nothing_makes_it_fail(name: str, value: object) -> None:
    redact(name, value)


@given(st.text(alphabet=st.characters(codec="ascii", categories=["L", "N"]), min_size=3, max_size=12))
def test_no_address_survives(name: str) -> None:
    assert f"{name}@example.org" not in redact_text(f"mail from {name}@example.org")
