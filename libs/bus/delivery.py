"""One message on its way through a handler: decode, run, and what becomes of it."""

import time
from dataclasses import dataclass, field
from typing import Any, Generic

from nats.aio.client import Client
from nats.aio.msg import Msg
from opentelemetry.trace import SpanKind
from pydantic import ValidationError

from contracts.envelope import Envelope, Message
from libs.bus.call import Call
from libs.bus.deadletter import bury
from libs.bus.errors import CONNECTION_ERRORS, MalformedMessage
from libs.bus.inbox import first_time
from libs.bus.metrics import DEAD, DUPLICATES, FAILED, HANDLED, HANDLER_SECONDS
from libs.bus.retries import MAX_DELIVERIES, Verdict, judge
from libs.bus.routes import DepsT, Kind, Route
from libs.db import Database
from libs.resilience.deadline import Deadline
from libs.resilience.errors import Internal
from libs.telemetry import continue_from, get_logger, tracer

log = get_logger("libs.bus")

UNBOUNDED_S = 3_600.0
"""The deadline of work nobody waits for; its handler sets its own."""
ACK_TIMEOUT_S = 2.0


@dataclass(slots=True)
class Held:
    """A message in this process's hands. `message` is replaced when the server delivers it again meanwhile."""

    message: Msg
    since: float = field(default_factory=time.monotonic)
    started: bool = False

    @property
    def attempt(self) -> int:
        """Deliveries so far, counted from 1."""
        return self.message.metadata.num_delivered


class DeliveredTooOften(Internal):
    """It was delivered many times and never even failed: it seems to kill the process that takes it."""

    slug = "delivered_too_often"


class Delivery(Generic[DepsT]):
    """How one route takes its messages."""

    def __init__(self, route: Route[DepsT], deps: DepsT, database: Database, durable: str, client: Client) -> None:
        self._route = route
        self._deps = deps
        self._database = database
        self._durable = durable
        self._client = client
        self._labels = (database.schema, route.name)

    async def attempt(self, held: Held) -> None:
        """Run the handler and acknowledge. Raises what the handler raised; the message is still ours then."""
        if held.attempt > MAX_DELIVERIES:
            raise DeliveredTooOften(f"delivered {held.attempt} times without an outcome")
        envelope, body = self._decode(held.message)
        attributes: dict[str, str | int] = {"messaging.message.id": envelope.id, "adjutant.attempt": held.attempt}
        began = time.perf_counter()
        name = f"{self._verb} {self._route.name}"
        # A message without a trace begins one: the context of this task is that of the connection.
        with (
            continue_from(envelope.traceparent),
            tracer.span(name, kind=SpanKind.CONSUMER, attributes=attributes),
        ):
            if self._route.kind is Kind.HANDLE_LONG:
                await self._run_long(envelope, body, held.attempt)
            else:
                await self._run_once(envelope, body)
        HANDLER_SECONDS.labels(*self._labels).observe(time.perf_counter() - began)
        HANDLED.labels(*self._labels).inc()
        await self._acknowledge(held, certainly=self._route.kind is Kind.HANDLE_LONG)

    async def failed(self, held: Held, error: Exception) -> None:
        """Hand it back for a later attempt, or bury it. Raises DatabaseUnavailable when it cannot be buried."""
        verdict = judge(error, held.attempt)
        FAILED.labels(*self._labels, verdict.slug).inc()
        log.warning(
            "message_failed",
            route=self._route.name,
            attempt=held.attempt,
            error=verdict.slug,
            again_in_s=verdict.delay_s,
            exc_info=verdict.slug == "internal_error",
        )
        if verdict.delay_s is None:
            await self._bury(held, verdict)
        else:
            await hand_back(held, verdict.delay_s)

    @property
    def _verb(self) -> str:
        return "react" if self._route.kind is Kind.REACT else "handle"

    def _decode(self, message: Msg) -> tuple[Envelope, Message]:
        return decode(self._route.message, message)

    async def _run_once(self, envelope: Envelope, body: Message) -> None:
        """Inbox row, the handler's writes and its outbox rows are one transaction."""
        async with self._database.transaction(envelope.scope) as tx:
            if await first_time(tx, self._durable, envelope.id):
                await self._route.run(body, tx, self._deps)
            else:
                DUPLICATES.labels(*self._labels).inc()

    async def _run_long(self, envelope: Envelope, body: Message, attempt: int) -> None:
        await self._route.run(body, call_for(envelope, attempt, UNBOUNDED_S), self._deps)

    async def _bury(self, held: Held, verdict: Verdict) -> None:
        message = held.message
        metadata = message.metadata
        headers = dict(message.headers or {})
        async with self._database.transaction(None) as tx:
            await bury(
                tx,
                consumer=self._durable,
                event_id=headers.get("ce-id", f"{metadata.stream}.{metadata.sequence.stream}"),
                subject=message.subject,
                stream=metadata.stream,
                headers=headers,
                body=message.data,
                error_slug=verdict.slug,
                error_detail=verdict.detail,
                attempts=held.attempt,
            )
        DEAD.labels(*self._labels).inc()
        log.error("message_buried", route=self._route.name, error=verdict.slug, attempts=held.attempt)
        await self._acknowledge(held, certainly=True)

    async def _acknowledge(self, held: Held, *, certainly: bool) -> None:
        """After the commit. A lost acknowledgement means a redelivery that the inbox turns into nothing, so only
        work without an inbox row waits for its confirmation (0.25 ms)."""
        try:
            if certainly:
                await held.message.ack_sync(timeout=ACK_TIMEOUT_S)
            else:
                await held.message.ack()
        except CONNECTION_ERRORS as error:
            log.info("ack_lost", route=self._route.name, error=type(error).__name__)


def decode(message_type: type[Message], message: Msg) -> tuple[Envelope, Any]:
    """Envelope and body of what arrived. Raises MalformedMessage, naming the wrong places, never their values."""
    try:
        return Envelope.from_headers(message.headers), message_type.model_validate_json(message.data)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['type']}" for e in error.errors()[:5])
        raise MalformedMessage(f"{message_type.__name__} does not fit: {wrong}") from error
    except ValueError as error:
        raise MalformedMessage(f"envelope of {message_type.__name__}: {error}") from error


def call_for(envelope: Envelope, attempt: int, default_s: float) -> Call:
    """What the handler may know; without a deadline in the envelope it gets `default_s`."""
    deadline = Deadline(envelope.deadline) if envelope.deadline else Deadline.after(default_s)
    return Call(envelope, deadline, attempt)


async def hand_back(held: Held, delay_s: float = 0) -> None:
    """Let the server deliver it again, to any replica, after `delay_s`."""
    try:
        await held.message.nak(delay_s or None)
    except CONNECTION_ERRORS as error:
        log.info("nak_lost", error=type(error).__name__)  # it comes back by itself after ack_wait
