"""Google's public keys, fetched once an hour: what Gmail's pushes are signed with."""

import asyncio
import time

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from libs.http.errors import NeighbourUnavailable
from libs.http.outgoing import HttpClient
from libs.resilience.deadline import Deadline
from libs.resilience.errors import AdjutantError

KEPT_S = 3600.0
ASK_AGAIN_S = 60.0
"""After a failure."""
FETCH_S = 3.0
"""Pub/Sub waits ten seconds for us, and sends again."""


class GoogleKeys:
    """Shared by all requests of a replica; one fetch at a time."""

    def __init__(self, http: HttpClient, url: str) -> None:
        self._http = http
        self._url = url
        self._keys: KeySet | None = None
        self._fetched_at = -KEPT_S
        self._fetching = asyncio.Lock()

    async def current(self) -> KeySet | None:
        """The key set; the old one while Google is away. Raises Unavailable when there has never been one."""
        if time.monotonic() - self._fetched_at < KEPT_S:
            return self._keys
        async with self._fetching:
            if time.monotonic() - self._fetched_at >= KEPT_S:
                await self._fetch()
        return self._keys

    async def _fetch(self) -> None:
        try:
            self._keys = await self._asked()
            self._fetched_at = time.monotonic()
        except AdjutantError:
            if self._keys is None:
                raise
            # The old keys serve; Google is asked again soon, and not by every request.
            self._fetched_at = time.monotonic() - KEPT_S + ASK_AGAIN_S

    async def _asked(self) -> KeySet:
        answer = await self._http.send("GET", self._url, deadline=Deadline.after(FETCH_S))
        if not answer.is_success:
            raise NeighbourUnavailable(f"Google's keys cannot be had ({answer.status}).")
        try:
            return KeySet.import_key_set(answer.json())
        except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise NeighbourUnavailable("What came instead of Google's keys is no key set.") from error
