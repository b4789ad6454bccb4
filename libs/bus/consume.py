"""A durable consumer at work: one task a message, as many as the route allows, heart-beaten while they last."""

import asyncio
import time
from typing import Generic

from nats.aio.client import Client
from nats.aio.msg import Msg

from libs.bus.delivery import Delivery, Held, hand_back
from libs.bus.errors import CONNECTION_ERRORS
from libs.bus.outage import Outage
from libs.bus.pull import Puller
from libs.bus.routes import DepsT, Route
from libs.bus.subjects import NOBODY
from libs.bus.topology import ConsumerPlan
from libs.bus.turns import InTurn
from libs.db import Database, DatabaseUnavailable
from libs.telemetry import get_logger

log = get_logger("libs.bus")

PATIENCE = 3
"""How often a message may find the database away, although it answers a ping, before that counts as a failure."""


class Consumer(Generic[DepsT]):
    """Takes the messages of one route until stopped."""

    def __init__(
        self, route: Route[DepsT], plan: ConsumerPlan, deps: DepsT, database: Database, client: Client, outage: Outage
    ) -> None:
        self._route = route
        self._client = client
        self._outage = outage
        self._delivery = Delivery(route, deps, database, plan.durable, client)
        self._puller = Puller(client, plan.stream, plan.durable, self._received, self._free_slots)
        outage.on_end(self._puller.refill)
        self._beat_s = plan.ack_wait_s / 3
        self._held: dict[int, Held] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._in_turn = InTurn()
        self._stopping = False
        self._heart: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to fetch."""
        self._heart = asyncio.create_task(self._beat(), name=f"heartbeat {self._route.name}")
        await self._puller.start()

    def reconnected(self) -> None:
        """Ask again over the new connection."""
        self._puller.reset()

    async def stop_fetching(self) -> None:
        """Take nothing more, and hand back what no handler has begun."""
        self._stopping = True
        await self._puller.stop()
        for sequence, held in list(self._held.items()):
            if not held.started:
                self._tasks[sequence].cancel()
                await hand_back(held)

    async def finish(self, grace_s: float) -> None:
        """Wait for the handlers that run; whose time is up is cancelled and its message handed back."""
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=grace_s)
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        if self._heart:
            self._heart.cancel()

    def _free_slots(self) -> int:
        return 0 if self._stopping or self._outage.lasts else self._route.at_once - len(self._held)

    def _received(self, message: Msg) -> None:
        sequence = message.metadata.sequence.stream
        if sequence in self._held:
            # The server gave up on us (a long outage) while we still work on it: answer the newer delivery.
            self._held[sequence].message = message
            return
        held = self._held[sequence] = Held(message)
        task = self._tasks[sequence] = asyncio.create_task(self._work(sequence, held), name=self._route.name)
        task.add_done_callback(lambda _: self._released(sequence))

    def _released(self, sequence: int) -> None:
        del self._held[sequence], self._tasks[sequence]
        self._puller.refill()

    async def _work(self, sequence: int, held: Held) -> None:
        try:
            async with self._in_turn.of(_owner(held.message)):
                held.started = True
                await self._until_settled(held)
        except asyncio.CancelledError:
            if held.started:
                await hand_back(held)
            raise
        except Exception:
            # Neither an outcome nor a dead letter could be written: the server delivers it again after ack_wait.
            log.exception("message_unsettled", route=self._route.name)

    async def _until_settled(self, held: Held) -> None:
        """One attempt; while the database is away the message stays in hand and none of its attempts is used."""
        for found_away in range(1, PATIENCE + 1):
            try:
                return await self._delivery.attempt(held)
            except DatabaseUnavailable as error:
                if found_away == PATIENCE:
                    return await self._delivery.failed(held, error)
            except Exception as error:
                return await self._fail(held, error)
            await self._outage.wait()
        return None

    async def _fail(self, held: Held, error: Exception) -> None:
        try:
            await self._delivery.failed(held, error)
        except DatabaseUnavailable:
            await self._outage.wait()
            await self._delivery.failed(held, error)

    async def _beat(self) -> None:
        """Tell the server that we still work on what we hold, before it gives the message to somebody else."""
        while True:
            await asyncio.sleep(self._beat_s)
            old = time.monotonic() - self._beat_s / 2
            for held in list(self._held.values()):
                if held.since < old:
                    try:
                        await held.message.in_progress()
                    except CONNECTION_ERRORS as error:
                        log.debug("heartbeat_lost", error=type(error).__name__)
                        break


def _owner(message: Msg) -> str | None:
    """The user an event is about: events of one user are taken in order. Commands are not ordered."""
    if not message.subject.startswith("evt."):
        return None
    user = message.subject.rsplit(".", 1)[1]
    return None if user == NOBODY else user
