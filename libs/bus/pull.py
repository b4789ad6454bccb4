"""Pulling from a durable consumer: ask for exactly as many messages as there are free slots, no more.

The client library's `fetch` was not taken: it waits out a whole expiry after a reconnection, returns partial
batches, and prefetches beyond what can be worked on. Here one inbox receives what any number of pull
requests bring, so a freed slot is refilled without waiting for a batch to end.
"""

import asyncio
import json
import time
from collections.abc import Callable

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from libs.bus.connection import stop_listening
from libs.bus.errors import CONNECTION_ERRORS
from libs.telemetry import get_logger

log = get_logger("libs.bus")

EXPIRES_S = 30.0
HEARTBEAT_S = 5.0
SILENCE_S = 2.5 * HEARTBEAT_S
"""After this long without message or heartbeat a request is taken for lost and asked again."""
RETRY_S = 0.5


class Puller:
    """Keeps pull requests open for the free slots of one consumer and hands each message to `deliver` at once."""

    def __init__(
        self, client: Client, stream: str, durable: str, deliver: Callable[[Msg], None], free: Callable[[], int]
    ) -> None:
        self._client = client
        self._durable = durable
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._inbox = client.new_inbox()
        self._deliver = deliver
        self._free = free
        self._asked = 0
        self._heard_at = time.monotonic()
        self._wanted = asyncio.Event()
        self._paused = False
        self._subscription: Subscription | None = None
        self._loop: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to pull."""
        self._subscription = await self._client.subscribe(self._inbox, cb=self._received)
        self._loop = asyncio.create_task(self._keep_asking(), name=f"pull {self._durable}")

    async def stop(self) -> None:
        """No message is delivered after this returns; requests still open at the server lapse with the inbox."""
        if self._loop:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        if self._subscription:
            await stop_listening(self._subscription)

    def refill(self) -> None:
        """A slot became free, or fetching may go on."""
        self._wanted.set()

    def reset(self) -> None:
        """The connection is new: what was asked over the old one is forgotten."""
        self._asked = 0
        self._wanted.set()

    async def _keep_asking(self) -> None:
        while True:
            delay_s = await self._ask_if_useful()
            try:
                async with asyncio.timeout(delay_s):
                    await self._wanted.wait()
            except TimeoutError:
                self._presume_lost_if_silent()
            self._wanted.clear()

    async def _ask_if_useful(self) -> float:
        """Ask for the free slots that no open request covers; returns when to look again at the latest."""
        missing = self._free() - self._asked
        if missing > 0:
            request = {"batch": missing, "expires": int(EXPIRES_S * 1e9), "idle_heartbeat": int(HEARTBEAT_S * 1e9)}
            try:
                await self._client.publish(self._next, json.dumps(request).encode(), reply=self._inbox)
            except CONNECTION_ERRORS:
                return RETRY_S
            self._asked += missing
            self._heard_at = time.monotonic()
        return HEARTBEAT_S

    def _presume_lost_if_silent(self) -> None:
        if self._asked and time.monotonic() - self._heard_at > SILENCE_S and self._client.is_connected:
            log.warning("bus_pull_silent", durable=self._durable)
            self._asked = 0

    async def _received(self, message: Msg) -> None:
        self._heard_at = time.monotonic()
        status = (message.headers or {}).get("Status")
        if status is None or message.reply.startswith("$JS.ACK."):
            self._asked = max(0, self._asked - 1)
            self._deliver(message)
        elif status != "100":  # 100 is the heartbeat
            await self._request_ended(status, message.headers or {})

    async def _request_ended(self, status: str, headers: dict[str, str]) -> None:
        """408 expired; 409 consumer deleted, leader changed, server stops; 503 nobody there yet after a restart."""
        left = headers.get("Nats-Pending-Messages")
        self._asked = max(0, self._asked - int(left)) if left else 0
        if status != "408":
            log.warning("bus_pull_refused", durable=self._durable, status=status, reason=headers.get("Description"))
            await asyncio.sleep(RETRY_S)  # one refusal a request: without a pause it would be asked again at once
        self._wanted.set()
