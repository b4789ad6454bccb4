"""Google's error bodies, read."""

from typing import Any

import httpx

from libs.providers.errors import plain_word, refusal
from libs.resilience.errors import AdjutantError

_LIMITS = frozenset(
    {"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded", "RATE_LIMIT_EXCEEDED"}
)


def google_refusal(api: str, status: int, headers: httpx.Headers, content: dict[str, Any] | None) -> AdjutantError:
    """The error for an answer with status >= 400. `content` is the JSON body, or None when it was not JSON."""
    reason = _reason(content)
    return refusal(api, status, headers, reason=reason, is_limit=status == 403 and reason in _LIMITS)


def _reason(content: dict[str, Any] | None) -> str | None:
    """Google's machine-readable reason, for example `rateLimitExceeded`; prose is not passed on."""
    error = (content or {}).get("error")
    if not isinstance(error, dict):
        return None
    details = error.get("errors")
    first = details[0] if isinstance(details, list) and details and isinstance(details[0], dict) else {}
    return plain_word(first.get("reason") or error.get("status"))
