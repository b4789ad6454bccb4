"""A turn of an outsider who came by a booking link: who they are, and the little that is known in it.

Nothing of the owner is asked for: no profile, no memory, no mail, no calendar. The tools are those of the link, and
whatever the outsider writes, there are no others.
"""

import json
from dataclasses import dataclass

from contracts.chat import RunTurn, Visitor
from contracts.envelope import Scope
from libs.bus import Bus
from libs.models.messages import Options
from libs.vault import TransitSeal
from services.chat.about import About, zone
from services.chat.steps import Outcome
from services.chat.toolbox import LIST_PATIENCE_S, list_tools

OPTIONS = Options(max_output_tokens=2_048)
"""Outsiders spend the owner's budget: a sentence and a list of times need no more, thinking included."""
MAX_ROUNDS = 4
HISTORY_CHARACTERS = 6_000
AWAY = "The calendar behind this link cannot be reached right now."
ONE_BOOKING = "Not done: one meeting is booked for a message. Tell the visitor what was booked, and let them ask again."


@dataclass(frozen=True, slots=True)
class Visit:
    """By which link, and who."""

    delegation_id: str
    visitor: Visitor


def visit_of(command: RunTurn, scope: Scope, seal: TransitSeal) -> Visit | None:
    """None in a turn of the owner's own."""
    if command.delegation_id is None or command.sealed_visitor is None:
        return None
    visitor = Visitor.model_validate_json(seal.open("run_turn", scope, command.sealed_visitor))
    return Visit(command.delegation_id, visitor)


async def find_out(
    bus: Bus, scope: Scope, visit: Visit, asked_timezone: str | None, patience_s: float = LIST_PATIENCE_S
) -> About:
    """The visitor's zone and the tools of the link; never raises for a neighbour that is away."""
    tools = await list_tools(bus, scope, patience_s, visit.delegation_id)
    return About(
        display_name=None,
        zone=zone(asked_timezone or visit.visitor.timezone),
        tools={tool.name: tool for tool in tools.tools} if tools else {},
        missing_providers=(),
        notes=() if tools else (AWAY,),
    )


def booked_in(outcome: Outcome) -> str | None:
    """The id of what was booked: with the conversation's token it is moved and cancelled on the page."""
    booking_id = outcome.as_data().get("booking_id") if outcome.ok and outcome.effect else None
    return booking_id if isinstance(booking_id, str) else None


def as_given(visitor: Visitor) -> str:
    """What the outsider said about themselves, as JSON."""
    return json.dumps({"name": visitor.name, "address": visitor.address}, ensure_ascii=False)
