"""Calls to the outside: bounded in time and size, behind a breaker, one span each, errors of the house.

The span holds method, host and route template only: paths and query strings carry ids, addresses and tokens.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote

import httpx
import msgspec
from opentelemetry.trace import Span, SpanKind

from libs.http.errors import AnswerTooLarge, NeighbourRateLimited, NeighbourTimeout, NeighbourUnavailable, retry_after_s
from libs.resilience.breaker import Breaker
from libs.resilience.deadline import Deadline
from libs.resilience.errors import InvalidInput
from libs.telemetry import tracer

CONNECT_TIMEOUT_S = 3.0
MAX_ANSWER_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer, read completely. Its status may be any below 500 except 429."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body as JSON. Raises NeighbourUnavailable for anything else, such as a proxy's HTML page."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError as error:
            raise NeighbourUnavailable("The answer is not JSON.") from error


class HttpClient:
    """One neighbour. `name` appears in spans, errors and the breaker; `base_url` ends where routes begin."""

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        timeout_s: float = 15.0,
        breaker: Breaker | None = None,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.name = name
        self.breaker = breaker or Breaker(name)
        self._timeout_s = timeout_s
        self._max_answer_bytes = max_answer_bytes
        self._client = httpx.AsyncClient(
            base_url=base_url,
            timeout=httpx.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s)),
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=20),
            follow_redirects=False,
            transport=transport,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def send(
        self,
        method: str,
        route: str,
        *,
        path: Mapping[str, str] | None = None,
        deadline: Deadline | None = None,
        **request: Any,
    ) -> HttpResponse:
        """One call. `route` is a template such as `/users/{user}`, filled from `path` with everything escaped.

        `request` goes to httpx (`params`, `headers`, `json`, `data`, `content`). Raises CircuitOpen,
        NeighbourUnavailable, NeighbourTimeout, NeighbourRateLimited, AnswerTooLarge; InvalidInput for an id
        that is no path segment.
        """
        allowed_s = self._timeout_s if deadline is None else min(self._timeout_s, deadline.remaining_s())
        url = route.format_map({name: _escaped(value) for name, value in (path or {}).items()})
        outgoing = self._client.build_request(method, url, **request)
        attributes = {"http.request.method": method, "server.address": outgoing.url.host, "url.template": route}
        with tracer.span(f"{method} {self.name}", kind=SpanKind.CLIENT, attributes=attributes) as span:
            async with self.breaker:
                return await self._exchange(outgoing, allowed_s, span)

    async def _exchange(self, request: httpx.Request, allowed_s: float, span: Span) -> HttpResponse:
        try:
            async with asyncio.timeout(allowed_s):
                response = await self._client.send(request, stream=True)
                try:
                    body = await self._read(response)
                finally:
                    await response.aclose()
        except (TimeoutError, httpx.TimeoutException) as error:
            raise NeighbourTimeout(f"{self.name} did not answer within {allowed_s:.1f} s.") from error
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise NeighbourUnavailable(f"{self.name} cannot be reached ({type(error).__name__}).") from error
        span.set_attribute("http.response.status_code", response.status_code)
        self._refuse_failure(response)
        return HttpResponse(response.status_code, response.headers, body)

    async def _read(self, response: httpx.Response) -> bytes:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > self._max_answer_bytes:
                raise AnswerTooLarge(f"{self.name} sent more than {self._max_answer_bytes} bytes.")
        return bytes(body)

    def _refuse_failure(self, response: httpx.Response) -> None:
        wait_s = retry_after_s(response, time.time())
        if response.status_code == 429:
            raise NeighbourRateLimited(f"{self.name} asks for a pause.", retry_after_s=wait_s)
        if response.status_code >= 500:
            raise NeighbourUnavailable(f"{self.name} answered {response.status_code}.", retry_after_s=wait_s)


def _escaped(value: str) -> str:
    """One path segment; dots alone would climb to another route."""
    if value in {"", ".", ".."}:
        raise InvalidInput("An id in an address is empty or consists of dots.")
    return quote(value, safe="")
