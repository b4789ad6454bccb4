"""Which streams and consumers there are, as data derived from the contracts alone.

Settings that lose messages by default are set here and nowhere else: limits retention (a work queue forgets
acknowledged ids after a crash), `discard new` (a full stream refuses, and the outbox waits, instead of old
messages vanishing), file storage, no asynchronous persistence, unlimited deliveries (the retry schedule and
the dead letter are ours).
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    ReplayPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)

from contracts import catalog
from contracts.envelope import Command, Event, Message, Service
from libs.bus.subjects import LIVE_STREAM, durable_for, filter_for, stream_for

DAY_S = 86_400
EVENT_AGE_S = 14 * DAY_S
COMMAND_AGE_S = 3 * DAY_S
LIVE_AGE_S = 600
DUPLICATE_WINDOW_S = 1_800
ACK_WAIT_S = 10
"""Short, because a killed replica's work is redelivered only after it; a heartbeat every third of it keeps ours."""
MAX_ACK_PENDING = 1_000
MAX_MESSAGE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """One stream as the contracts want it."""

    name: str
    subjects: tuple[str, ...]
    storage: Literal["file", "memory"]
    discard: Literal["new", "old"]
    max_age_s: int
    duplicate_window_s: int
    max_msgs: int
    max_bytes: int = -1
    max_msgs_per_subject: int = -1

    def config(self, replicas: int) -> StreamConfig:
        """The same for the client library."""
        return StreamConfig(
            name=self.name,
            subjects=list(self.subjects),
            storage=StorageType(self.storage),
            discard=DiscardPolicy(self.discard),
            retention=RetentionPolicy.LIMITS,
            max_age=self.max_age_s,
            duplicate_window=self.duplicate_window_s,
            max_msgs=self.max_msgs,
            max_bytes=self.max_bytes,
            max_msgs_per_subject=self.max_msgs_per_subject,
            max_msg_size=MAX_MESSAGE_BYTES,
            num_replicas=replicas,
            allow_direct=True,
        )


@dataclass(frozen=True, slots=True)
class ConsumerPlan:
    """One durable pull consumer: this service hears this message."""

    stream: str
    durable: str
    filter_subject: str
    service: Service
    ack_wait_s: int = ACK_WAIT_S
    max_ack_pending: int = MAX_ACK_PENDING

    def config(self) -> ConsumerConfig:
        """The same for the client library."""
        return ConsumerConfig(
            name=self.durable,
            durable_name=self.durable,
            filter_subject=self.filter_subject,
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=self.ack_wait_s,
            max_deliver=-1,
            max_ack_pending=self.max_ack_pending,
            replay_policy=ReplayPolicy.INSTANT,
        )


def streams() -> tuple[StreamPlan, ...]:
    """All streams: one per service and kind that has messages, and the one in memory for live messages."""
    kept = {stream_for(message): message for message in (*catalog.events(), *catalog.commands())}
    return (*(_durable_stream(name, message) for name, message in sorted(kept.items())), live_stream())


def _durable_stream(name: str, message: type[Message]) -> StreamPlan:
    return StreamPlan(
        name=name,
        subjects=(f"{message.subject.split('.')[0]}.{message.owner()}.>",),
        storage="file",
        discard="new",
        max_age_s=EVENT_AGE_S if issubclass(message, Event) else COMMAND_AGE_S,
        duplicate_window_s=DUPLICATE_WINDOW_S,
        max_msgs=5_000_000,
    )


def live_stream() -> StreamPlan:
    """Tokens and progress: in memory, ten minutes, old ones give way to new ones."""
    return StreamPlan(
        name=LIVE_STREAM,
        subjects=("live.>",),
        storage="memory",
        discard="old",
        max_age_s=LIVE_AGE_S,
        duplicate_window_s=LIVE_AGE_S,
        max_msgs=500_000,
        max_bytes=64 * 1024 * 1024,
        max_msgs_per_subject=20_000,
    )


def consumers() -> tuple[ConsumerPlan, ...]:
    """All durables: one for each service that hears an event, one for the owner of each command."""
    heard = [_consumer(service, event) for event in catalog.events() for service in event.heard_by]
    taken = [_consumer(command.owner(), command) for command in catalog.commands()]
    return tuple(sorted((*heard, *taken), key=lambda plan: plan.durable))


def consumer_for(service: Service, message: type[Event] | type[Command]) -> ConsumerPlan:
    """The durable this service binds to. Raises ValueError when the contract does not name it as a hearer."""
    hearers: Iterable[Service] = message.heard_by if issubclass(message, Event) else (message.owner(),)
    if service not in hearers:
        raise ValueError(f"{message.__name__} does not name {service} among those who take it")
    return _consumer(service, message)


def _consumer(service: Service, message: type[Message]) -> ConsumerPlan:
    return ConsumerPlan(stream_for(message), durable_for(service, message), filter_for(message), service)


def document() -> dict[str, Any]:
    """The whole topology as JSON data, for `contracts/generated/topology.json`."""
    return {"streams": [asdict(plan) for plan in streams()], "consumers": [asdict(plan) for plan in consumers()]}
