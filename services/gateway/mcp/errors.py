"""What the MCP endpoint refuses by itself, and every refusal as JSON-RPC, so that clients show the sentence."""

import json
from typing import Any

from starlette.responses import Response

from libs.http.problem import retry_after
from libs.resilience.errors import AdjutantError, Forbidden, InvalidInput
from services.gateway.error_headers import error_headers
from services.gateway.errors import MalformedJson

PARSE_ERROR, INVALID_REQUEST, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32602, -32603
"""JSON-RPC 2.0, section 5.1."""


class ForeignPage(Forbidden):
    """A browser sent this from a page that is not ours (DNS rebinding, or simply another site)."""

    slug = "foreign_page"
    advice = "Ask your operator to add the page's origin to ADJUTANT_GATEWAY_CORS_ORIGINS, or use no browser."


class MalformedMessage(InvalidInput):
    """JSON, and no single JSON-RPC message."""

    slug = "malformed_message"
    status = 400
    advice = "Send one JSON-RPC 2.0 request or notification; batches are not taken."


class MalformedIdempotencyKey(InvalidInput):
    """`_meta.idempotencyKey` that is not a key."""

    slug = "malformed_idempotency_key"
    advice = "Send 1 to 255 visible ASCII characters, or leave it out."


def sentence(error: AdjutantError) -> str:
    """What went wrong and what to do, as one text."""
    detail = error.detail if error.detail.endswith((".", "!", "?")) else f"{error.detail}."
    return f"{detail} {error.advice}".strip()


def error_data(error: AdjutantError) -> dict[str, Any]:
    """The `data` of a JSON-RPC error: the slug, and when to come back."""
    wait_s = retry_after(error)
    return {"error": error.slug} | ({} if wait_s is None else {"retry_after_s": wait_s})


def code_of(error: AdjutantError) -> int:
    """The JSON-RPC code for a request that did not get as far as a tool."""
    if isinstance(error, MalformedJson):
        return PARSE_ERROR
    return INTERNAL_ERROR if error.status >= 500 else INVALID_REQUEST


def refusal(error: AdjutantError, message_id: str | int | None, request_id: str) -> Response:
    """The HTTP answer to a request that was not let in; clients of the SDK read the JSON-RPC error in it."""
    data = error_data(error) | {"request_id": request_id}
    said = {"code": code_of(error), "message": sentence(error), "data": data}
    body = json.dumps({"jsonrpc": "2.0", "id": message_id, "error": said})
    return Response(body, error.status, error_headers(error), "application/json")
