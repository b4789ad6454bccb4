"""Every message there is, found in the service modules; what generation, permissions and checks start from."""

import importlib
import inspect
from functools import cache

from contracts.envelope import Command, Event, Live, Message, Query, Service

SUBJECTS_OF_THEIR_OWN = (
    "acquaintances",
    "actions",
    "activities",
    "bookings",
    "conversations",
    "delegations",
    "memory",
    "models",
    "network",
    "runs",
    "spending",
    "tasks",
)
"""Modules beside the services', for what is too large to be read together with the rest; a subject names its owner."""
_KINDS = {"evt": Event, "cmd": Command, "rpc": Query, "live": Live}


@cache
def messages() -> tuple[type[Message], ...]:
    """All message classes, ordered by subject."""
    found: dict[str, type[Message]] = {}
    for name in (*Service, *SUBJECTS_OF_THEIR_OWN):
        module = importlib.import_module(f"contracts.{name}")
        for _, member in inspect.getmembers(module, inspect.isclass):
            # Pydantic leaves its parametrized bases, such as Query[Tools], in the module; they are no contracts.
            if issubclass(member, Message) and member.__module__ == module.__name__ and "subject" in vars(member):
                _admit(found, member)
    return tuple(found[subject] for subject in sorted(found))


def _admit(found: dict[str, type[Message]], message: type[Message]) -> None:
    kind = message.subject.split(".", 1)[0]
    if not issubclass(message, _KINDS[kind]):
        raise TypeError(f"{message.__name__} is not a {_KINDS[kind].__name__}, but its subject starts with {kind}")
    if message.subject in found:
        raise TypeError(f"{message.__name__} and {found[message.subject].__name__} share {message.subject}")
    found[message.subject] = message


def events() -> tuple[type[Event], ...]:
    """All events."""
    return tuple(m for m in messages() if issubclass(m, Event))


def commands() -> tuple[type[Command], ...]:
    """All commands."""
    return tuple(m for m in messages() if issubclass(m, Command))


def queries() -> tuple[type[Query], ...]:  # type: ignore[type-arg]  # the reply type differs per query
    """All queries."""
    return tuple(m for m in messages() if issubclass(m, Query))


def lives() -> tuple[type[Live], ...]:
    """All live messages."""
    return tuple(m for m in messages() if issubclass(m, Live))
