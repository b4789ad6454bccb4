"""Which changes of a contract break those who run the released version."""

import json
from copy import deepcopy
from typing import Any

import pytest

from contracts import catalog
from libs.bus.compatibility import breaking_changes
from libs.bus.schemas import documents

TURN_COMPLETED = "evt.chat.turn.completed.v1"
CONVERSATION = "rpc.chat.get_conversation.v1"


@pytest.fixture(scope="module")
def released() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(json.dumps(documents()))
    return loaded


@pytest.fixture
def current(released: dict[str, Any]) -> dict[str, Any]:
    return deepcopy(released)


def properties(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["schema"]["properties"]
    return found


def test_every_message_is_covered_and_compatible_with_itself(released: dict[str, Any]) -> None:
    assert set(released) == {message.subject for message in catalog.messages()}
    assert breaking_changes(released, deepcopy(released)) == []


def test_a_new_message_and_a_new_optional_field_are_welcome(released: dict[str, Any], current: dict[str, Any]) -> None:
    current["evt.chat.turn.cancelled.v1"] = current[TURN_COMPLETED]
    properties(current[TURN_COMPLETED])["region"] = {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}

    assert breaking_changes(released, current) == []


def test_a_new_value_of_an_enumeration_is_welcome(released: dict[str, Any], current: dict[str, Any]) -> None:
    current[TURN_COMPLETED]["schema"]["$defs"]["TurnStatus"]["enum"].append("paused")

    assert breaking_changes(released, current) == []


def remove_message(documents: dict[str, Any]) -> None:
    del documents[TURN_COMPLETED]


def rename_message(documents: dict[str, Any]) -> None:
    documents[TURN_COMPLETED]["name"] = "TurnEnded"


def lose_a_hearer(documents: dict[str, Any]) -> None:
    documents[TURN_COMPLETED]["heard_by"] = []


def remove_field(documents: dict[str, Any]) -> None:
    del properties(documents[TURN_COMPLETED])["duration_ms"]


def require_new_field(documents: dict[str, Any]) -> None:
    properties(documents[TURN_COMPLETED])["region"] = {"type": "string"}
    documents[TURN_COMPLETED]["schema"]["required"].append("region")


def require_old_field(documents: dict[str, Any]) -> None:
    documents[CONVERSATION]["schema"]["required"].append("limit")


def change_type(documents: dict[str, Any]) -> None:
    properties(documents[TURN_COMPLETED])["duration_ms"] = {"type": "string"}


def change_format(documents: dict[str, Any]) -> None:
    properties(documents["cmd.chat.run_turn.v1"])["accepted_at"]["format"] = "date"


def narrow_enumeration(documents: dict[str, Any]) -> None:
    documents[TURN_COMPLETED]["schema"]["$defs"]["TurnStatus"]["enum"].remove("stopped")


def narrow_literal(documents: dict[str, Any]) -> None:
    properties(documents[TURN_COMPLETED])["engine"]["anyOf"][0] = {"const": "model", "type": "string"}


def free_text_becomes_enumeration(documents: dict[str, Any]) -> None:
    properties(documents["evt.oauth.connection.established.v1"])["provider"]["enum"] = ["gmail"]


def no_longer_nullable(documents: dict[str, Any]) -> None:
    properties(documents[TURN_COMPLETED])["model"] = {"type": "string"}


def add_bound(documents: dict[str, Any]) -> None:
    properties(documents[CONVERSATION])["limit"]["maximum"] = 10


def change_item_type(documents: dict[str, Any]) -> None:
    properties(documents["cmd.chat.run_turn.v1"])["client_integrations"]["items"] = {"type": "integer"}


def remove_field_of_reply(documents: dict[str, Any]) -> None:
    del documents[CONVERSATION]["reply"]["schema"]["properties"]["summary"]


def remove_field_deep_in_reply(documents: dict[str, Any]) -> None:
    del documents[CONVERSATION]["reply"]["schema"]["$defs"]["MessageView"]["properties"]["text"]


def forbid_asker(documents: dict[str, Any]) -> None:
    documents["rpc.oauth.list_connections.v1"]["asked_by"].remove("tool")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (remove_message, "the subject evt.chat.turn.completed.v1 is gone"),
        (rename_message, "renamed to TurnEnded"),
        (lose_a_hearer, "context is no longer in heard_by"),
        (remove_field, "TurnCompleted.duration_ms: the field is gone"),
        (require_new_field, "TurnCompleted.region: the new field is required"),
        (require_old_field, "GetConversation.limit: the field became required"),
        (change_type, "duration_ms: the type was integer, now is string"),
        (change_format, "accepted_at: format was date-time, now is date"),
        (narrow_enumeration, "TurnCompleted.status: the value stopped is gone"),
        (narrow_literal, "TurnCompleted.engine: the value offline is gone"),
        (free_text_becomes_enumeration, "provider: allowed values were free, now are gmail"),
        (no_longer_nullable, "TurnCompleted.model: may no longer be null"),
        (add_bound, "GetConversation.limit: maximum was free, now is 10"),
        (change_item_type, "client_integrations[]: the type was string, now is integer"),
        (remove_field_of_reply, "GetConversation → ConversationView.summary: the field is gone"),
        (remove_field_deep_in_reply, "messages[].text: the field is gone"),
        (forbid_asker, "tool is no longer in asked_by"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_breaking_change_is_named(
    released: dict[str, Any], current: dict[str, Any], change: Any, sentence: str
) -> None:
    change(current)

    assert any(sentence in problem for problem in breaking_changes(released, current))
