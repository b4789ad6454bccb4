"""Following one turn to its end, whatever happens to the live stream meanwhile.

    live updates ──> sink, until a final one
    silence      ──> a sign of life each `ping_s`; after `settle_s` chat is asked whether the turn ended unseen
    stream lost  ──> the same question; the answer is then told from the conversation
    `silence_s`  ──> an `error` event: the stream gives up, the turn does not

The token path is the `async for` in `_follow` and nothing else: no task, no timer and no Pydantic per token.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

from contracts.chat import GetTurn, TurnStatus, TurnView
from contracts.envelope import Scope
from contracts.ids import TurnId
from libs.bus import Bus
from libs.bus.errors import LiveGap
from libs.resilience.errors import AdjutantError
from services.gateway.updates import Update, read_update, write_update


class Sink(Protocol):
    """Where updates go: a server-sent event stream, plain text, or a WebSocket."""

    async def write(self, update: Update, body: bytes) -> None:
        """Send one update; `body` is its JSON."""

    async def ping(self) -> None:
        """Send a sign of life."""


class Ended(Enum):
    """Why following stopped."""

    FINAL = auto()
    LOST = auto()
    """Live updates are gone, or none came for too long while the turn has ended: tell the answer from chat."""
    SILENT = auto()
    DETACHED = auto()
    """This replica is stopping; the client resumes at another one."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds of silence, see the settings of the same names."""

    ping_s: float
    settle_s: float
    silence_s: float


@dataclass(slots=True)
class TurnStream:
    """One client following one turn. `after` is the number of the last update the client has."""

    bus: Bus
    scope: Scope
    turn_id: TurnId
    conversation_id: str
    patience: Patience
    stopping: asyncio.Event
    after: int = 0
    _heard_at: float = field(default=0.0, init=False)
    _settled: TurnView | None = field(default=None, init=False)
    _ended: Ended = field(default=Ended.FINAL, init=False)

    async def run(self, updates: AsyncIterator[bytes], sink: Sink) -> None:
        """Pass everything on until the turn ends. Returns early only when this replica is stopping."""
        ended = await self._follow(updates, sink)
        if ended is Ended.LOST:
            await self._tell_from_conversation(sink)
        elif ended is Ended.SILENT:
            await self._give_up(sink, "The assistant did not answer in time.")

    async def replay(self, sink: Sink) -> bool:
        """Whether there is nothing to follow: the client has it all, or the live stream expired and the end is told."""
        last = await self.bus.last_live("turn", self.turn_id)
        if last is not None:
            update = read_update(last)
            return update.final and update.n <= self.after
        self._settled = await self._ended_view()
        if self._settled is None:
            return False
        await self._tell_from_conversation(sink)
        return True

    async def _follow(self, updates: AsyncIterator[bytes], sink: Sink) -> Ended:
        loop = asyncio.get_running_loop()
        self._heard_at = loop.time()
        try:
            async with asyncio.timeout(None) as guard:
                watch = asyncio.create_task(self._watch(sink, guard))
                try:
                    async for body in updates:
                        self._heard_at = loop.time()
                        update = read_update(body)
                        if update.n <= self.after or update.type == "turn.accepted":
                            continue  # the client has it, or had it from us
                        self.after = update.n
                        await sink.write(update, body)
                        if update.final:
                            return Ended.FINAL
                finally:
                    watch.cancel()
        except LiveGap:
            return Ended.LOST
        except TimeoutError:
            return self._ended
        return Ended.LOST

    async def _watch(self, sink: Sink, guard: asyncio.Timeout) -> None:
        """Beside the stream: ping in silence, and end the wait when there is nothing to wait for."""
        loop = asyncio.get_running_loop()
        asked_at = self._heard_at
        while True:
            tick = min(self.patience.ping_s, self.patience.settle_s)
            if await _happens(self.stopping, tick):
                return self._stop(guard, Ended.DETACHED)
            now = loop.time()
            if now - self._heard_at >= self.patience.silence_s:
                return self._stop(guard, Ended.SILENT)
            if now - self._heard_at >= self.patience.ping_s:
                await sink.ping()
            if now - max(self._heard_at, asked_at) >= self.patience.settle_s:
                asked_at = now
                self._settled = await self._ended_view()
                if self._settled is not None and self._heard_at < now:
                    return self._stop(guard, Ended.LOST)

    def _stop(self, guard: asyncio.Timeout, why: Ended) -> None:
        self._ended = why
        guard.reschedule(asyncio.get_running_loop().time())

    async def _ended_view(self) -> TurnView | None:
        """How the turn ended according to chat; None while it runs, or while chat cannot be asked."""
        try:
            view = await self.bus.ask(GetTurn(turn_id=self.turn_id), scope=self.scope)
        except AdjutantError:
            return None
        return None if view.status in (TurnStatus.ACCEPTED, TurnStatus.RUNNING) else view

    async def _tell_from_conversation(self, sink: Sink) -> None:
        view = self._settled or await self._ended_view()
        if view is None:
            return await self._give_up(sink, "The live stream was lost.")
        for update in self._retold(view):
            self.after = update.n
            await sink.write(update, write_update(update))
        return None

    def _retold(self, view: TurnView) -> list[Update]:
        """The end of a turn as updates: the whole answer as one token, then how it ended."""
        told: list[Update] = []
        n = self.after
        if view.answer is not None:
            if n > 0:
                n += 1
                told.append(Update(n=n, type="turn.restarted"))
            n += 1
            told.append(Update(n=n, type="token", text=view.answer.text))
        told.append(
            Update(
                n=n + 1,
                type=f"turn.{view.status}",
                turn_id=view.turn_id,
                conversation_id=view.conversation_id,
                message_id=view.answer.message_id if view.answer else None,
                engine=view.answer.engine if view.answer else None,
                error=view.error,
                detail="The turn failed." if view.error else None,
            )
        )
        return told

    async def _give_up(self, sink: Sink, what: str) -> None:
        self.after += 1
        update = Update(
            n=self.after,
            type="error",
            turn_id=self.turn_id,
            conversation_id=self.conversation_id,
            error="stream_lost",
            detail=f"{what} Your message is kept; the answer will be in the conversation.",
        )
        await sink.write(update, write_update(update))


async def _happens(event: asyncio.Event, within_s: float) -> bool:
    try:
        async with asyncio.timeout(within_s):
            await event.wait()
    except TimeoutError:
        return False
    return True
