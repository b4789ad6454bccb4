"""Each contract as one JSON document: its schemas, and the facts that a schema cannot say."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from contracts import catalog
from contracts.envelope import Command, Event, Live, Message, Query
from libs.bus.subjects import snake_case


class _Schema(GenerateJsonSchema):
    """JSON Schema without generated titles, which repeat field names and change with them."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def documents() -> dict[str, dict[str, Any]]:
    """File name without suffix (`chat.run_turn.v1`, kind in front) to document, for every message."""
    return {message.subject: document(message) for message in catalog.messages()}


def document(message: type[Message]) -> dict[str, Any]:
    """One message: who takes part, what it looks like, an example."""
    facts: dict[str, Any] = {
        "name": message.__name__,
        "subject": message.subject,
        "owner": message.owner().value,
        **_parties(message),
        "example": message.example().model_dump(mode="json"),
        "schema": schema_of(message),
    }
    if issubclass(message, Query):
        facts["reply"] = {"name": message.reply.__name__, "schema": schema_of(message.reply)}
    return facts


def schema_of(model: type[BaseModel]) -> JsonSchemaValue:
    """The schema a taker validates with, everything it refers to inside it."""
    return model.model_json_schema(schema_generator=_Schema)


def _parties(message: type[Message]) -> dict[str, list[str]]:
    if issubclass(message, Event):
        return {"heard_by": sorted(message.heard_by)}
    if issubclass(message, Command):
        return {"sent_by": sorted(message.sent_by)}
    if issubclass(message, Query):
        return {"asked_by": sorted(message.asked_by)}
    if issubclass(message, Live):
        return {"followed_by": sorted(message.followed_by)}
    raise TypeError(f"{snake_case(message.__name__)} is no kind of message")
