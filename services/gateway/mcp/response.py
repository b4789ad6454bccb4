"""The answer to one request, written by the SDK.

Importing it takes about half a second and 20 MB: it happens in a thread with the first request, so that a gateway that
nobody uses this way starts without.
"""

import asyncio
import importlib
from collections.abc import Coroutine
from functools import cache
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from services.gateway.deps import Gateway
from services.gateway.limits import Allowance
from services.gateway.mcp.admission import Incoming
from services.gateway.principal import Principal


@cache
def _server() -> Any:
    return importlib.import_module("services.gateway.mcp.server")


class McpResponse(Response):
    """Hands the request, whose body was read already, to a server made for its caller."""

    def __init__(self, gateway: Gateway, caller: Principal, incoming: Incoming, allowance: Allowance | None) -> None:
        super().__init__()
        self._gateway, self._caller, self._incoming = gateway, caller, incoming
        self._limits = allowance.headers() if allowance else {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        server = _server() if _server.cache_info().currsize else await asyncio.to_thread(_server)

        async def decorated(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(raw=message["headers"]).update(self._limits)
            await send(message)

        takes_events = "text/event-stream" in Headers(scope=scope).get("accept", "")
        answer = server.serve(
            self._gateway,
            self._caller,
            (scope, _again(self._incoming.body, receive), decorated),
            takes_events=takes_events,
        )
        # While it writes events the SDK sees by itself when a client leaves, and would miss it if we looked too.
        await (answer if takes_events else _while_connected(receive, answer))


async def _while_connected(receive: Receive, work: Coroutine[Any, Any, None]) -> None:
    """Do it for as long as somebody waits for it."""
    gone = asyncio.timeout(None)

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        gone.reschedule(asyncio.get_running_loop().time())

    try:
        async with gone:
            watching = asyncio.create_task(watch())
            try:
                await work
            finally:
                watching.cancel()
    except TimeoutError:
        if not gone.expired():
            raise


def _again(body: bytes, receive: Receive) -> Receive:
    """The body once more, then whatever comes."""
    waiting = [body]

    async def replayed() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return replayed
