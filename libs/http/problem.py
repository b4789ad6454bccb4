"""Every error as problem+json (RFC 9457): the same slug that the bus and the logs use, and what to do about it."""

import math
from typing import Any

from libs.resilience.errors import AdjutantError

MEDIA_TYPE = "application/problem+json"


def problem(error: AdjutantError, request_id: str, **more: Any) -> dict[str, Any]:
    """The body; `more` are extension members such as `errors`."""
    return {
        "type": f"urn:adjutant:problem:{error.slug}",
        "title": error.slug,
        "status": error.status,
        "detail": error.detail,
        "advice": error.advice,
        "request_id": request_id,
        **more,
    }


def retry_after(error: AdjutantError) -> int | None:
    """Whole seconds for `Retry-After`; None where repeating does not help or nobody knows when."""
    if error.retry_after_s is None:
        return 2 if error.status == 503 else None
    return max(1, math.ceil(error.retry_after_s))
