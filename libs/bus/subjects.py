"""Names: the subject a message is published on, its stream, its durable consumer, and the word for people.

All of them follow from the contract class, so that one grep for `run_turn` finds everything.
"""

import re
from functools import cache

from contracts.envelope import Command, Event, Live, Message, Scope

LIVE_STREAM = "LIVE"
NOBODY = "_"
"""Last token of an event that concerns no user."""

_TOKEN = re.compile(r"^[A-Za-z0-9_-]{1,64}$")


def subject_for(message: type[Message], scope: Scope | None) -> str:
    """The subject to publish on. Events end in the user, so that one wildcard purge erases a person."""
    if issubclass(message, Event):
        return f"{message.subject}.{scope.user_id if scope else NOBODY}"
    return message.subject


def filter_for(message: type[Message]) -> str:
    """The subject that matches every message of this class."""
    return f"{message.subject}.*" if issubclass(message, Event | Live) else message.subject


def live_subject(kind: str, id: str) -> str:
    """`live.<kind>.<id>`. Raises ValueError for what is not a single subject token."""
    if not (_TOKEN.match(kind) and _TOKEN.match(id)):
        raise ValueError(f"not a live subject: kind {kind!r}, id {id!r}")
    return f"live.{kind}.{id}"


@cache
def stream_for(message: type[Message]) -> str:
    """`EVT_CHAT`, `CMD_CHAT` or `LIVE`. Queries have none: TypeError."""
    if issubclass(message, Event):
        return f"EVT_{message.owner().upper()}"
    if issubclass(message, Command):
        return f"CMD_{message.owner().upper()}"
    if issubclass(message, Live):
        return LIVE_STREAM
    raise TypeError(f"{message.__name__} is not kept in a stream")


def durable_for(service: str, message: type[Message]) -> str:
    """`context_turn_completed`: the one consumer of this service for this message, shared by its replicas."""
    return f"{service}_{snake_case(message.__name__)}"


@cache
def snake_case(name: str) -> str:
    """`TurnCompleted` → `turn_completed`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


@cache
def spoken(message: type[Message]) -> str:
    """`chat.run_turn`: the subject without kind and version, as spans, metrics and logs call it."""
    return ".".join(part for part in message.subject.split(".")[1:] if not re.fullmatch(r"v\d+", part))
