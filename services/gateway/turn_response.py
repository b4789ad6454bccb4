"""The streamed HTTP answer of a turn: server-sent events, or plain text with control tokens.

Writes to the server itself: between a live update and the socket lies one function call, no queue and no task.
"""

import asyncio

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.gateway.plain_text import PlainText
from services.gateway.turn_start import FollowedTurn
from services.gateway.turn_stream import Sink
from services.gateway.updates import Update, as_event

SSE = "text/event-stream"
PLAIN = "text/plain"


class EventSink:
    """Updates as server-sent events."""

    def __init__(self, send: Send, turn_id: str) -> None:
        self._send, self._turn_id = send, turn_id

    async def write(self, update: Update, body: bytes) -> None:
        """One event."""
        event = as_event(self._turn_id, update, body)
        await self._send({"type": "http.response.body", "body": event, "more_body": True})

    async def ping(self) -> None:
        """A comment, which clients ignore and proxies see."""
        await self._send({"type": "http.response.body", "body": b": ping\n\n", "more_body": True})


class PlainSink:
    """Updates as text with control tokens."""

    def __init__(self, send: Send) -> None:
        self._send, self._text = send, PlainText()

    async def write(self, update: Update, body: bytes) -> None:
        """The text an update adds, if any."""
        if text := self._text.write(update):
            await self._send({"type": "http.response.body", "body": text.encode("utf-8", "replace"), "more_body": True})

    async def ping(self) -> None:
        """Nothing: plain text has no way to be silent aloud."""


class TurnResponse(Response):
    """Follows a turn for one client. When the client leaves, following ends and the turn goes on."""

    def __init__(self, turn: FollowedTurn, media_type: str) -> None:
        self._turn = turn
        self._plain = media_type == PLAIN
        headers = {
            "x-turn-id": turn.stream.turn_id,
            "x-conversation-id": turn.stream.conversation_id,
            "x-accel-buffering": "no",
            **(turn.allowance.headers() if turn.allowance else {}),
        }
        super().__init__(None, 200, headers, f"{PLAIN}; charset=utf-8" if self._plain else SSE)
        del self.headers["content-length"]

    def sink(self, send: Send) -> Sink:
        """Where the updates go."""
        return PlainSink(send) if self._plain else EventSink(send, self._turn.stream.turn_id)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        sink = self.sink(send)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        gone = asyncio.timeout(None)
        try:
            async with gone:
                watch = asyncio.create_task(_until_disconnected(receive, gone))
                try:
                    await self._turn.follow(sink)
                finally:
                    watch.cancel()
        except TimeoutError:
            if not gone.expired():
                raise
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_disconnected(receive: Receive, gone: asyncio.Timeout) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    gone.reschedule(asyncio.get_running_loop().time())


def preferred(accept: str) -> str:
    """`text/plain` when the Accept header ranks it above server-sent events, else `text/event-stream`."""
    weights = {SSE: -1.0, PLAIN: -1.0}
    for entry in accept.lower().split(","):
        media_type, _, parameters = entry.strip().partition(";")
        weight = _quality(parameters)
        if media_type.strip() in weights:
            weights[media_type.strip()] = weight
    return PLAIN if weights[PLAIN] > max(weights[SSE], 0.0) else SSE


def _quality(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
