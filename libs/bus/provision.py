"""Streams and consumers on the server: made and updated by `adjutant migrate`, compared by every service at start."""

from typing import Any

from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, StreamConfig
from nats.js.errors import APIError, BadRequestError, NotFoundError

from contracts.envelope import Service
from libs.bus.errors import TopologyDrift
from libs.bus.topology import ConsumerPlan, StreamPlan, consumers, live_stream, streams
from libs.telemetry import get_logger

log = get_logger("libs.bus")

_NAME_IN_USE = 10058
_STREAM_FIELDS = (
    "subjects", "storage", "discard", "retention", "max_age", "duplicate_window", "max_msgs", "max_bytes",
    "max_msgs_per_subject", "max_msg_size", "num_replicas", "allow_direct",
)  # fmt: skip
_CONSUMER_FIELDS = (
    "filter_subject", "deliver_policy", "ack_policy", "ack_wait", "max_deliver", "max_ack_pending", "replay_policy",
)  # fmt: skip


async def provision(jetstream: JetStreamContext, *, replicas: int = 1) -> list[str]:
    """Make every stream and consumer as the contracts want it; returns what was done, one line each.

    Safe to repeat. Nothing is ever deleted here: a stream that no contract names any more is reported.
    """
    done = [await _upsert_stream(jetstream, plan, replicas) for plan in streams()]
    for consumer in consumers():
        await jetstream.add_consumer(consumer.stream, consumer.config())
        done.append(f"consumer {consumer.durable} on {consumer.stream}")
    return done


async def _upsert_stream(jetstream: JetStreamContext, plan: StreamPlan, replicas: int) -> str:
    try:
        await jetstream.add_stream(plan.config(replicas))
    except BadRequestError as error:
        if error.err_code != _NAME_IN_USE:
            raise
        await jetstream.update_stream(plan.config(replicas))
        return f"stream {plan.name} updated"
    return f"stream {plan.name}"


async def ensure_live_stream(jetstream: JetStreamContext) -> None:
    """Make the stream in memory again, which a single server forgets when it restarts. Safe to repeat."""
    try:
        await jetstream.add_stream(live_stream().config(replicas=1))
    except APIError as error:
        # Another replica count, set by `adjutant migrate` for a cluster: it is there, which is all that matters.
        if error.err_code != _NAME_IN_USE:
            raise


async def verify(jetstream: JetStreamContext, service: Service, plans: list[ConsumerPlan]) -> None:
    """Compare what this service needs with what is there. Raises TopologyDrift naming every difference."""
    problems: list[str] = []
    wanted = {plan.name: plan for plan in streams()}
    for stream in sorted({plan.stream for plan in plans}):
        problems += await _stream_differences(jetstream, wanted[stream])
    for plan in plans:
        problems += await _consumer_differences(jetstream, plan)
    if problems:
        raise TopologyDrift(f"{service}: " + "; ".join(problems))


async def _stream_differences(jetstream: JetStreamContext, plan: StreamPlan) -> list[str]:
    try:
        info = await jetstream.stream_info(plan.name)
    except NotFoundError:
        return [f"stream {plan.name} does not exist"]
    found = info.config
    # How many replicas a stream has is the operator's choice, not the contracts'.
    return _differences(f"stream {plan.name}", plan.config(found.num_replicas or 1), found, _STREAM_FIELDS)


async def _consumer_differences(jetstream: JetStreamContext, plan: ConsumerPlan) -> list[str]:
    try:
        info = await jetstream.consumer_info(plan.stream, plan.durable)
    except NotFoundError:
        return [f"consumer {plan.durable} does not exist on {plan.stream}"]
    return _differences(f"consumer {plan.durable}", plan.config(), info.config, _CONSUMER_FIELDS)


def _differences(
    what: str, want: StreamConfig | ConsumerConfig, found: StreamConfig | ConsumerConfig | None, names: tuple[str, ...]
) -> list[str]:
    pairs: list[tuple[str, Any, Any]] = [(name, getattr(want, name), getattr(found, name, None)) for name in names]
    return [f"{what}: {name} is {there!r}, should be {here!r}" for name, here, there in pairs if here != there]
