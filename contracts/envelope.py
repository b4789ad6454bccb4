"""The four kinds of message, and the envelope each one travels in.

The envelope is CloudEvents 1.0 in binary mode (attributes as `ce-…` NATS headers, body is JSON) plus W3C
`traceparent`. Extension attributes: `ce-organization` and `ce-user` say whose data the message concerns,
`ce-deadline` is the moment after which nobody waits for the outcome any more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar, Generic, Self, TypeVar, cast

from pydantic import BaseModel, ConfigDict

from contracts.ids import OrganizationId, UserId, is_id, new_id


class Service(StrEnum):
    """The eight services; each owns the subjects that carry its name."""

    GATEWAY = "gateway"
    OAUTH = "oauth"
    SYNC = "sync"
    CONTEXT = "context"
    CHAT = "chat"
    TOOL = "tool"
    NOTIFICATION = "notification"
    VOICE = "voice"


class Message(BaseModel):
    """What every contract is: frozen, tolerant of fields it does not know, carrying its own subject."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    subject: ClassVar[str]

    @classmethod
    def owner(cls) -> Service:
        """The service that defines this message: it sends its events, and takes its commands and queries."""
        return Service(cls.subject.split(".")[1])

    @classmethod
    def example(cls) -> Self:
        """One realistic instance: documentation that the tests round-trip."""
        raise TypeError(f"{cls.__name__} needs an example()")


class Event(Message):
    """A fact, written in the transaction of the state it speaks of; at least once, handled once."""

    heard_by: ClassVar[tuple[Service, ...]]


class Command(Message):
    """Work that must happen even if everything restarts; at least once plus an idempotency key."""

    sent_by: ClassVar[tuple[Service, ...]]


class Reply(BaseModel):
    """The typed answer to a query."""

    model_config = ConfigDict(frozen=True, extra="ignore")


ReplyT = TypeVar("ReplyT", bound=Reply)


class Query(Message, Generic[ReplyT]):
    """A read or a quick decision, answered in milliseconds; the deadline travels along."""

    asked_by: ClassVar[tuple[Service, ...]]
    reply: ClassVar[type[Reply]]

    @classmethod
    def reply_type(cls) -> type[ReplyT]:
        """The reply class, as the type checker knows it: a route whose handler returns another one is refused."""
        return cast(type[ReplyT], cls.reply)


class Live(Message):
    """Tokens and progress: ordered, resumable for some minutes, then gone; published on `<subject>.<id>`."""

    followed_by: ClassVar[tuple[Service, ...]]
    sent_by: ClassVar[Service]

    @classmethod
    def owner(cls) -> Service:
        """The service that publishes it."""
        return cls.sent_by


MessageClass = type[Message]


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose data is touched. Row-level security, encryption and subjects all follow from it."""

    organization_id: OrganizationId
    user_id: UserId

    def __post_init__(self) -> None:
        if not (is_id(self.organization_id) and is_id(self.user_id)):
            raise ValueError("a scope needs well-formed organization and user ids")

    def shared(self) -> "Scope":
        """Of what belongs to the whole organization: an owner of its own, whose id follows from the organization's."""
        return Scope(self.organization_id, UserId(f"u_{self.organization_id.partition('_')[2]}"))


@dataclass(frozen=True, slots=True)
class Envelope:
    """What travels in the headers around a body."""

    id: str
    type: str
    source: str
    time: datetime
    scope: Scope | None = None
    deadline: datetime | None = None
    traceparent: str | None = None

    @classmethod
    def around(
        cls,
        message_type: MessageClass,
        *,
        source: str,
        scope: Scope | None,
        id: str | None = None,
        deadline: datetime | None = None,
        traceparent: str | None = None,
    ) -> Self:
        """A fresh envelope for one message; `id` is given where the sender needs a deterministic one."""
        return cls(
            id=id or new_id("evt"),
            type=message_type.subject,
            source=source,
            time=datetime.now(UTC),
            scope=scope,
            deadline=deadline,
            traceparent=traceparent,
        )

    def headers(self) -> dict[str, str]:
        """CloudEvents 1.0 NATS binding, binary mode."""
        headers = {
            "ce-specversion": "1.0",
            "ce-id": self.id,
            "ce-type": self.type,
            "ce-source": self.source,
            "ce-time": self.time.isoformat(),
            "content-type": "application/json",
        }
        if self.scope:
            headers["ce-organization"] = self.scope.organization_id
            headers["ce-user"] = self.scope.user_id
        if self.deadline:
            headers["ce-deadline"] = self.deadline.isoformat()
        if self.traceparent:
            headers["traceparent"] = self.traceparent
        return headers

    @classmethod
    def from_headers(cls, headers: Mapping[str, Any] | None) -> Self:
        """Read an envelope back. Raises ValueError naming the attribute that is missing or malformed."""
        given = headers or {}
        try:
            organization, user = given.get("ce-organization"), given.get("ce-user")
            deadline = given.get("ce-deadline")
            return cls(
                id=given["ce-id"],
                type=given["ce-type"],
                source=given["ce-source"],
                time=datetime.fromisoformat(given["ce-time"]),
                scope=Scope(OrganizationId(organization), UserId(user)) if organization and user else None,
                deadline=datetime.fromisoformat(deadline) if deadline else None,
                traceparent=given.get("traceparent"),
            )
        except KeyError as missing:
            raise ValueError(f"envelope lacks the attribute {missing}") from missing
