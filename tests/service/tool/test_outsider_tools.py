"""An outsider's conversation has the tools of its link and no others, and an ordinary one has none of those."""

import json
from datetime import datetime
from typing import Any

from contracts.ids import ExecutionId, new_id
from contracts.tool import ExecuteTool, ExecutionStatus, ListTools, RunReadTool, ToolOutcome
from services.tool.deps import ToolDeps
from tests.service.tool.visitors import Owner, Visitor, at
from tests.service.tool.world import World, unique

OUTSIDERS = {"delegation_check_availability", "delegation_schedule_meeting"}
ZONE = "America/New_York"


async def read(world: World, visitor: Visitor, tool: str, **arguments: Any) -> ToolOutcome:
    query = RunReadTool(
        tool=tool,
        sealed_arguments=world.sealed(arguments),
        timezone=ZONE,
        delegation_id=visitor.link.delegation_id,
    )
    return await world.chat.ask(query, scope=world.scope, timeout_s=10)


def command(world: World, visitor: Visitor, tool: str, **arguments: Any) -> ExecuteTool:
    return ExecuteTool(
        execution_id=ExecutionId(new_id("x")),
        tool=tool,
        sealed_arguments=world.sealed(arguments),
        timezone=ZONE,
        delegation_id=visitor.link.delegation_id,
    )


async def test_each_conversation_is_told_of_its_own_tools(owner: Owner, world: World, tool: ToolDeps) -> None:
    visitor = await owner.link()

    own = await world.chat.ask(ListTools(), scope=world.scope)
    outside = await world.chat.ask(ListTools(delegation_id=visitor.link.delegation_id), scope=world.scope)

    assert {each.name for each in outside.tools} == OUTSIDERS
    assert outside.missing_providers == ()
    assert not any(each.name.startswith("delegation_") for each in own.tools)


async def test_an_outsider_cannot_call_the_owners_tools_nor_the_owner_theirs(
    owner: Owner, world: World, tool: ToolDeps
) -> None:
    visitor = await owner.link()

    for name in ("calendar_list", "mail_search", "contacts_find"):
        assert (await read(world, visitor, name, query="x")).error == "unknown_tool"
    for name in ("calendar_create_event", "delegation_put_event", "delegation_withdraw_event"):
        assert (await world.execute(command(world, visitor, name))).error == "unknown_tool"
    for name in OUTSIDERS:
        assert (await world.execute(world.asked(name, {}))).error == "unknown_tool"


async def test_a_meeting_is_found_and_booked_once(owner: Owner, world: World, tool: ToolDeps) -> None:
    label = unique("Talk")
    visitor = await owner.link(label=label, durations=(45, 30), step_minutes=60)
    day = at(30, 12).date().isoformat()

    found = await read(world, visitor, "delegation_check_availability", day=day)
    free = json.loads(world.seal.open("tool_result", world.scope, found.sealed_result or ""))
    assert (free["duration_minutes"], free["timezone"], free["durations_offered"]) == (45, ZONE, [45, 30])
    assert free["free"][0].startswith(day)

    wanted = {"start": free["free"][3], "guest_name": "Grace\u200b", "guest_address": "grace@example.org"}
    booking = command(world, visitor, "delegation_schedule_meeting", **wanted)
    outcome = await world.execute(booking)
    assert outcome.status is ExecutionStatus.DONE, outcome
    await world.chat.send(booking, scope=world.scope)  # delivered again under another envelope

    again = await world.execute(command(world, visitor, "delegation_schedule_meeting", **wanted))
    assert (again.status, again.error) == (ExecutionStatus.FAILED, "slot_taken")
    (event,) = await owner.events(label)
    assert event["summary"] == f"{label}: Grace"
    assert datetime.fromisoformat(event["start"]["dateTime"]) == datetime.fromisoformat(free["free"][3])


async def test_a_link_that_ended_is_of_no_use_to_its_conversation(owner: Owner, world: World, tool: ToolDeps) -> None:
    visitor = await owner.link()
    await owner.revoke(visitor)

    assert (await read(world, visitor, "delegation_check_availability")).error == "booking_link_not_found"
