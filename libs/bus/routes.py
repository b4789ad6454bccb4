"""The table that says which function takes which message. Written once per service, in its `app.py`.

`react` to an event, `handle` a command, `answer` a query. The type checker refuses a function that is
registered for a message it does not take, or that returns another reply than its query promises.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from contracts.envelope import Command, Event, Message, Query, Reply
from libs.bus.call import Call
from libs.bus.subjects import spoken
from libs.db import Transaction

EventT = TypeVar("EventT", bound=Event)
CommandT = TypeVar("CommandT", bound=Command)
ReplyT = TypeVar("ReplyT", bound=Reply)
QueryT_co = TypeVar("QueryT_co", bound=Query[Any], covariant=True)
QueryT = TypeVar("QueryT", bound=Query[Any])
ReplyT_co = TypeVar("ReplyT_co", bound=Reply, covariant=True)
DepsT = TypeVar("DepsT")


class Kind(StrEnum):
    """How a message is taken; it decides transaction, redelivery and reply."""

    REACT = "react"
    HANDLE = "handle"
    HANDLE_LONG = "handle_long"
    ANSWER = "answer"


class QueryClass(Protocol[QueryT_co, ReplyT_co]):
    """A query class seen as what it makes and what it promises; this is how `answer` ties the two together."""

    def __call__(self, *args: Any, **kwargs: Any) -> QueryT_co: ...

    def reply_type(self) -> type[ReplyT_co]: ...


@dataclass(frozen=True, slots=True)
class Route(Generic[DepsT]):
    """One line of the table. `at_once` bounds how many run at the same time in one process."""

    kind: Kind
    message: type[Message]
    run: Callable[[Any, Any, DepsT], Awaitable[Any]]
    at_once: int

    @property
    def name(self) -> str:
        """`chat.run_turn`, for spans, metrics and logs."""
        return spoken(self.message)


def react(
    event: type[EventT], run: Callable[[EventT, Transaction, DepsT], Awaitable[None]], *, at_once: int = 64
) -> Route[DepsT]:
    """`run` with each event once: inbox row, its writes and its own events are one transaction."""
    return Route(Kind.REACT, event, run, at_once)


def handle(
    command: type[CommandT], run: Callable[[CommandT, Transaction, DepsT], Awaitable[None]], *, at_once: int = 64
) -> Route[DepsT]:
    """`run` with each command once, in one transaction with the inbox row. For work of milliseconds."""
    return Route(Kind.HANDLE, command, run, at_once)


def handle_long(
    command: type[CommandT], run: Callable[[CommandT, Call, DepsT], Awaitable[None]], *, at_once: int = 64
) -> Route[DepsT]:
    """`run` for work of seconds or minutes: no transaction is held, the message is heart-beaten meanwhile.

    The handler may be run again after a crash, so it is idempotent itself (its command's id is the key).
    """
    return Route(Kind.HANDLE_LONG, command, run, at_once)


def answer(
    query: QueryClass[QueryT, ReplyT],
    run: Callable[[QueryT, Call, DepsT], Awaitable[ReplyT]],
    *,
    at_once: int = 64,
) -> Route[DepsT]:
    """`run` answers the query; an AdjutantError it raises becomes a typed error reply."""
    return Route(Kind.ANSWER, _message_class(query), run, at_once)


def _message_class(query: QueryClass[Any, Any]) -> type[Message]:
    if not (isinstance(query, type) and issubclass(query, Query)):
        raise TypeError(f"{query!r} is not a query class")
    return query
