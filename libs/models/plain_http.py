"""A model asked by one POST through aiohttp, for providers whose SDK is not used.

Anthropic and Gemini need one header, one URL and one JSON body. Their SDKs take 2.6 s and 1.9 s to import and 98 MB and
87 MB of memory, bring retries and time limits that would have to be switched off, and Anthropic's second version can
no longer send a temperature. What remains, errors and limits, is shared with the other adapters anyway.
"""

import re
import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from libs.models.errors import ModelError, ModelUnavailable
from libs.models.failures import refused
from libs.models.headroom import headroom_of
from libs.models.messages import ModelMessage, Options, ToolSchema
from libs.models.streamed import CONNECT_S, StreamedModel

if TYPE_CHECKING:
    from aiohttp import ClientSession

MAX_REFUSAL_BYTES = 65_536
MAX_CONNECTIONS = 1000
KEEP_S = 60.0
_ENDS_WITH_VERSION = re.compile(r"[^/]/v[0-9]+(?:(?:alpha|beta)[0-9]*)?$")


class PlainHttpModel(StreamedModel):
    """A model behind one URL. Needs a running loop only when it is asked."""

    def __init__(self, url: str, headers: Mapping[str, str], model: str, *, first_token_s: float) -> None:
        import aiohttp

        super().__init__(model, first_token_s)
        self._aiohttp = aiohttp
        self._url = url
        # A compressing proxy would hold tokens back until a block is full.
        self._headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", **headers}
        self._session: ClientSession | None = None

    async def aclose(self) -> None:
        """Close its connections."""
        if self._session is not None:
            await self._session.close()

    @abstractmethod
    def _body(self, messages: Sequence[ModelMessage], tools: Sequence[ToolSchema], options: Options) -> dict[str, Any]:
        """The request as the provider wants it."""

    @asynccontextmanager
    async def _opened(
        self, messages: Sequence[ModelMessage], tools: Sequence[ToolSchema], options: Options
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        body = msgspec.json.encode(self._body(messages, tools, options))
        # Never redirected: the key would go along.
        async with self._open_session().post(self._url, data=body, allow_redirects=False) as response:
            if response.status != 200:
                raise refused(response.status, response.headers, await _beginning(response.content.iter_any()))
            self.headroom = headroom_of(response.headers, time.time())
            yield response.content.iter_any()

    def _translated(self, error: Exception) -> ModelError | None:
        match error:
            case self._aiohttp.ClientPayloadError():
                return None
            case self._aiohttp.ClientError():
                return ModelUnavailable("The language model cannot be reached.")
        return None

    def _open_session(self) -> "ClientSession":
        if self._session is None:
            aiohttp = self._aiohttp
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS, keepalive_timeout=KEEP_S),
                # How long an answer may take is the stream's business.
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
                headers=self._headers,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=True,
            )
        return self._session


async def _beginning(portions: AsyncIterator[bytes]) -> bytes:
    """Enough of a refusal to know its kind; one that is longer cannot be read, and its status has to do."""
    told = b""
    async for data in portions:
        told += data
        if len(told) > MAX_REFUSAL_BYTES:
            break
    return told


def versioned(base_url: str, version: str) -> str:
    """The base with its version, which people write or leave out."""
    base = base_url.rstrip("/")
    return base if _ENDS_WITH_VERSION.search(base) else f"{base}/{version}"
