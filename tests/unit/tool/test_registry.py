"""Tools explain themselves: to the model that chooses one, and to the one that filled it in wrongly."""

import json

import jsonschema
import pytest

from contracts.tool import Effect
from services.tool.errors import InvalidArguments, NotAReadTool, UnknownTool
from services.tool.tools import registry

BOTH = frozenset({"gmail", "calendar"})


def complaint(tool: str, arguments: str) -> str:
    """The sentence that the model reads."""
    with pytest.raises(InvalidArguments) as refused:
        registry.find(tool).parse(arguments)
    return refused.value.detail


def test_schemas_are_valid_and_closed_and_every_argument_is_described() -> None:
    for tool in registry.for_connections(BOTH).tools:
        schema = json.loads(tool.parameters_schema)
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["additionalProperties"] is False
        assert all("description" in field for field in schema["properties"].values())


def test_the_schema_of_an_optional_argument_knows_no_null() -> None:
    search = next(tool for tool in registry.for_connections(BOTH).tools if tool.name == "mail_search")

    assert json.loads(search.parameters_schema)["properties"]["unread"] == {
        "type": "boolean",
        "description": "true: only unread mail; false: only read mail",
    }


def test_tools_follow_from_connections() -> None:
    names = {tool.name for tool in registry.for_connections(frozenset({"gmail"})).tools}

    always = {"tasks_list", "tasks_create", "tasks_change", "tasks_delete", "tasks_complete", "tasks_reopen"}
    always |= {"notifications_list", "notifications_resolve", "memory_add", "memory_recall", "memory_forget"}
    writing = {"mail_draft", "mail_send", "mail_reply", "mail_label"}
    assert names == {"mail_search", "mail_read", "contacts_find"} | writing | always
    assert registry.for_connections(frozenset({"gmail"})).missing_providers == ("calendar",)
    assert {tool.name for tool in registry.for_connections(frozenset()).tools} == always
    assert registry.for_connections(BOTH).missing_providers == ()


def test_everything_with_an_effect_can_be_looked_up() -> None:
    for tool in registry.for_connections(BOTH).tools:
        assert (tool.effect is Effect.READ) == (registry.find(tool.name).look_up is None)


@pytest.mark.parametrize(
    ("tool", "arguments", "sentence"),
    [
        ("mail_search", '{"limit": 100}', "limit should be less than or equal to 25"),
        ("mail_search", '{"frm": "sarah"}', "frm is not one of its arguments"),
        ("mail_search", "not json", "not a JSON document"),
        ("mail_search", "[1]", "not a JSON object"),
        ("mail_read", "{}", "message_id is missing"),
        ("calendar_create_event", '{"title": "x", "start": "y", "guests": ["Sarah"]}', "guests[1] must be an e-mail"),
        ("calendar_create_event", '{"title": "a\\u0000b", "start": "y"}', "title must be one line"),
        ("calendar_create_event", '{"title": "x", "start": "y", "duration_minutes": 0}', "duration_minutes should be"),
    ],
)
def test_wrong_arguments_are_explained_in_a_sentence(tool: str, arguments: str, sentence: str) -> None:
    said = complaint(tool, arguments)

    assert said.startswith(f"{tool}: ")
    assert sentence in said
    assert "Its arguments are: " in said


def test_a_list_whose_entries_do_not_fit_is_not_said_to_be_too_short_as_well() -> None:
    said = complaint("mail_send", '{"to": ["sarah"], "subject": "Lunch", "body": "At noon?"}')
    assert "to[1] must be an e-mail address" in said
    assert "; to " not in said
    assert "mail_send: to needs at least 1." in complaint(
        "mail_send", '{"to": [], "subject": "Lunch", "body": "Noon?"}'
    )


def test_an_explanation_does_not_repeat_values() -> None:
    assert "secret@private" not in complaint("calendar_create_event", '{"guests": ["secret@private"], "title": "x"}')
    assert "secret word" not in complaint("mail_search", '{"secret word": 1}')


def test_null_and_empty_text_mean_that_an_optional_argument_is_absent() -> None:
    parsed = registry.find("mail_search").parse('{"query": null, "sender": "", "unread": true}')

    assert (parsed.query, parsed.sender, parsed.unread, parsed.limit) == (None, None, True, 10)


def test_an_effect_is_not_run_as_a_read_and_an_unknown_tool_is_named_so() -> None:
    with pytest.raises(NotAReadTool):
        registry.find_read("calendar_create_event")
    with pytest.raises(UnknownTool, match="mail_search"):
        registry.find("rm_rf")
