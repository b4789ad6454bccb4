"""Errors under /v1 in OpenAI's shape, so that its clients raise what their users expect."""

import json
import math
from typing import Any

from starlette.responses import Response

from libs.http.problem import retry_after
from libs.resilience.errors import AdjutantError
from services.gateway.error_headers import error_headers

PREFIX = "/v1/"
SOON_S = 60
_SCHEMA = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": "string"},
                "request_id": {"type": "string"},
            },
        }
    },
}
_CODES = {
    "unauthenticated": "invalid_api_key",
    "no_model_fits": "model_not_found",
    "quota_reached": "rate_limit_exceeded",
    "too_many_requests": "rate_limit_exceeded",
    "budget_reached": "insufficient_quota",
    "context_too_large": "context_length_exceeded",
}
"""The slugs that have a name of their own there; the others keep theirs."""


def openai_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documentation of a route's errors in this shape; 401, 403, 500 and 503 can happen everywhere."""
    return {
        status: {"description": "In OpenAI's shape", "content": {"application/json": {"schema": _SCHEMA}}}
        for status in sorted({*statuses, 401, 403, 500, 503})
    }


def error_body(slug: str, status: int, message: str, request_id: str) -> dict[str, Any]:
    """As the API reference shows it; the request id is ours."""
    code = _CODES.get(slug, slug)
    if code == "insufficient_quota":
        kind = "insufficient_quota"
    elif status == 429:
        kind = "rate_limit_error"
    else:
        kind = "server_error" if status >= 500 else "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": code, "request_id": request_id}}


def openai_response(error: AdjutantError, request_id: str) -> Response:
    """The whole answer. A budget that is used up must not be tried again by itself: `x-should-retry` says so. One that
    is put aside for requests under way may be."""
    headers = error_headers(error)
    if error.slug == "budget_reached" and (retry_after(error) or math.inf) > SOON_S:
        headers["x-should-retry"] = "false"
    # What is wrong with a request is 400 there, whatever it is.
    status = 400 if error.status == 422 else error.status
    detail = error.detail if error.detail.endswith((".", "!", "?")) else f"{error.detail}."
    body = error_body(error.slug, status, f"{detail} {error.advice}".strip(), request_id)
    return Response(json.dumps(body), status, headers, "application/json")
