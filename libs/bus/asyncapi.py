"""The AsyncAPI 3.0 document of all services, from the contracts.

Not FastStream's own generator: that one documents what a running process subscribed to, knows nothing of
events consumed by our own loop, and would have to import every service.
"""

from typing import Any

from pydantic import BaseModel

from contracts import catalog
from contracts.envelope import Command, Event, Live, Message, Query, Service
from libs.bus.schemas import schema_of
from libs.bus.subjects import filter_for, spoken, stream_for


def document() -> dict[str, Any]:
    """The whole document."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Adjutant",
            "version": "1.0.0",
            "description": "What the eight services say to each other over NATS. Envelope: CloudEvents 1.0 in headers.",
        },
        "defaultContentType": "application/json",
        "servers": {"nats": {"host": "localhost:4222", "protocol": "nats"}},
        "channels": {message.__name__: _channel(message) for message in catalog.messages()},
        "operations": _operations(),
        "components": {"messages": _messages()},
    }


def _channel(message: type[Message]) -> dict[str, Any]:
    parameters = {"last": {"description": "user id"}} if issubclass(message, Event) else {}
    if issubclass(message, Live):
        parameters = {"last": {"description": "id of the thing that is followed"}}
    channel: dict[str, Any] = {
        "address": filter_for(message).replace("*", "{last}"),
        "description": (message.__doc__ or "").strip(),
        "messages": {message.__name__: {"$ref": f"#/components/messages/{message.__name__}"}},
    }
    if parameters:
        channel["parameters"] = parameters
    if not issubclass(message, Query):
        channel["x-stream"] = stream_for(message)
    return channel


def _operations() -> dict[str, Any]:
    operations: dict[str, Any] = {}
    for message in catalog.messages():
        senders, takers = parties(message)
        for action, services in (("send", senders), ("receive", takers)):
            for service in services:
                operation: dict[str, Any] = {
                    "action": action,
                    "channel": {"$ref": f"#/channels/{message.__name__}"},
                    "tags": [{"name": service.value}],
                    "summary": f"{service} {action}s {spoken(message)}",
                }
                if issubclass(message, Query) and action == "receive":
                    operation["reply"] = {
                        "address": {"location": "$message.header#/reply"},
                        "messages": [{"$ref": f"#/components/messages/{message.reply.__name__}"}],
                    }
                operations[f"{service}.{action}.{message.__name__}"] = operation
    return operations


def parties(message: type[Message]) -> tuple[tuple[Service, ...], tuple[Service, ...]]:
    """Who sends it and who takes it."""
    if issubclass(message, Event):
        return (message.owner(),), message.heard_by
    if issubclass(message, Command):
        return message.sent_by, (message.owner(),)
    if issubclass(message, Query):
        return message.asked_by, (message.owner(),)
    if issubclass(message, Live):
        return (message.sent_by,), message.followed_by
    raise TypeError(f"{message.__name__} is no kind of message")


def _messages() -> dict[str, Any]:
    messages: dict[str, Any] = {}
    for message in catalog.messages():
        messages[message.__name__] = {
            "summary": (message.__doc__ or "").strip().splitlines()[0],
            "payload": _inlined(message),
            "examples": [{"payload": message.example().model_dump(mode="json")}],
        }
        if issubclass(message, Query):
            messages[message.reply.__name__] = {"payload": _inlined(message.reply)}
    return messages


def _inlined(model: type[BaseModel]) -> dict[str, Any]:
    """A payload as plain JSON Schema; its references point into itself, so it is a resource of its own (`$id`)."""
    return {
        "schemaFormat": "application/schema+json;version=draft-2020-12",
        "schema": {"$id": f"urn:adjutant:{model.__name__}", **schema_of(model)},
    }
