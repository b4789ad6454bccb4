"""Consent looks at who receives something: no tool has an address among its arguments that the table does not name."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from contracts.tool import Effect
from services.tool.consent_facts import FACTS, facts_of
from services.tool.registry import Audience, Tool
from services.tool.tools import registry

EVERYTHING = frozenset({"gmail", "calendar", "outlook_mail", "outlook_calendar", "github", "slack", "notion"})
LOSES = frozenset({"remove_guests"})
"""Who is named there receives nothing new."""
NEVER_AN_ADDRESS = "not an address"


def effects() -> list[Tool[Any]]:
    offered = (registry.find(tool.name) for tool in registry.for_connections(EVERYTHING).tools)
    return [tool for tool in offered if tool.effect is not Effect.READ and tool.audience is Audience.OWNER]


def takes_addresses(tool: Tool[Any]) -> set[str]:
    """Arguments that refuse a text because it is no e-mail address."""
    found = set()
    for name, field in tool.arguments.model_fields.items():
        for value in (NEVER_AN_ADDRESS, (NEVER_AN_ADDRESS,)):
            try:
                TypeAdapter(field.rebuild_annotation()).validate_python(value)
            except ValidationError as refused:
                if "e-mail address" in str(refused):
                    found.add(name)
    return found


@pytest.mark.parametrize("tool", effects(), ids=lambda tool: tool.name)
def test_every_argument_that_takes_addresses_is_known_to_consent(tool: Tool[Any]) -> None:
    assert takes_addresses(tool) - LOSES <= set(facts_of(tool.name).recipients)
    assert tool.name in FACTS, "say what consent has to know of it"


def test_the_check_finds_addresses() -> None:
    assert takes_addresses(registry.find("outlook_mail_send")) == {"to", "cc"}
    assert takes_addresses(registry.find("outlook_calendar_update_event")) == {"add_guests", "remove_guests"}
