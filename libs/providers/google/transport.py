"""Google's description says what a request looks like; httpx carries it.

`googleapiclient` builds each request from the discovery document in its package (no network); it never sends
one, because its own sender blocks. Building costs 0.02 ms once the resource object is made; importing the package
costs 0.4 s, so it happens in a thread at start.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import httpx
from opentelemetry.trace import SpanKind

from libs.providers.errors import ProviderGarbled, ProviderUnavailable
from libs.providers.google.refusals import google_refusal
from libs.providers.wire import DEFAULT_TIMEOUT_S, exchange
from libs.resilience.breaker import Breaker
from libs.resilience.errors import AdjutantError
from libs.telemetry import tracer


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
                headers = {**request.headers, "authorization": f"Bearer {token}"}
                outgoing = self._http.build_request(request.method, request.uri, headers=headers, content=request.body)
                response = await exchange(self._http, self.label, outgoing, timeout_s)
                span.set_attribute("http.response.status_code", response.status_code)
                if response.status_code >= 500:
                    raise self._refusal(response)
            # Beyond the breaker: one user's limit or missing permission is no reason to stop for the others.
            return self._read(response)

    def _refusal(self, response: httpx.Response) -> AdjutantError:
        return google_refusal(self.label, response.status_code, response.headers, _json_object(response.content))

    def _read(self, response: httpx.Response) -> dict[str, Any]:
        if response.status_code >= 400:
            raise self._refusal(response)
        if response.status_code == 204:
            return {}
        content = _json_object(response.content)
        if response.status_code >= 300:
            raise ProviderUnavailable(f"{self.label} answered with an unexpected redirect.")
        if content is None:
            raise ProviderGarbled(f"{self.label} answered with something that is not JSON.")
        return content


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
