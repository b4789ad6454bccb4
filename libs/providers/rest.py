"""A provider's JSON API at one address, for providers whose vendor gives no description to build requests from.

One client a provider, shared by all users of a process. The pause that a provider asked for is kept by `Pace`, which
replicas share, so that one replica's 429 keeps the others from asking too.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

import httpx
from opentelemetry.trace import SpanKind

from libs.providers.errors import ProviderBusy, ProviderGarbled, ProviderUnavailable, refusal
from libs.providers.wire import DEFAULT_TIMEOUT_S, exchange
from libs.resilience.breaker import Breaker
from libs.resilience.errors import AdjutantError, InvalidInput
from libs.telemetry import tracer

DEFAULT_PAUSE_S = 60.0
"""How long a provider is left alone that says "slow down" without saying for how long."""


@dataclass(frozen=True, slots=True, repr=False)
class Access:
    """A usable token and whose it is. Shows nothing when printed."""

    token: str
    connection_id: str
    """Providers count requests per connection; so do we."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A success, or 304 for what has not changed since `etag`."""

    status: int
    headers: httpx.Headers
    content: Any
    """The decoded JSON; None for an empty body."""

    @property
    def is_unchanged(self) -> bool:
        """Nothing new since the entity tag that was sent."""
        return self.status == 304

    @property
    def etag(self) -> str | None:
        """To be sent with the next request for the same."""
        etag: str | None = self.headers.get("etag")
        return etag


class Pace(Protocol):
    """When a provider may be asked again for one connection; shared by replicas."""

    async def ready(self, provider: str, connection_id: str) -> None:
        """Raises ProviderBusy with the time left when the provider asked for a pause."""

    async def pause(self, provider: str, connection_id: str, seconds: float) -> None:
        """Remember that nothing may be asked for so long."""


class NoPace:
    """Asks whenever it likes; for callers that are asked by a user and tell them."""

    async def ready(self, provider: str, connection_id: str) -> None:
        """Always."""

    async def pause(self, provider: str, connection_id: str, seconds: float) -> None:
        """Forgets it."""


Refuse = Callable[[str, httpx.Response], AdjutantError | None]
"""Reads a provider's own way to refuse: (label, response) to an error, or None to go by the status alone. Some answer
200 with `"ok": false`; so it is asked about every answer."""
Spare = Callable[[httpx.Headers], float | None]
"""Seconds to pause because the provider's headers say that nothing is left; None when something is."""


class RestApi:
    """`label` appears in errors and the breaker, `provider` in the pace; `base_url` ends where routes begin."""

    def __init__(
        self,
        label: str,
        provider: str,
        base_url: str,
        http: httpx.AsyncClient,
        *,
        headers: Mapping[str, str] | None = None,
        refuse: Refuse | None = None,
        spare: Spare | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.label = label
        self._provider = provider
        self._base_url = base_url.rstrip("/")
        self._http = http
        self._headers = {"accept": "application/json", **(headers or {})}
        self._refuse = refuse
        self._spare = spare
        self._pace: Pace = pace or NoPace()
        self._breaker = Breaker(provider)

    async def send(
        self,
        method: str,
        route: str,
        access: Access,
        *,
        path: Mapping[str, str] | None = None,
        etag: str | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        **request: Any,
    ) -> Answer:
        """One call. `route` is a template such as `/repos/{owner}/{repo}` filled from `path`, escaped, or a whole
        address that the provider itself gave as the next page, below `base_url`.

        `request` goes to httpx (`params`, `json`, `data`). Raises the errors of `libs.providers.errors`.
        """
        url = self._address(route, path or {})
        headers = {**self._headers, "authorization": f"Bearer {access.token}"}
        headers |= {"if-none-match": etag} if etag else {}
        headers |= request.pop("headers", {})
        outgoing = self._http.build_request(method, url, headers=headers, **request)
        # A given address holds ids and cursors; the span names its host alone.
        template = route if route.startswith("/") else "next page"
        attributes = {"http.request.method": method, "server.address": outgoing.url.host, "url.template": template}
        await self._pace.ready(self._provider, access.connection_id)
        with tracer.span(f"{method} {self._provider}", kind=SpanKind.CLIENT, attributes=attributes) as span:
            async with self._breaker:
                response = await exchange(self._http, self.label, outgoing, timeout_s)
                span.set_attribute("http.response.status_code", response.status_code)
                error = self._error(response)
                if response.status_code >= 500 and error is not None and not isinstance(error, ProviderBusy):
                    raise error
        # Beyond the breaker: one user's limit or missing permission is no reason to stop for the others.
        return await self._read(response, error, access)

    def _error(self, response: httpx.Response) -> AdjutantError | None:
        error = self._refuse(self.label, response) if self._refuse else None
        if error is None and response.status_code >= 400:
            error = refusal(self.label, response.status_code, response.headers)
        return error

    async def _read(self, response: httpx.Response, error: AdjutantError | None, access: Access) -> Answer:
        if isinstance(error, ProviderBusy):
            await self._pause(access, error.retry_after_s or DEFAULT_PAUSE_S)
        if error is not None:
            raise error
        if self._spare and (wait_s := self._spare(response.headers)):
            await self._pause(access, wait_s)
        if 300 <= response.status_code < 400 and response.status_code != 304:
            raise ProviderUnavailable(f"{self.label} answered with an unexpected redirect.")
        return Answer(response.status_code, response.headers, self._content(response))

    def _content(self, response: httpx.Response) -> Any:
        if not response.content:
            return None
        try:
            return json.loads(response.content)
        except ValueError as error:
            raise ProviderGarbled(f"{self.label} answered with something that is not JSON.") from error

    async def _pause(self, access: Access, seconds: float) -> None:
        await self._pace.pause(self._provider, access.connection_id, seconds)

    def _address(self, route: str, path: Mapping[str, str]) -> str:
        if route.startswith("/"):
            return self._base_url + route.format_map({name: _escaped(value) for name, value in path.items()})
        # The token goes wherever this points: never to another house.
        if not route.startswith(self._base_url + "/") and not route.startswith(self._base_url + "?"):
            raise ProviderGarbled(f"{self.label} named a next page at another address.")
        return route


def _escaped(value: str) -> str:
    """One path segment; dots alone would climb to another route."""
    if value in {"", ".", ".."}:
        raise InvalidInput("An id in an address is empty or consists of dots.")
    return quote(value, safe="")
