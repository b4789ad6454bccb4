"""Live messages: tokens, progress, wake-ups. Core NATS both ways; a stream in memory remembers ten minutes.

A follower listens first and reads back second, so that nothing falls between; what arrives out of order or
leaves a gap (a reconnection) is read back from the stream. Bodies of numbered kinds are JSON objects that hold
`n`, counted from 1 per subject.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from libs.bus.connection import stop_listening, unavailable
from libs.bus.errors import CONNECTION_ERRORS, LiveGap, MalformedMessage
from libs.bus.subjects import LIVE_STREAM, live_subject
from libs.telemetry import get_logger

log = get_logger("libs.bus")

READ_BACK_BATCH = 500
READ_TIMEOUT_S = 2.0
HEAL_FOR_S = 2.0
"""How long a gap is asked for before it counts as lost: publishing and storing are not the same moment."""
HEAL_EVERY_S = 0.05
LOOK_EVERY_S = 5.0
"""Without a message for so long a follower reads back once: the very last message may be the lost one."""


class _Numbered(msgspec.Struct):
    n: int


_number = msgspec.json.Decoder(_Numbered)


class LivePublisher:
    """Publishes on one live subject. Nothing is awaited but room in the client's buffer."""

    __slots__ = ("_client", "_subject")

    def __init__(self, client: Client, kind: str, id: str) -> None:
        self._client = client
        self._subject = live_subject(kind, id)

    async def publish(self, body: bytes) -> None:
        """Send. Raises BusUnavailable when the server is away and the client's buffer (4 MiB) is full."""
        try:
            await self._client.publish(self._subject, body)
        except CONNECTION_ERRORS as error:
            raise unavailable(error) from error


async def last_live(jetstream: JetStreamContext, kind: str, id: str) -> bytes | None:
    """The newest body on that subject, or None: never published, too old, or forgotten with a restart."""
    try:
        found = await jetstream.get_last_msg(LIVE_STREAM, live_subject(kind, id), direct=True)
    except NotFoundError:
        return None
    except CONNECTION_ERRORS as error:
        raise unavailable(error) from error
    return found.data


@asynccontextmanager
async def listen(client: Client, kind: str, id: str) -> AsyncIterator[AsyncIterator[bytes]]:
    """What is published from now on, unnumbered: a hint to look, which a reconnection may swallow."""
    async with _subscribed(client, live_subject(kind, id)) as bodies:
        yield bodies


@asynccontextmanager
async def _subscribed(client: Client, subject: str) -> AsyncIterator[AsyncIterator[bytes]]:
    # No flush: what this connection sends afterwards reaches the server after the subscription. (And a flush that
    # is cancelled leaves a future behind on which nats-py 2.16 stumbles when the pong arrives.)
    try:
        subscription = await client.subscribe(subject)
    except CONNECTION_ERRORS as error:
        raise unavailable(error) from error
    try:
        yield _bodies(subscription.messages)
    finally:
        await stop_listening(subscription)


@asynccontextmanager
async def listen_all(client: Client, kind: str) -> AsyncIterator[AsyncIterator[bytes]]:
    """The same for every id of a kind: for hints that any replica may be the one to take."""
    async with _subscribed(client, f"{live_subject(kind, 'any').rsplit('.', 1)[0]}.*") as bodies:
        yield bodies


async def _bodies(messages: AsyncIterator[Msg]) -> AsyncIterator[bytes]:
    async for message in messages:
        yield message.data


@asynccontextmanager
async def follow(
    client: Client, kind: str, id: str, after: int, *, fresh: bool = False
) -> AsyncIterator[AsyncIterator[bytes]]:
    """Bodies with `n` above `after`, each once and in order, first the remembered ones, then those to come.

    `fresh` says that nothing can have been published yet, which saves reading back.
    """
    arrived: asyncio.Queue[bytes] = asyncio.Queue()

    async def take(message: Msg) -> None:
        arrived.put_nowait(message.data)

    subject = live_subject(kind, id)
    try:
        subscription = await client.subscribe(subject, cb=take)
    except CONNECTION_ERRORS as error:
        raise unavailable(error) from error
    try:
        yield Follower(client, subject, arrived, after).updates(fresh=fresh)
    finally:
        await stop_listening(subscription)


class Follower:
    """Puts what arrives and what is read back into one gapless sequence."""

    def __init__(self, client: Client, subject: str, arrived: "asyncio.Queue[bytes]", after: int) -> None:
        self._client = client
        self._subject = subject
        self._arrived = arrived
        self._last = after
        self._early: dict[int, bytes] = {}
        self._sequence = 1
        """Stream sequence from which to read back."""

    async def updates(self, *, fresh: bool = False) -> AsyncIterator[bytes]:
        """Never ends by itself. Raises LiveGap when messages are lost for good, BusUnavailable without a bus."""
        if not fresh:
            await self._read_back()
        while True:
            for body in self._ready():
                yield body
            if self._early:
                await self._heal()
                continue
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    self._admit(await self._arrived.get())
            except TimeoutError:
                await self._read_back()
            while not self._arrived.empty():
                self._admit(self._arrived.get_nowait())

    def _admit(self, body: bytes) -> None:
        try:
            n = _number.decode(body).n
        except msgspec.DecodeError as error:
            raise MalformedMessage(f"a message on {self._subject} has no number") from error
        if n > self._last:
            self._early[n] = body

    def _ready(self) -> list[bytes]:
        ready = []
        while (body := self._early.pop(self._last + 1, None)) is not None:
            self._last += 1
            ready.append(body)
        return ready

    async def _heal(self) -> None:
        """Something after the next one is here, the next one is not: it is in the stream, or on its way there."""
        deadline = asyncio.get_running_loop().time() + HEAL_FOR_S
        while self._last + 1 not in self._early:
            await self._read_back()
            while not self._arrived.empty():
                self._admit(self._arrived.get_nowait())
            if self._last + 1 in self._early:
                return
            if asyncio.get_running_loop().time() > deadline:
                raise LiveGap(f"live messages {self._last + 1} to {min(self._early) - 1} are no longer there")
            await asyncio.sleep(HEAL_EVERY_S)

    async def _read_back(self) -> None:
        """Everything on the subject that the stream still has and this follower has not seen."""
        try:
            while True:
                bodies, self._sequence = await read_back(self._client, self._subject, self._sequence)
                for body in bodies:
                    self._admit(body)
                if len(bodies) < READ_BACK_BATCH:
                    return
        except CONNECTION_ERRORS as error:
            # Live messages go on arriving after a reconnection; a gap that stays is reported as such.
            log.info("live_read_back_failed", error=type(error).__name__)


async def read_back(client: Client, subject: str, from_sequence: int) -> tuple[list[bytes], int]:
    """Up to a batch of bodies from the stream by one direct get, and the sequence to go on from."""
    request = {"batch": READ_BACK_BATCH, "seq": from_sequence, "next_by_subj": subject}
    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox)
    bodies: list[bytes] = []
    try:
        await client.publish(f"$JS.API.DIRECT.GET.{LIVE_STREAM}", json.dumps(request).encode(), reply=inbox)
        while True:
            message = await subscription.next_msg(READ_TIMEOUT_S)
            headers = message.headers or {}
            if "Status" in headers:  # 204 ends a batch, 404 means nothing there, 503 that the stream is being made
                return bodies, from_sequence
            bodies.append(message.data)
            from_sequence = int(headers["Nats-Sequence"]) + 1
    finally:
        await stop_listening(subscription)
