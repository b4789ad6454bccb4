"""Words such as "tomorrow" are relative to the moment of asking, however much later it is done."""

from datetime import UTC, datetime, timedelta

from contracts.actions import DecideAction
from contracts.tool import ExecutionStatus, RunReadTool
from libs.bus import Bus
from services.tool.deps import ToolDeps
from tests.service.tool.mailbox import ZONE
from tests.service.tool.world import TIMEZONE, World, unique

ASKED_AT = (datetime.now(ZONE) - timedelta(days=3)).replace(hour=23, minute=59, second=58)
DAY_AFTER = (ASKED_AT + timedelta(days=1)).date().isoformat()


async def test_an_effect_means_the_day_after_it_was_asked_for_and_what_it_makes_is_of_today(
    world: World, tool: ToolDeps
) -> None:
    asked = world.asked("tasks_create", {"title": unique("Late"), "due": "tomorrow"})
    task = world.opened(await world.execute(asked.model_copy(update={"asked_at": ASKED_AT})))
    assert task["due"] == DAY_AFTER
    async with tool.db.reading(world.scope) as tx:
        created_at = await tx.fetchval("select created_at from tasks where task_id = $1", task["task_id"])
    assert datetime.now(UTC) - created_at < timedelta(hours=1)


async def test_what_is_approved_days_later_is_what_the_preview_said(world: World, tool: ToolDeps, gateway: Bus) -> None:
    arguments = {"title": unique("Approved"), "due": "tomorrow"}
    asked = world.asked("tasks_create", arguments).model_copy(
        update={"asked_at": ASKED_AT, "sealed_provenance": None, "tool": "calendar_create_event"}
    )
    sealed = world.sealed({"title": arguments["title"], "start": "tomorrow at 2pm"})
    await world.chat.send(asked.model_copy(update={"sealed_arguments": sealed}), scope=world.scope)
    proposed = await world.settled(asked.execution_id)
    assert proposed.status is ExecutionStatus.PROPOSED
    when = f"{ASKED_AT + timedelta(days=1):%d %B %Y}"
    assert [field for field in world.preview(proposed).fields if when in field.value]
    await gateway.ask(DecideAction(action_id=asked.execution_id, decision="approve"), scope=world.scope)
    await world.ended(asked.execution_id)
    (made,) = await world.events(arguments["title"])
    assert made["start"]["dateTime"].startswith(DAY_AFTER)


async def test_a_read_means_the_day_after_it_was_asked_for(world: World, tool: ToolDeps) -> None:
    asked_at = datetime.now(ZONE) - timedelta(days=1)
    query = RunReadTool(
        tool="mail_search", sealed_arguments=world.sealed({"day": "tomorrow"}), timezone=TIMEZONE, asked_at=asked_at
    )
    found = world.opened(await world.chat.ask(query, scope=world.scope, timeout_s=12.0))
    assert [mail["id"] for mail in found["mails"]] == [
        mail["id"] for mail in (await world.result("mail_search", day="today"))["mails"]
    ]
    assert found["mails"]
