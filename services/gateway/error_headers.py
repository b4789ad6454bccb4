"""What the headers of a refusal say, in whichever shape its body is: when to come back, what is left, how to log in."""

from libs.http.problem import retry_after
from libs.resilience.errors import AdjutantError
from services.gateway.limits import TooManyRequests


def error_headers(error: AdjutantError) -> dict[str, str]:
    """`Retry-After` and rate-limit headers where they help."""
    headers: dict[str, str] = {}
    if isinstance(error, TooManyRequests):
        headers |= error.allowance.headers()
    if (wait_s := retry_after(error)) is not None:
        headers["retry-after"] = str(wait_s)
    if error.status == 401:
        headers["www-authenticate"] = 'Bearer realm="adjutant"'
    return headers
