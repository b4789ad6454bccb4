"""The bus of one service: connect, start its routes, talk, stop."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from nats.js import JetStreamContext
from nats.js.errors import APIError
from opentelemetry.trace import SpanKind

from contracts.envelope import Command, Envelope, Event, Query, Reply, Scope, Service
from libs.bus import live, request
from libs.bus.connection import PUBLISH_TIMEOUT_S, Connection, unavailable
from libs.bus.consume import Consumer
from libs.bus.errors import CONNECTION_ERRORS, BusUnavailable
from libs.bus.faststream import Broker
from libs.bus.outage import Outage
from libs.bus.permissions import uses_live
from libs.bus.provision import ensure_live_stream, verify
from libs.bus.relay import Relay
from libs.bus.routes import DepsT, Kind, Route
from libs.bus.subjects import spoken, stream_for, subject_for
from libs.bus.topology import ConsumerPlan, consumer_for
from libs.db import Database
from libs.telemetry import current_traceparent, get_logger, tracer

log = get_logger("libs.bus")

ReplyT = TypeVar("ReplyT", bound=Reply)

SEND_ATTEMPTS = 3
SEND_PAUSE_S = 0.3


class Bus:
    """How a service talks to the others.

    bus = Bus("chat", url, user="chat", password="…")
    await bus.connect()                      # waits while NATS is away
    await bus.start(routes, deps, database)  # verifies the topology, then relays, consumes, answers
    await bus.stop(grace_s=25)               # takes nothing more, finishes what it holds, flushes the outbox
    await bus.close()
    """

    def __init__(
        self,
        service: str,
        url: str,
        *,
        user: str | None = None,
        password: str | None = None,
        on_closed: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_closed` is called when the connection is closed for good without `close()`: end the process then."""
        self.service = Service(service)
        self._connection = Connection(service, url, user, password, on_closed)
        self._broker = Broker(self._connection)
        self._consumers: list[Consumer[Any]] = []
        self._relay: Relay | None = None
        self._outage: Outage | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def connect(self) -> None:
        """Connect, waiting as long as it takes."""
        client = self._connection.opened(await self._broker.connect())
        self._jetstream = JetStreamContext(client, timeout=PUBLISH_TIMEOUT_S)
        self._connection.on_reconnect(self._reconnected)

    @property
    def connected(self) -> bool:
        """Whether NATS is there right now; part of `/readyz`."""
        return self._connection.connected

    @property
    def jetstream(self) -> JetStreamContext:
        """For operators' commands; services have no need of it."""
        return self._jetstream

    async def start(self, routes: Sequence[Route[DepsT]], deps: DepsT, database: Database) -> None:
        """Verify the topology, then relay, answer and consume. Raises TopologyDrift, BusUnavailable."""
        durable = [(route, self._plan(route)) for route in routes if route.kind is not Kind.ANSWER]
        try:
            await verify(self._jetstream, self.service, [plan for _, plan in durable])
            await self._ensure_live_stream()
        except CONNECTION_ERRORS as error:
            raise unavailable(error) from error
        self._outage = Outage(database)
        self._relay = Relay(database, self._jetstream)
        self._relay.start()
        for route in routes:
            if route.kind is Kind.ANSWER:
                self._broker.add_responder(route, deps)
        await self._broker.start()
        client = self._connection.client
        self._consumers = [Consumer(route, plan, deps, database, client, self._outage) for route, plan in durable]
        for consumer in self._consumers:
            await consumer.start()
        # The server knows of the responders only when their subscriptions have arrived; ready means answering. Twice:
        # nats-py 2.16 writes its ping before what still waits to be written. When the first pong is here, that is out.
        await client.flush()
        await client.flush()

    async def stop(self, grace_s: float = 25.0) -> None:
        """Take nothing more, hand back what is not begun, finish the rest within `grace_s`, flush the outbox."""
        await asyncio.gather(self._broker.stop_answering(), *(c.stop_fetching() for c in self._consumers))
        await asyncio.gather(*(consumer.finish(grace_s) for consumer in self._consumers))
        if self._relay:
            await self._relay.stop()
        if self._outage:
            self._outage.close()

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()

    async def send(self, command: Command, *, scope: Scope | None, id: str | None = None) -> str:
        """Straight into the stream, without outbox: returns the envelope id once NATS has it on disk.

        Retried under the same id, which the stream recognises; so is a second call with the same `id` within
        thirty minutes. Raises BusUnavailable: then it is not known whether the message was taken.
        """
        message_type = type(command)
        with tracer.span(f"send {spoken(message_type)}", kind=SpanKind.PRODUCER):
            envelope = Envelope.around(
                message_type, source=self.service, scope=scope, id=id, traceparent=current_traceparent()
            )
            headers = {**envelope.headers(), "Nats-Msg-Id": envelope.id}
            await self._store(subject_for(message_type, scope), stream_for(message_type), command, headers)
        return envelope.id

    async def _store(self, subject: str, stream: str, message: Command, headers: dict[str, str]) -> None:
        body = message.model_dump_json().encode()
        for attempt in range(1, SEND_ATTEMPTS + 1):
            try:
                await self._jetstream.publish(
                    subject, body, stream=stream, headers=dict(headers), timeout=PUBLISH_TIMEOUT_S
                )
            except CONNECTION_ERRORS as error:
                if attempt == SEND_ATTEMPTS:
                    raise unavailable(error) from error
                await asyncio.sleep(SEND_PAUSE_S * attempt)
            except APIError as error:
                raise BusUnavailable(f"the stream {stream} refused the message ({error.description})") from error
            else:
                return

    async def ask(
        self, query: Query[ReplyT], *, scope: Scope | None, timeout_s: float = request.QUERY_TIMEOUT_S
    ) -> ReplyT:
        """Ask the query's owner and return its reply. Raises RemoteError, ServiceUnavailable."""
        return await request.ask(self._connection.client, self.service, query, scope, timeout_s)

    def live(self, kind: str, id: str) -> live.LivePublisher:
        """A publisher on `live.<kind>.<id>`."""
        return live.LivePublisher(self._connection.client, kind, id)

    def follow(self, kind: str, id: str, *, after: int = 0, fresh: bool = False) -> "AbstractAsyncContextManager[Any]":
        """`async with bus.follow("turn", turn_id, after=n) as updates: async for body in updates: …`.

        Numbered bodies above `after`, in order and without gaps; ends never by itself. Raises LiveGap when
        some are lost for good: read the state then. `fresh`: nothing can have been published yet.
        """
        return live.follow(self._connection.client, kind, id, after, fresh=fresh)

    def listen(self, kind: str, id: str) -> "AbstractAsyncContextManager[Any]":
        """`async with bus.listen("execution", id) as notices: async for body in notices: …`: wake-up hints."""
        return live.listen(self._connection.client, kind, id)

    def listen_all(self, kind: str) -> "AbstractAsyncContextManager[Any]":
        """`async with bus.listen_all("turn_stop") as notices: …`: hints about any id of the kind."""
        return live.listen_all(self._connection.client, kind)

    async def last_live(self, kind: str, id: str) -> bytes | None:
        """The newest body on a live subject, from which a successor continues the numbers."""
        return await live.last_live(self._jetstream, kind, id)

    def _plan(self, route: Route[Any]) -> ConsumerPlan:
        if not issubclass(route.message, Event | Command):
            raise TypeError(f"{route.message.__name__} cannot be registered with {route.kind}")
        return consumer_for(self.service, route.message)

    def _reconnected(self) -> None:
        for consumer in self._consumers:
            consumer.reconnected()
        task = asyncio.create_task(self._ensure_live_stream(), name="live stream")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ensure_live_stream(self) -> None:
        """Services that publish or follow live messages keep the stream in memory alive across restarts of NATS."""
        if not uses_live(self.service):
            return
        try:
            await ensure_live_stream(self._jetstream)
        except CONNECTION_ERRORS as error:
            log.warning("live_stream_missing", error=type(error).__name__)
