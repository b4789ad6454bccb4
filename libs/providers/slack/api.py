"""How Slack is spoken to, and how it refuses: status 200, `"ok": false` and a word.

Limits: https://api.slack.com/docs/rate-limits.
"""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx

from libs.providers.answers import reading, record
from libs.providers.errors import (
    EntityNotFound,
    PermissionMissing,
    ProviderBusy,
    ProviderUnavailable,
    RequestRefused,
    TokenRejected,
    plain_word,
    retry_after_s,
)
from libs.providers.rest import Access, Pace, RestApi
from libs.resilience.errors import AdjutantError

DEFAULT_BASE_URL = "https://slack.com/api"
_DEAD = frozenset({"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "user_removed"})
_MISSING = frozenset({"missing_scope", "not_allowed_token_type", "no_permission", "access_denied", "not_in_channel"})
_GONE = frozenset({"channel_not_found", "user_not_found", "message_not_found", "thread_not_found", "is_archived"})
_AWAY = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})
_BUSY = frozenset({"ratelimited", "rate_limited"})


def slack_api(http: httpx.AsyncClient, base_url: str, pace: Pace | None = None) -> RestApi:
    """One client for all users of a process."""
    return RestApi("Slack", "slack", base_url, http, refuse=_refusal, pace=pace)


async def call(api: RestApi, token: str, method: str, given: dict[str, str], timeout_s: float) -> dict[str, Any]:
    """One reading method. Raises ProviderGarbled beside what the API raises."""
    answer = await api.send("POST", f"/{method}", Access(token, ""), data=given, timeout_s=timeout_s)
    return record("Slack", answer.content)


async def pages(
    api: RestApi, token: str, method: str, given: dict[str, str], most: int, timeout_s: float
) -> AsyncIterator[dict[str, Any]]:
    """Up to so many pages. Whoever reads the last one finds in it whether there are more."""
    page = ""
    for _ in range(most):
        content = await call(api, token, method, {**given, **({"cursor": page} if page else {})}, timeout_s)
        yield content
        page = following(content)
        if not page:
            return


@reading("Slack")
def following(content: dict[str, Any]) -> str:
    """The cursor of the next page; empty when this was the last."""
    return str((content.get("response_metadata") or {}).get("next_cursor") or "")


def _refusal(label: str, response: httpx.Response) -> AdjutantError | None:
    if response.status_code != 200:
        return None
    try:
        content = json.loads(response.content)
    except ValueError:
        return None
    if not isinstance(content, dict) or content.get("ok") is not False:
        return None
    word = plain_word(content.get("error")) or "error"
    if word in _DEAD:
        return TokenRejected(f"{label} no longer accepts the connection.")
    if word in _MISSING:
        return PermissionMissing(f"{label} does not allow this for the connected account.")
    if word in _GONE:
        return EntityNotFound(f"{label} does not know it, or no longer.")
    if word in _BUSY:
        wait_s = retry_after_s(response.headers.get("retry-after"), datetime.now(UTC))
        return ProviderBusy(f"{label} asks us to slow down.", retry_after_s=wait_s)
    if word in _AWAY:
        return ProviderUnavailable(f"{label} has a problem of its own ({word}).")
    return RequestRefused(f"{label} refused the request ({word}).")
