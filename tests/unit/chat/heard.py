"""A call and what was before its planner, for tests of where values come from."""

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from contracts.actions import Origin, Provenance
from contracts.tool import Effect, ToolDescription
from services.chat.provenance import Heard, provenance_of
from services.chat.steps import Outcome, ToolCall
from services.tool.consent_facts import facts_of

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=ZoneInfo("Europe/Berlin"))
USER, CONTACT, MODEL, UNTRUSTED = Origin.USER, Origin.CONTACT, Origin.MODEL, Origin.UNTRUSTED


def read(result: dict[str, Any], tool: str = "mail_read", *, untrusted: bool = True) -> Outcome:
    return Outcome("c", tool, ok=True, effect=False, untrusted=untrusted, result=json.dumps(result))


def contacts(*people: tuple[str, str, bool]) -> Outcome:
    found = [{"name": name, "address": address, "known": known} for name, address, known in people]
    return read({"contacts": found, "incomplete": []}, "contacts_find", untrusted=False)


def of(
    words: str, arguments: dict[str, Any], *outcomes: Outcome, tool: str = "calendar_create_event", earlier: Any = ()
) -> Provenance:
    """Of a call in a conversation that has read mail."""
    described = ToolDescription(
        name=tool,
        description="",
        effect=Effect.WRITE,
        parameters_schema="{}",
        returns_untrusted_text=False,
        asked_with=facts_of(tool).asked_with,
    )
    heard = Heard(words, tuple(earlier), outcomes, NOW, has_read_before=True)
    return provenance_of(ToolCall("c", tool, json.dumps(arguments)), described, heard)


def origin(words: str, value: Any, *outcomes: Outcome, name: str = "x", tool: str = "calendar_create_event") -> Origin:
    (found,) = of(words, {name: value}, *outcomes, tool=tool).arguments
    return found.origin
