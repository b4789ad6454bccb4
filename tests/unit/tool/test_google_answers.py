"""What Google sends, turned into values and errors. Decisions alone: no server."""

import base64
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from libs.providers.errors import may_have_happened, retry_after_s
from libs.providers.google.calendar import Busy, merged
from libs.providers.google.gmail import Address, addresses
from libs.providers.google.mail_body import MAX_BODY_CHARACTERS, attachment_names, body_text, html_to_text
from libs.providers.google.refusals import google_refusal
from libs.resilience.errors import AdjutantError
from services.tool.tools.calendar import event_id

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def at(hour: int) -> datetime:
    """That hour of the day."""
    return NOW.replace(hour=hour)


def refused(status: int, reason: str | None = None, **headers: str) -> AdjutantError:
    """The error for a status; `reason` as Google's JSON has it."""
    content: dict[str, Any] | None = {"error": {"errors": [{"reason": reason}]}} if reason else None
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return google_refusal("Gmail", status, httpx.Headers(named), content)


@pytest.mark.parametrize(
    ("status", "reason", "slug", "retryable"),
    [
        (400, "invalidArgument", "provider_refused", False),
        (401, "authError", "token_rejected", False),
        (403, "insufficientPermissions", "provider_permission_missing", False),
        (403, None, "provider_permission_missing", False),
        (403, "userRateLimitExceeded", "provider_rate_limited", True),
        (404, "notFound", "provider_entity_not_found", False),
        (409, "duplicate", "provider_entity_exists", False),
        (410, "deleted", "provider_entity_not_found", False),
        (429, None, "provider_rate_limited", True),
        (500, None, "provider_unavailable", True),
        (503, "backendError", "provider_unavailable", True),
    ],
)
def test_each_refusal_has_one_meaning(status: int, reason: str | None, slug: str, retryable: bool) -> None:
    error = refused(status, reason)

    assert (error.slug, error.retryable) == (slug, retryable)
    assert may_have_happened(error) == (status >= 500)


def test_retry_after_is_read_in_both_forms() -> None:
    assert refused(429, retry_after="7").retry_after_s == 7
    assert retry_after_s("Fri, 20 Nov 2026 12:00:30 GMT", NOW) == 30
    assert retry_after_s("Fri, 20 Nov 2026 11:00:00 GMT", NOW) == 0
    assert retry_after_s("soon", NOW) is None


def test_prose_of_the_provider_is_not_repeated() -> None:
    assert "sarah" not in refused(400, "no such user sarah@example.com").detail


def part(mime: str, text: bytes, charset: str = "utf-8", **more: Any) -> dict[str, Any]:
    """A MIME leaf as Gmail sends it."""
    headers = [{"name": "Content-Type", "value": f"{mime}; charset={charset}"}]
    data = base64.urlsafe_b64encode(text).decode().rstrip("=")
    return {"mimeType": mime, "headers": headers, "body": {"data": data}, **more}


def test_plain_text_is_preferred_and_decoded_by_its_charset() -> None:
    payload = {"parts": [part("text/plain", "Grüße".encode("latin-1"), "iso-8859-1"), part("text/html", b"<p>no</p>")]}

    assert body_text(payload) == ("Grüße", False)


def test_html_is_read_without_scripts_and_styles() -> None:
    html = "<head><title>t</title></head><style>x{}</style><p>Hello&nbsp;<b>you</b></p><script>evil()</script><p>Bye"

    assert html_to_text(html) == "Hello you\nBye"
    assert body_text(part("text/html", html.encode()))[0] == "Hello you\nBye"


def test_a_long_body_is_cut_and_said_so() -> None:
    text, is_truncated = body_text(part("text/plain", b"x" * (MAX_BODY_CHARACTERS + 1)))

    assert (len(text), is_truncated) == (MAX_BODY_CHARACTERS, True)


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"body": {}},
        part("text/plain", b"\xff\xfe", "no-such-charset"),
        {"mimeType": "text/plain", "body": {"data": "*"}},
    ],
)
def test_odd_mails_are_read_without_an_error(payload: dict[str, Any]) -> None:
    assert body_text(payload)[1] is False


def test_attachments_are_named_and_not_read_as_text() -> None:
    attached = part("text/plain", b"secret plan", filename="plan.txt")
    payload = {"parts": [part("text/plain", b"see attached"), attached]}

    assert body_text(payload)[0] == "see attached"
    assert attachment_names(payload) == ("plan.txt",)


def test_addresses_are_parsed_whatever_their_form() -> None:
    assert addresses('"Chen, Sarah" <sarah@example.com>, tom@example.com, nobody') == (
        Address("Chen, Sarah", "sarah@example.com"),
        Address("", "tom@example.com"),
    )
    assert addresses("=?utf-8?q?Andr=C3=A9?= <a@example.com>")[0].name == "André"


def test_busy_stretches_are_joined_and_cut_to_the_window() -> None:
    busy = [
        Busy(at(14), at(15)),
        Busy(at(8), at(10)),
        Busy(at(14), at(16)),
        Busy(at(16), at(17)),
        Busy(at(20), at(21)),
    ]

    assert merged(busy, at(9), at(18)) == (Busy(at(9), at(10)), Busy(at(14), at(17)))


def test_event_ids_follow_from_the_execution_and_are_legal_at_google() -> None:
    first = event_id("x_0193b0f1a8c07d3e9f00112233445566")

    assert first == event_id("x_0193b0f1a8c07d3e9f00112233445566")
    assert first != event_id("x_0193b0f1a8c07d3e9f00112233445567")
    assert set(first) <= set("0123456789abcdefghijklmnopqrstuv")
    assert len(first) == 32
