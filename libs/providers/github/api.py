"""How GitHub is spoken to: its headers, and its two ways to say that it is too much.

Limits: https://docs.github.com/rest, "Rate limits for the REST API".
"""

import time
from datetime import UTC, datetime

import httpx

from libs.providers.errors import ProviderBusy, retry_after_s
from libs.providers.rest import Pace, RestApi
from libs.resilience.errors import AdjutantError

DEFAULT_BASE_URL = "https://api.github.com"
SECONDARY_PAUSE_S = 60.0
"""GitHub's word for limits of which it does not say when they end: at least a minute."""
_HEADERS = {"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"}


def github_api(http: httpx.AsyncClient, base_url: str, pace: Pace | None = None) -> RestApi:
    """One client for all users of a process."""
    return RestApi("GitHub", "github", base_url, http, headers=_HEADERS, refuse=_refusal, spare=_spare, pace=pace)


def _refusal(label: str, response: httpx.Response) -> AdjutantError | None:
    """Both of GitHub's limits answer 403 or 429; a 403 of another kind is a missing permission."""
    if response.status_code not in (403, 429):
        return None
    told_s = retry_after_s(response.headers.get("retry-after"), datetime.now(UTC))
    is_used_up = response.headers.get("x-ratelimit-remaining") == "0"
    if response.status_code == 403 and told_s is None and not is_used_up and b"secondary rate" not in response.content:
        return None
    wait_s = told_s or (_until_reset(response.headers) if is_used_up else None) or SECONDARY_PAUSE_S
    return ProviderBusy(f"{label} asks us to slow down.", retry_after_s=wait_s)


def _spare(headers: httpx.Headers) -> float | None:
    return _until_reset(headers) if headers.get("x-ratelimit-remaining") == "0" else None


def _until_reset(headers: httpx.Headers) -> float | None:
    reset = headers.get("x-ratelimit-reset", "")
    return max(1.0, int(reset) - time.time()) if reset.isdigit() else None
