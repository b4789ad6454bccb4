"""Google's public keys, fetched once an hour: what Gmail's pushes are signed with."""

import asyncio
import time
from typing import Any

from libs.http.outgoing import HttpClient
from libs.resilience.deadline import Deadline
from libs.resilience.errors import Unavailable

KEPT_S = 3600.0
FETCH_S = 3.0
"""Pub/Sub waits ten seconds for us, and sends again."""


class GoogleKeys:
    """Shared by all requests of a replica; one fetch at a time."""

    def __init__(self, http: HttpClient, url: str) -> None:
        self._http = http
        self._url = url
        self._keys: Any = None
        self._fetched_at = -KEPT_S
        self._fetching = asyncio.Lock()

    async def current(self) -> Any:
        """The key set; the old one while Google is away. Raises Unavailable when there has never been one."""
        if time.monotonic() - self._fetched_at < KEPT_S:
            return self._keys
        async with self._fetching:
            if time.monotonic() - self._fetched_at >= KEPT_S:
                await self._fetch()
        return self._keys

    async def _fetch(self) -> None:
        try:
            answer = await self._http.send("GET", self._url, deadline=Deadline.after(FETCH_S))
            self._keys = answer.json()
        except Unavailable:
            if self._keys is None:
                raise
        self._fetched_at = time.monotonic()
