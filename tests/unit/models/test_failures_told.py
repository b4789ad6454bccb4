"""What a refusal means, as each provider writes it. The truth: their documentation of errors."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.models.errors import (
    ContextTooLarge,
    ModelError,
    ModelRateLimited,
    ModelRefused,
    ModelRefusedKey,
    ModelUnavailable,
)
from libs.models.failures import MAX_WAIT_S, refused, told_wait_s

BAD_KEY = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "x"}]


def anthropic(type: str, message: str = "secret words") -> dict[str, Any]:
    """An error of Anthropic's."""
    return {"type": "error", "error": {"type": type, "message": message}, "request_id": "req_1"}


def google(code: int, status: str, message: str = "secret words", **more: Any) -> dict[str, Any]:
    """An error of Gemini's."""
    return {"error": {"code": code, "status": status, "message": message, **more}}


def openai(code: str | None, type: str = "invalid_request_error", message: str = "secret words") -> dict[str, Any]:
    """An error of OpenAI's."""
    return {"error": {"code": code, "type": type, "message": message, "param": None}}


TOO_LONG = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."


SPENT = anthropic("rate_limit_error")
SPENT["error"]["details"] = {"error_code": "contract_spend_limit_reached"}


@pytest.mark.parametrize(
    ("status", "body", "raised"),
    [
        (401, anthropic("authentication_error", "invalid x-api-key"), ModelRefusedKey),
        (402, anthropic("billing_error"), ModelRefusedKey),
        (403, anthropic("permission_error"), ModelRefusedKey),
        (404, anthropic("not_found_error"), ModelRefusedKey),
        (413, anthropic("request_too_large"), ContextTooLarge),
        (400, anthropic("invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"), ContextTooLarge),
        (400, anthropic("invalid_request_error", "Your credit balance is too low"), ModelRefusedKey),
        (400, anthropic("invalid_request_error"), ModelRefused),
        (429, anthropic("rate_limit_error"), ModelRateLimited),
        (429, SPENT, ModelRefusedKey),
        (500, anthropic("api_error"), ModelUnavailable),
        (529, anthropic("overloaded_error"), ModelUnavailable),
        (400, google(400, "INVALID_ARGUMENT", "API key not valid.", details=BAD_KEY), ModelRefusedKey),
        (400, google(400, "INVALID_ARGUMENT", TOO_LONG), ContextTooLarge),
        (400, google(400, "INVALID_ARGUMENT"), ModelRefused),
        (403, google(403, "PERMISSION_DENIED"), ModelRefusedKey),
        (404, google(404, "NOT_FOUND"), ModelRefusedKey),
        (429, google(429, "RESOURCE_EXHAUSTED"), ModelRateLimited),
        (503, google(503, "UNAVAILABLE"), ModelUnavailable),
        (401, openai("invalid_api_key"), ModelRefusedKey),
        (404, openai("model_not_found"), ModelRefusedKey),
        (429, openai("rate_limit_exceeded", "requests"), ModelRateLimited),
        (429, openai("insufficient_quota", "insufficient_quota"), ModelRefusedKey),
        (400, openai("context_length_exceeded"), ContextTooLarge),
        (400, openai(None, message="maximum context length is 8192 tokens"), ContextTooLarge),
        (408, openai(None), ModelUnavailable),
        (502, {"detail": "no JSON as we know it"}, ModelUnavailable),
        (422, {"error": "a bare sentence"}, ModelRefused),
        (400, {"error": {"code": ["odd"], "message": {"nested": 1}, "details": "a sentence"}}, ModelRefused),
        (302, {}, ModelUnavailable),
    ],
)
def test_a_refusal_is_told_by_its_kind_and_never_in_the_providers_words(
    status: int, body: dict[str, Any], raised: type[ModelError]
) -> None:
    error = refused(status, {}, json.dumps(body).encode())
    assert type(error) is raised
    assert "secret" not in error.detail


@given(status=st.integers(300, 599), body=st.binary(max_size=200))
def test_any_body_is_some_error(status: int, body: bytes) -> None:
    assert isinstance(refused(status, {}, body), ModelError)


@pytest.mark.parametrize(
    ("headers", "delays", "seconds"),
    [
        ({"retry-after": "7"}, (), 7.0),
        ({"retry-after": "1.5"}, (), 1.5),
        ({"retry-after": "7", "retry-after-ms": "250"}, (), 0.25),
        ({}, ("34s",), 34.0),
        ({}, ("None", "34.074824224s"), 34.074824224),
        ({"retry-after": "99999999"}, (), MAX_WAIT_S),
        ({"retry-after": "-5"}, (), None),
        ({"retry-after": "inf"}, (), None),
        ({"retry-after": "soon"}, (), None),
        ({}, (), None),
    ],
)
def test_how_long_to_wait_is_read_in_every_form(
    headers: dict[str, str], delays: tuple[str, ...], seconds: float | None
) -> None:
    assert told_wait_s(headers, *delays) == seconds


def test_a_date_to_wait_for_is_read_too() -> None:
    past, later = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(days=1)
    assert told_wait_s({"retry-after": format_datetime(past, usegmt=True)}) == 0
    assert told_wait_s({"retry-after": format_datetime(later, usegmt=True)}) == MAX_WAIT_S


def test_an_overloaded_provider_says_when_to_come_back() -> None:
    error = refused(529, {"retry-after": "3"}, json.dumps(anthropic("overloaded_error")).encode())
    assert error.retry_after_s == 3
