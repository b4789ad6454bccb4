"""The outermost layer: request id, where the request comes from, body limit, security headers, errors as problems.

Pure ASGI: Starlette's BaseHTTPMiddleware would put a task and a queue between every token and its client.
"""

import re
import secrets
import time
from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import Any

import structlog
from opentelemetry.trace import Span, SpanKind
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.resilience.errors import AdjutantError, Internal
from libs.telemetry import tracer
from services.gateway.errors import BodyTooLarge
from services.gateway.metrics import RESPONSE_SECONDS, RESPONSES
from services.gateway.principal import Address, Network, Origin
from services.gateway.problems import told

log = structlog.get_logger("services.gateway")

_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{1,64}$")

SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "cross-origin-resource-policy": "same-origin",
}
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_HSTS = "max-age=31536000; includeSubDomains"


class Edge:
    """Wraps the application; nothing leaves without the headers, and nothing but problem+json when it fails."""

    def __init__(self, app: ASGIApp, *, body_limit: int, trusted_proxies: Iterable[str]) -> None:
        self._app = app
        self._body_limit = body_limit
        self._trusted = tuple(ip_network(network) for network in trusted_proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        origin = origin_of(scope, headers, self._trusted)
        scope.setdefault("state", {})["origin"] = origin
        if scope["type"] == "websocket":
            return await self._app(scope, receive, send)
        return await _Exchange(self._app, origin, self._body_limit).run(scope, receive, send, headers)


class _Exchange:
    """One HTTP request and its response."""

    def __init__(self, app: ASGIApp, origin: Origin, body_limit: int) -> None:
        self._app, self._origin, self._left = app, origin, body_limit
        self._limit = body_limit
        self._started = False
        self._arrived_at = time.perf_counter()
        self._status, self._began_after_s = 0, 0.0

    async def run(self, scope: Scope, receive: Receive, send: Send, headers: Headers) -> None:
        async def counted() -> Message:
            message = await receive()
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                raise self._too_large()
            return message

        async def decorated(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._started = True
                self._status, self._began_after_s = message["status"], time.perf_counter() - self._arrived_at
                self._decorate(MutableHeaders(raw=message["headers"]))
            await send(message)

        with tracer.span("http request", kind=SpanKind.SERVER, continuing=headers.get("traceparent")) as span:
            await self._answer(scope, counted, decorated, headers)
            self._measure(scope, span)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, headers: Headers) -> None:
        try:
            declared = headers.get("content-length", "0")
            if declared.isdecimal() and int(declared[:20]) > self._limit:
                raise self._too_large()
            await self._app(scope, receive, send)
        except AdjutantError as error:
            await self._refuse(error, scope, receive, send)
        except Exception:
            # The route and not the path: a path may hold the secret of a link.
            route = getattr(scope.get("route"), "path", "unknown")
            log.exception("request_failed", request_id=self._origin.request_id, route=route)
            await self._refuse(Internal("Something went wrong on our side."), scope, receive, send)

    async def _refuse(self, error: AdjutantError, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._started:
            await told(error, scope.get("path", ""), self._origin.request_id)(scope, receive, send)

    def _decorate(self, headers: MutableHeaders) -> None:
        for name, value in SECURITY_HEADERS.items():
            headers[name] = value
        headers["x-request-id"] = self._origin.request_id
        headers.setdefault("cache-control", "no-store")
        if self._origin.secure:
            headers["strict-transport-security"] = _HSTS

    def _measure(self, scope: Scope, span: Span) -> None:
        """By route and not by path: paths hold ids, and anybody may ask for any."""
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        route = getattr(scope.get("route"), "path", "unknown")
        RESPONSES.labels(method, route, str(self._status)).inc()
        RESPONSE_SECONDS.labels(method, route).observe(self._began_after_s)
        if span.is_recording():
            span.update_name(f"{method} {route}")
            span.set_attribute("http.request.method", method)
            span.set_attribute("http.route", route)
            span.set_attribute("http.response.status_code", self._status)

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(f"A request may have {self._limit:,} bytes.")


def origin_of(scope: Scope, headers: Headers, trusted: tuple[Network, ...]) -> Origin:
    """Where a request comes from; X-Forwarded-… counts only when a trusted proxy sends it."""
    peer = _address(scope["client"][0]) if scope.get("client") else None
    address, secure = peer, scope.get("scheme") in ("https", "wss")
    if peer is not None and _within(peer, trusted):
        secure = headers.get("x-forwarded-proto", "") == "https" or secure
        # The rightmost entry that is not a proxy of ours: what stands further left, the client may have made up.
        for entry in reversed(headers.get("x-forwarded-for", "").split(",")):
            hop = _address(entry.strip())
            if hop is None:
                break
            address = hop
            if not _within(hop, trusted):
                break
    given = headers.get("x-request-id", "")
    return Origin(
        address=address,
        user_agent="".join(c for c in headers.get("user-agent", "")[:200] if c.isprintable()),
        request_id=given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16),
        secure=secure,
    )


def _address(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped: Any = getattr(address, "ipv4_mapped", None)
    return mapped or address


def _within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)
