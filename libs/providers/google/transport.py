"""Google's description says what a request looks like; httpx carries it.

`googleapiclient` builds each request from the discovery document in its package (no network); it never sends
one, because its own sender blocks. `libs.http` is not used for the sending: the ledger of effects must tell a
request that was never sent from one that was not answered. Building costs 0.02 ms once the resource object is
made; importing the package costs 0.4 s, so it happens in a thread at start.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import httpx
from opentelemetry.trace import SpanKind

from libs.providers.google.errors import (
    ProviderGarbled,
    ProviderTimeout,
    ProviderUnavailable,
    ProviderUnreachable,
    refusal,
)
from libs.resilience.breaker import Breaker
from libs.resilience.errors import AdjutantError
from libs.telemetry import tracer

MAX_ANSWER_BYTES = 8 * 1024 * 1024
DEFAULT_TIMEOUT_S = 8.0
CONNECT_TIMEOUT_S = 3.0
MAX_CONNECTIONS = 64


@dataclass(frozen=True, slots=True)
class GoogleRequest:
    """What to send; made by `GoogleApi.request`."""

    method_id: str
    method: str
    uri: str
    headers: Mapping[str, str]
    body: str | None


class GoogleApi:
    """One of Google's APIs at one address, shared by all users of the process."""

    def __init__(self, label: str, resources: Mapping[str, Any], http: httpx.AsyncClient, breaker: Breaker) -> None:
        self.label = label
        self._resources = resources
        self._http = http
        self._breaker = breaker

    @classmethod
    async def open(
        cls, label: str, name: str, version: str, collections: tuple[str, ...], base_url: str, http: httpx.AsyncClient
    ) -> "GoogleApi":
        """Load the description of `name` `version`; `collections` are dotted paths such as `users.messages`.

        `base_url` replaces Google's root and service path together, with a slash at its end.
        """
        resources = await asyncio.to_thread(_load, name, version, collections, base_url)
        return cls(label, MappingProxyType(resources), http, Breaker(name))

    def request(self, collection: str, method: str, **parameters: object) -> GoogleRequest:
        """Build a request. Raises TypeError for a parameter that the description does not have."""
        built = getattr(self._resources[collection], method)(**parameters)
        return GoogleRequest(built.methodId, built.method, built.uri, built.headers, built.body)

    async def send(self, request: GoogleRequest, token: str, timeout_s: float = DEFAULT_TIMEOUT_S) -> dict[str, Any]:
        """Send with a bearer token; the JSON object that came back. Raises the errors of `errors.py`."""
        # The address stays out of the span: its query holds what the user searches for.
        attributes = {"http.request.method": request.method}
        with tracer.span(request.method_id, kind=SpanKind.CLIENT, attributes=attributes) as span:
            async with self._breaker:
                response = await self._exchange(request, token, timeout_s)
                span.set_attribute("http.response.status_code", response.status_code)
                if response.status_code >= 500:
                    raise self._refusal(response)
            # Beyond the breaker: one user's limit or missing permission is no reason to stop for the others.
            return self._read(response)

    async def _exchange(self, request: GoogleRequest, token: str, timeout_s: float) -> httpx.Response:
        headers = {**request.headers, "authorization": f"Bearer {token}"}
        try:
            async with asyncio.timeout(timeout_s):
                outgoing = self._http.build_request(request.method, request.uri, headers=headers, content=request.body)
                response = await self._http.send(outgoing, stream=True)
                try:
                    return await self._bounded(response)
                finally:
                    await response.aclose()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise ProviderUnreachable(f"{self.label} cannot be reached.") from error
        except (TimeoutError, httpx.TimeoutException) as error:
            raise ProviderTimeout(f"{self.label} did not answer within {timeout_s:.0f} s.") from error
        except httpx.HTTPError as error:
            raise ProviderGarbled(f"{self.label} broke off in the middle of its answer.") from error

    async def _bounded(self, response: httpx.Response) -> httpx.Response:
        """Read the whole answer unless it is absurdly large."""
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > MAX_ANSWER_BYTES:
                raise ProviderGarbled(f"{self.label} sent more than {MAX_ANSWER_BYTES // 1024**2} MB.")
            chunks.append(chunk)
        headers = [(k, v) for k, v in response.headers.multi_items() if k.lower() != "content-encoding"]
        return httpx.Response(response.status_code, headers=headers, content=b"".join(chunks))

    def _refusal(self, response: httpx.Response) -> AdjutantError:
        return refusal(self.label, response.status_code, response.headers, _json_object(response.content))

    def _read(self, response: httpx.Response) -> dict[str, Any]:
        if response.status_code >= 400:
            raise self._refusal(response)
        content = _json_object(response.content)
        if response.status_code >= 300:
            raise ProviderUnavailable(f"{self.label} answered with an unexpected redirect.")
        if content is None:
            raise ProviderGarbled(f"{self.label} answered with something that is not JSON.")
        return content


def http_client() -> httpx.AsyncClient:
    """The connection pool for Google; `aclose` it at the end. Timeouts over a whole call are set per call."""
    limits = httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=16)
    timeout = httpx.Timeout(30.0, connect=CONNECT_TIMEOUT_S)
    return httpx.AsyncClient(limits=limits, timeout=timeout, follow_redirects=False)


def _json_object(content: bytes) -> dict[str, Any] | None:
    try:
        read = json.loads(content)
    except ValueError:
        return None
    return read if isinstance(read, dict) else None


def _load(name: str, version: str, collections: tuple[str, ...], base_url: str) -> dict[str, Any]:
    from googleapiclient.discovery import build  # type: ignore[import-untyped]

    root: Any = build(
        name,
        version,
        http=_NeverSends(),
        static_discovery=True,
        cache_discovery=False,
        client_options={"api_endpoint": base_url},
    )
    return {path: _descend(root, path.split(".")) for path in collections}


def _descend(resource: Any, path: list[str]) -> Any:
    collection: Callable[[], Any]
    for step in path:
        collection = getattr(resource, step)
        resource = collection()
    return resource


class _NeverSends:
    """Stands where googleapiclient wants a connection; using it would block the event loop, so it refuses."""

    def request(self, *_: object, **__: object) -> None:
        raise RuntimeError("requests to Google are sent by libs.providers.google.transport")
