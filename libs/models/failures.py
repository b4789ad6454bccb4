"""What a provider says when it fails, as a leaf of ours: one table for OpenAI, Anthropic, Gemini and servers like them.

Its words are read to tell the kinds apart and never repeated: they may hold the user's.

- OpenAI: `error.code` is the machine-readable word; 429 also means that the account's credit is used up.
- Anthropic: `error.type`; 529 is overloaded, 413 a request of more than 32 MB, 400 also a prompt that is too long.
- Gemini: `error.status`; a wrong key is a 400 with the reason API_KEY_INVALID, and the wait of a 429 is in the body.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from libs.models.errors import (
    ContextTooLarge,
    ModelError,
    ModelRateLimited,
    ModelRefused,
    ModelRefusedKey,
    ModelUnavailable,
)

MAX_WAIT_S = 3600.0
_SECONDS = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?")

TOO_LONG = ("context_length", "exceed_context_size", "request_too_large", "string_above_max_length")
TOO_LONG_WORDS = (
    "prompt is too long",
    "exceed context limit",
    "context length",
    "context window",
    "context size",
    "input token count",
    "exceeds the maximum number of tokens",
)
# A key without money behind it is one, too: waiting does not help, an operator does.
BAD_KEY = (
    "api_key",
    "authentication_error",
    "unauthenticated",
    "permission",
    "billing",
    "insufficient_quota",
    "spend_limit",
)
BAD_KEY_WORDS = ("api key not valid", "api key expired", "credit balance is too low")
TOO_MANY = ("rate_limit", "resource_exhausted", "429")
WRONG = ("invalid_request", "invalid_prompt", "policy", "invalid_argument", "not_found", "failed_precondition")


class ProviderError(msgspec.Struct):
    """An error as any of them writes it, in a refusal or inside a stream; servers like them put anything anywhere."""

    code: Any = None
    type: Any = None
    status: Any = None
    message: Any = None
    details: Any = None
    """Google's: one with a `reason` such as API_KEY_INVALID, one with a `retryDelay` such as `34s`. Anthropic's: an
    `error_code`."""


class _Refusal(msgspec.Struct):
    error: ProviderError


def refused(status: int, headers: Mapping[str, str], body: bytes) -> ModelError:
    """The error for an answer of HTTP status >= 400. `headers` know no upper and lower case."""
    try:
        error = msgspec.json.decode(body, type=_Refusal).error
    except (msgspec.MsgspecError, UnicodeDecodeError):
        error = ProviderError()
    return failure(error, status, headers)


def failure(error: ProviderError, status: int = 0, headers: Mapping[str, str] | None = None) -> ModelError:
    """The error for what a provider told; `status` is 0 for an error inside a stream that began with 200."""
    told = error.details if isinstance(error.details, list) else [error.details]
    details = [detail for detail in told if isinstance(detail, dict)]
    reasons = (detail.get("reason") or detail.get("error_code") for detail in details)
    kinds = (error.code, error.type, error.status, *reasons)
    kind = " ".join(str(told) for told in kinds).lower()
    words = str(error.message).lower()
    if status == 413 or _any(TOO_LONG, kind) or (status < 429 and _any(TOO_LONG_WORDS, words)):
        return ContextTooLarge("The conversation is too long for the language model.")
    # Not found is the model: its name, too, is an operator's to mend, and not the request's fault.
    if status in (401, 402, 403, 404) or _any(BAD_KEY, kind) or _any(BAD_KEY_WORDS, words):
        return ModelRefusedKey("The language model's provider refuses our key, or does not know the model.")
    wait_s = told_wait_s(headers or {}, *(str(detail.get("retryDelay")) for detail in details))
    if status == 429 or (status == 0 and _any(TOO_MANY, kind)):
        return ModelRateLimited("The language model's provider asks to wait.", retry_after_s=wait_s)
    if (400 <= status < 500 and status not in (408, 409)) or (status == 0 and _any(WRONG, kind)):
        return ModelRefused("The language model's provider calls the request wrong.")
    if status == 0:
        return ModelUnavailable("The language model failed in the middle of its answer.")
    return ModelUnavailable("The language model cannot be reached.", retry_after_s=wait_s)


def told_wait_s(headers: Mapping[str, str], *delays: str) -> float | None:
    """Seconds that the provider asks to wait, at most an hour; None when it does not say."""
    if (milliseconds := _number(headers.get("retry-after-ms", ""))) is not None:
        return min(milliseconds / 1000, MAX_WAIT_S)
    for told in (headers.get("retry-after", ""), *delays):
        if (seconds := _number(told.strip().removesuffix("s"))) is not None:
            return min(seconds, MAX_WAIT_S)
    try:
        at = parsedate_to_datetime(headers.get("retry-after", ""))
    except (ValueError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max((at - datetime.now(UTC)).total_seconds(), 0.0), MAX_WAIT_S)


def _number(told: str) -> float | None:
    """Neither signs, nor exponents, nor `inf`."""
    return float(told) if _SECONDS.fullmatch(told.strip()) else None


def _any(marks: tuple[str, ...], told: str) -> bool:
    return any(mark in told for mark in marks)
