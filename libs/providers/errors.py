"""What a provider can answer instead of a result, and what it says about a side effect that was under way.

    AdjutantError
    ├── TokenRejected          401: refresh once, then the user must connect again
    ├── PermissionMissing      403: a scope was not granted, or the account's administrator forbids it
    ├── EntityNotFound         404, 410
    ├── CursorExpired          the place where a listing was to go on is forgotten: list anew
    ├── EntityExists           409: for a client-made id this means it has been done before
    ├── RequestRefused         400 and the other 4xx: it will stay wrong
    ├── ProviderBusy           429, or 403 with a rate-limit reason; `retry_after_s` as it said
    └── ProviderUnavailable    5xx
        ├── ProviderUnreachable    no connection: nothing was sent
        ├── ProviderTimeout        no complete answer in time
        └── ProviderGarbled        HTML, cut-off JSON, a cut connection, an oversized answer

`may_have_happened` is what the effect ledger needs to know: after such an error only a look at the provider tells.
No error here carries text that a provider sent: it may quote the user's data.
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import ClassVar

import httpx

from libs.resilience.errors import (
    AdjutantError,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    RateLimited,
    Unauthenticated,
    Unavailable,
)

_PLAIN_REASON = re.compile(r"^[A-Za-z0-9_.]{1,60}$")


class TokenRejected(Unauthenticated):
    """The provider does not accept the access token."""

    slug = "token_rejected"
    advice = "Connect the account again."


class PermissionMissing(Forbidden):
    """The token is valid and may not do this."""

    slug = "provider_permission_missing"
    advice = "Connect the account again and grant the permission it asks for."


class EntityNotFound(NotFound):
    """The mail, event or calendar is not there (any more)."""

    slug = "provider_entity_not_found"
    advice = "Search again; it may have been deleted."


class CursorExpired(Conflict):
    """The provider no longer knows the cursor. Its listing begins anew, and what is missing from it is gone."""

    slug = "cursor_expired"


class EntityExists(Conflict):
    """Something with this id is there already."""

    slug = "provider_entity_exists"


class RequestRefused(InvalidInput):
    """The provider finds the request itself wrong."""

    slug = "provider_refused"
    advice = "Change the request; the same one will be refused again."


class ProviderBusy(RateLimited):
    """Too many requests for the provider's taste."""

    slug = "provider_rate_limited"
    advice = "Try again in a minute."


class ProviderUnavailable(Unavailable):
    """The provider has a problem of its own."""

    slug = "provider_unavailable"
    may_have_happened: ClassVar[bool] = True


class ProviderUnreachable(ProviderUnavailable):
    """No connection came about, so nothing was sent."""

    may_have_happened: ClassVar[bool] = False


class ProviderTimeout(ProviderUnavailable):
    """No complete answer in time."""

    slug = "provider_timeout"


class ProviderGarbled(ProviderUnavailable):
    """An answer that is not one: HTML, half a JSON document, a connection cut in the middle."""

    slug = "provider_garbled"


def may_have_happened(error: AdjutantError) -> bool:
    """Whether a side effect may exist although the call that made it failed."""
    return isinstance(error, ProviderUnavailable) and error.may_have_happened


def refusal(
    api: str, status: int, headers: httpx.Headers, *, reason: str | None = None, is_limit: bool = False
) -> AdjutantError:
    """The error for an answer with status >= 400. `reason` is the provider's machine-readable word, never its prose;
    `is_limit` says that a 403 means too many requests."""
    wait_s = retry_after_s(headers.get("retry-after"), datetime.now(UTC))
    if status == 429 or is_limit:
        return ProviderBusy(f"{api} asks us to slow down.", retry_after_s=wait_s)
    if status == 401:
        return TokenRejected(f"{api} no longer accepts the connection.")
    if status == 403:
        return PermissionMissing(f"{api} does not allow this for the connected account.")
    if status in (404, 410):
        return EntityNotFound(f"{api} does not know it, or no longer.")
    if status == 409:
        return EntityExists(f"{api} has one with this id already.")
    if status < 500:
        return RequestRefused(f"{api} refused the request ({plain_word(reason) or status}).")
    return ProviderUnavailable(f"{api} has a problem of its own ({status}).", retry_after_s=wait_s)


def plain_word(reason: object) -> str | None:
    """The reason, if it is one word such as `rateLimitExceeded`; anything else may quote a user's data."""
    return reason if isinstance(reason, str) and _PLAIN_REASON.match(reason) else None


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Seconds from a Retry-After header, which holds seconds or an HTTP date; None when absent or unreadable."""
    if not value:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - now).total_seconds())
