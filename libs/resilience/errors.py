"""The errors of the house.

    AdjutantError
    ├── InvalidInput          the caller can mend it
    ├── Unauthenticated       who are you
    ├── Forbidden             you may not
    ├── NotFound              not there, or not yours
    ├── Conflict              it clashes with what is
    ├── TooLarge              send less
    ├── RateLimited           later; `retry_after_s` says when
    ├── Unavailable           a neighbour is away; what was accepted is kept
    └── Internal              our bug

A service derives its own leaves from these. Each is mapped once: to problem+json in `libs.http`, to an
error reply in `libs.bus`, to a retry or a dead letter in `libs.bus.consume`.
"""

from typing import ClassVar


class AdjutantError(Exception):
    """An error that tells its reader what to do.

    `detail` is one sentence for the person who sees it and holds no secret and no personal data.
    """

    slug: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    """The HTTP status it maps to."""
    retryable: ClassVar[bool] = False
    """Whether the same request may succeed later without anybody changing anything."""
    advice: ClassVar[str] = "Try again; if it stays, give the request id to your operator."

    def __init__(self, detail: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_s = retry_after_s


class InvalidInput(AdjutantError):
    """The request is wrong and will stay wrong."""

    slug = "invalid_input"
    status = 422
    advice = "Correct the request and send it again."


class Unauthenticated(AdjutantError):
    """No credential, or one that is not valid."""

    slug = "unauthenticated"
    status = 401
    advice = "Log in, or send a valid API key as a bearer token."


class Forbidden(AdjutantError):
    """The caller is known and may not do this."""

    slug = "forbidden"
    status = 403
    advice = "Use an account or an API key that has this permission."


class NotFound(AdjutantError):
    """It does not exist, or belongs to somebody else; the two look alike on purpose."""

    slug = "not_found"
    status = 404
    advice = "Check the id."


class Conflict(AdjutantError):
    """It clashes with the present state."""

    slug = "conflict"
    status = 409
    advice = "Read the current state and decide again."


class TooLarge(AdjutantError):
    """More than the limit."""

    slug = "too_large"
    status = 413
    advice = "Send less."


class RateLimited(AdjutantError):
    """Too many requests; `retry_after_s` says when the next one is welcome."""

    slug = "rate_limited"
    status = 429
    retryable = True
    advice = "Wait for the time in Retry-After, then try again."


class Unavailable(AdjutantError):
    """Something this needs is away. Retrying later helps."""

    slug = "unavailable"
    status = 503
    retryable = True
    advice = "Try again in a moment."


class Internal(AdjutantError):
    """A defect of ours."""
