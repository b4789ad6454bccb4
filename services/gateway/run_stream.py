"""Following a run: what chat keeps of it, from any number on, as server-sent events or as text with control tokens.

Live notices only wake; the updates are read from chat, so that a client may come back days later and miss nothing.
"""

import asyncio
import time
from collections.abc import AsyncIterator

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from contracts.ids import RunId
from contracts.runs import GetRunUpdates, RunUpdate
from libs.bus import RemoteError
from libs.resilience.errors import Unavailable
from services.gateway.deps import Gateway
from services.gateway.plain_text import PlainText
from services.gateway.principal import Principal
from services.gateway.turn_response import PLAIN, SSE
from services.gateway.updates import Update

LOOK_EVERY_S = 3.0
"""A notice may be lost."""
AWAY_S = 30.0
"""How long chat may be away before a stream ends; the client comes back with Last-Event-ID."""


class RunResponse(Response):
    """Follows a run for one client until it is over. When the client leaves, the run goes on."""

    def __init__(self, gateway: Gateway, caller: Principal, run_id: RunId, after: int, media_type: str) -> None:
        self._gateway, self._caller, self._run_id, self._after = gateway, caller, run_id, after
        self._text = PlainText() if media_type == PLAIN else None
        headers = {"x-run-id": run_id, "x-accel-buffering": "no"}
        super().__init__(None, 200, headers, f"{PLAIN}; charset=utf-8" if self._text else SSE)
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        following = asyncio.create_task(self._follow(send))
        leaving = asyncio.create_task(_disconnected(receive))
        try:
            await asyncio.wait({following, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            following.cancel()
            gone = await asyncio.gather(following, return_exceptions=True)
        if isinstance(gone[0], Exception):
            raise gone[0]
        if gone[0] is None:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _follow(self, send: Send) -> None:
        async with self._gateway.bus.listen("run", self._run_id) as notices:
            wakes = _Wakes(notices)
            try:
                await self._until_over(send, wakes)
            finally:
                wakes.close()

    async def _until_over(self, send: Send, wakes: "_Wakes") -> None:
        heard_at = told_at = time.monotonic()
        while not self._gateway.stopping.is_set():
            try:
                is_over, count = await self._tell_new(send)
                heard_at = time.monotonic()
            except RemoteError:
                return  # it is not there any more
            except Unavailable:
                if time.monotonic() - heard_at > AWAY_S:
                    return
                is_over, count = False, 0
            if is_over:
                return
            if count:
                told_at = time.monotonic()
            elif self._text is None and time.monotonic() - told_at > self._gateway.settings.ping_s:
                told_at = time.monotonic()
                await send({"type": "http.response.body", "body": b": ping\n\n", "more_body": True})
            await wakes.wait(LOOK_EVERY_S)

    async def _tell_new(self, send: Send) -> tuple[bool, int]:
        """Everything since the last one; whether nothing follows, and how many there were."""
        query = GetRunUpdates(run_id=self._run_id, after=self._after)
        found = await self._gateway.bus.ask(query, scope=self._caller.scope)
        for update in found.updates:
            if body := self._written(update):
                await send({"type": "http.response.body", "body": body, "more_body": True})
            self._after = update.n
        return found.is_over, len(found.updates)

    def _written(self, update: RunUpdate) -> bytes:
        if self._text is None:
            data = update.model_dump_json(exclude_none=True)
            return f"event: {update.type}\nid: {self._run_id}:{update.n}\ndata: {data}\n\n".encode()
        return self._text.write(as_turn_update(update)).encode("utf-8", "replace")


def as_turn_update(update: RunUpdate) -> Update:
    """The same fact as a turn tells it, for the plain stream."""
    kind, detail = update.type, update.text
    if update.type == "action.proposed":
        return Update(update.n, "step.progress", text="This step waits for your decision.")
    if update.type == "run.paused":
        return Update(update.n, "step.progress", text="The run is paused.")
    if update.type == "run.resumed":
        return Update(update.n, "step.progress", text="The run goes on.")
    return Update(
        n=update.n,
        type="turn.failed" if kind == "run.failed" else kind,
        step_id=update.step_id,
        name=update.name,
        status=update.status,
        text=update.text,
        confidence=update.confidence,
        error=update.error,
        detail=detail,
    )


class _Wakes:
    """Notices as something one can wait for with a limit, again and again."""

    def __init__(self, notices: AsyncIterator[bytes]) -> None:
        self._notices = notices
        self._next: asyncio.Future[bytes] | None = None

    async def wait(self, within_s: float) -> None:
        if self._next is None:
            self._next = asyncio.ensure_future(anext(self._notices))
        await asyncio.wait({self._next}, timeout=within_s)
        if self._next.done():
            if self._next.exception() is not None:
                return await asyncio.sleep(within_s)  # the subscription has ended: only looking is left
            self._next = None
        return None

    def close(self) -> None:
        if self._next is not None:
            self._next.cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
