"""What each service may publish and subscribe on the bus, derived from the contracts and enforced by NATS.

A service may publish its own events, the commands it is named as sender of, the queries it is named as asker
of, and its live messages; it may subscribe to its own queries and to the live messages it follows. From the
JetStream API it gets what its own consumers need, stream by stream.
"""

from dataclasses import dataclass
from functools import cache

from contracts import catalog
from contracts.envelope import Service
from libs.bus.subjects import LIVE_STREAM, filter_for, stream_for
from libs.bus.topology import ConsumerPlan, consumers


@dataclass(frozen=True, slots=True)
class Permissions:
    """Subjects a user may publish and subscribe on; `may_reply` allows one answer to each request received."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    may_reply: bool

    def as_config(self, indent: str = "") -> str:
        """The inside of a `permissions` block of a nats-server configuration."""
        lines = [*_allowed("publish", self.publish), *_allowed("subscribe", self.subscribe)]
        if self.may_reply:
            lines.append('allow_responses: { max: 1, expires: "1m" }')
        return "\n".join(f"{indent}{line}" for line in lines)


def inbox_prefix(service: str) -> str:
    """Where answers to this service arrive; nobody else may listen there."""
    return f"_INBOX_{service}"


def permissions_of(service: Service) -> Permissions:
    """Everything this service may do on the bus, in a stable order."""
    own = [plan for plan in consumers() if plan.service == service]
    answers = [query.subject for query in catalog.queries() if query.owner() == service]
    return Permissions(
        publish=tuple(sorted({*_messages_out(service), *_jetstream(service, own)})),
        subscribe=tuple(sorted({f"{inbox_prefix(service)}.>", *answers, *_followed(service)})),
        may_reply=bool(answers),
    )


def may_publish(service: Service, message_subject: str) -> bool:
    """Whether the contracts let this service send the message of this subject (without the user token)."""
    return message_subject in _sendable(service)


def uses_live(service: Service) -> bool:
    """Whether the service publishes or follows any live message."""
    return any(service == m.sent_by or service in m.followed_by for m in catalog.lives())


@cache
def _sendable(service: Service) -> frozenset[str]:
    return frozenset(
        {
            *(event.subject for event in catalog.events() if event.owner() == service),
            *(command.subject for command in catalog.commands() if service in command.sent_by),
            *(query.subject for query in catalog.queries() if service in query.asked_by),
        }
    )


def _messages_out(service: Service) -> set[str]:
    events = {filter_for(event) for event in catalog.events() if event.owner() == service}
    live = {filter_for(message) for message in catalog.lives() if message.sent_by == service}
    others = {subject for subject in _sendable(service) if not subject.startswith("evt.")}
    return events | others | live


def _followed(service: Service) -> set[str]:
    return {filter_for(message) for message in catalog.lives() if service in message.followed_by}


def _jetstream(service: Service, own: list[ConsumerPlan]) -> set[str]:
    """The API subjects: pull and acknowledge for own durables, look at needed streams, read back live ones."""
    needed = {plan.stream for plan in own} | {
        stream_for(m) for m in (*catalog.events(), *catalog.commands()) if filter_for(m) in _messages_out(service)
    }
    subjects = {f"$JS.API.STREAM.INFO.{stream}" for stream in needed}
    for plan in own:
        consumer = f"{plan.stream}.{plan.durable}"
        subjects |= {
            f"$JS.API.CONSUMER.INFO.{consumer}",
            f"$JS.API.CONSUMER.MSG.NEXT.{consumer}",
            f"$JS.ACK.{consumer}.>",
            f"$JS.ACK.*.*.{consumer}.>",  # the longer form: domain and account come first
        }
    if uses_live(service):
        # The stream in memory is gone after a restart of a single server: whoever uses it makes it again.
        subjects |= {f"$JS.API.STREAM.{verb}.{LIVE_STREAM}" for verb in ("INFO", "CREATE")} | {
            f"$JS.API.DIRECT.GET.{LIVE_STREAM}",
            f"$JS.API.DIRECT.GET.{LIVE_STREAM}.>",
        }
    return subjects


def _allowed(verb: str, subjects: tuple[str, ...]) -> list[str]:
    return [f"{verb}: {{ allow: [", *(f'  "{subject}"' for subject in subjects), "] }"]
