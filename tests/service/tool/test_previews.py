"""What waits for its user says what it acts on and who gets it, in words; and looking that up decides nothing.

Against the emulated Google. It shows no single event, so events are found in its list; that Google's own answer is used
is tested in `tests.service.tool.test_calendar_change_tools`.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from contracts.actions import ActionProposed, Preview, Provenance, SetConsentRule
from contracts.tool import ExecutionStatus
from libs.bus import Bus
from libs.bus.subjects import stream_for, subject_for
from services.tool import effects, ledger
from services.tool.consent.gate import Waits
from services.tool.consent.sight import seen
from services.tool.deps import ToolDeps
from tests.conftest import Platform
from tests.service.tool.desk import Desk
from tests.service.tool.front import Fault, Front
from tests.service.tool.mailbox import ZONE
from tests.service.tool.world import World, running_tool

pytestmark = pytest.mark.timeout(120)

REPLY = {"message_id": "m_budget", "to": ["sarah.chen@example.com"], "body": "Fine with me."}
LOOK = "GET /gmail/v1/users/me/messages/m_budget"
INFLUENCED = Provenance(read_untrusted=True, is_asked=False)


def lines(preview: Preview) -> dict[str, str]:
    return {field.label: field.value for field in preview.fields}


@pytest.fixture(scope="module")
async def tool(platform: Platform, front: Front) -> AsyncIterator[ToolDeps]:
    """A replica that holds back what cannot be taken back."""
    async with running_tool(platform, front.url, waits=Waits(hold=timedelta(seconds=30))) as deps:
        yield deps


async def test_an_event_is_shown_by_its_title_its_time_and_whoever_is_told(world: World, tool: ToolDeps) -> None:
    tomorrow = (datetime.now(ZONE) + timedelta(days=1)).strftime("%A, %d %B %Y")

    cancelled = await world.proposed("calendar_cancel_event", event_id="evt_review")
    changed = await world.proposed("calendar_update_event", event_id="evt_review", start="2031-03-03T14:00:00")

    assert cancelled.title == f"Cancel an event: Design review, {tomorrow}, 12:00"
    assert (cancelled.plain_title, changed.plain_title) == (
        "Cancel an event",
        "Change an event, now at Monday, 03 March 2031, 14:00",
    )
    assert lines(cancelled)["Event"] == f"Design review, {tomorrow}, 12:00"
    assert "tom@example.com" in lines(cancelled)["Guests who are told"]
    assert changed.title.endswith(f": Design review, {tomorrow}, 12:00, now at Monday, 03 March 2031, 14:00")
    assert lines(changed)["Begins"] == "Monday, 03 March 2031, 14:00 (Europe/Berlin)"
    assert all("evt_review" not in value for value in lines(changed).values())
    assert '"evt_review"' in changed.arguments


async def test_a_mail_is_shown_by_its_subject_and_its_writer(world: World, tool: ToolDeps) -> None:
    answered = await world.proposed("mail_reply", **REPLY)
    sorted_away = await world.proposed("mail_label", message_id="m_lunch", archive=True)

    assert answered.title == "Answer a mail to sarah.chen@example.com: Budget draft"
    assert lines(answered) == {
        "Mail": "Budget draft",
        "Written by": "Sarah Chen <sarah.chen@example.com>",
        "To": "sarah.chen@example.com",
        "Text": "Fine with me.",
    }
    assert sorted_away.title == "Change labels of a mail: Lunch?"
    assert lines(sorted_away)["Archive"] == "yes"


async def test_a_task_is_shown_by_its_title(world: World, tool: ToolDeps) -> None:
    task = await world.done("tasks_create", title="Water the plants", due="2031-03-03")

    completed = await world.proposed("tasks_complete", task_id=task["task_id"])
    created = await world.proposed("tasks_create", title="Feed the cat", due="2031-03-03")
    moved = await world.proposed("tasks_change", task_id=task["task_id"], title="Water them", due="2031-03-04")
    freed = await world.proposed("tasks_change", task_id=task["task_id"], due="never")
    deleted = await world.proposed("tasks_delete", task_id=task["task_id"])

    assert (completed.title, lines(completed)) == ("Complete a task: Water the plants", {"Task": "Water the plants"})
    assert created.title == "Create a task: Feed the cat, due Monday, 03 March 2031"
    assert moved.title == "Change a task: Water the plants, now called Water them, now due Tuesday, 04 March 2031"
    assert freed.title == "Change a task: Water the plants, now due never"
    assert deleted.title == "Delete a task for good: Water the plants"


async def test_a_draft_that_its_user_wants_to_be_asked_about_names_what_it_answers(
    world: World, tool: ToolDeps, gateway: Bus
) -> None:
    await gateway.ask(SetConsentRule(tool="mail_draft", verdict="ask"), scope=world.scope)

    drafted = await world.proposed("mail_draft", to=["tom@example.com"], body="b", reply_to_message_id="m_lunch")

    assert drafted.title == "Draft a mail to tom@example.com, in answer to Lunch?"


async def test_what_is_held_back_is_named_too(world: World, tool: ToolDeps) -> None:
    command = world.asked("mail_reply", REPLY)
    await world.chat.send(command, scope=world.scope)
    outcome = await world.settled(command.execution_id)

    assert outcome.status is ExecutionStatus.HELD
    assert world.preview(outcome).title == "Answer a mail to sarah.chen@example.com: Budget draft"


async def test_what_runs_at_once_or_acts_on_nothing_is_not_looked_up(world: World, tool: ToolDeps) -> None:
    await world.done("mail_label", message_id="m_lunch", read=True)
    assert world.front.count("GET /gmail/v1/users/me/messages/m_lunch") == 0

    preview = await world.proposed("mail_send", to=["tom@example.com"], subject="Hello", body="Hi.")
    assert preview.title == "Send a mail to tom@example.com: Hello"
    assert world.front.count("messages") == 1  # the relabelling


@pytest.mark.parametrize(
    "fault",
    [
        Fault(LOOK, status=404, times=9),
        Fault(LOOK, status=500, times=9),
        Fault(LOOK, body=b'{"payload": 7, "id": []}', status=200, times=9),
        Fault(LOOK, cut=True, times=9),
        Fault(LOOK, delay_s=8.0, status=500, times=9),
    ],
    ids=["unknown", "broken", "garbled", "cut", "slow"],
)
async def test_a_provider_that_cannot_say_leaves_the_id_and_a_word_about_it(
    world: World, tool: ToolDeps, fault: Fault
) -> None:
    world.front.faults = [fault]

    preview = await world.proposed("mail_reply", **REPLY)

    unnamed = "m_budget (what this is called could not be looked up)"
    assert lines(preview)["Message id"] == unnamed
    assert preview.title == f"Answer a mail to sarah.chen@example.com: {unnamed}"


async def test_an_account_that_is_not_connected_is_no_reason_not_to_ask(world: World, tool: ToolDeps) -> None:
    world.oauth.connected = set()

    assert "m_budget" in (await world.proposed("mail_reply", **REPLY)).title


async def test_no_transaction_is_open_while_a_provider_is_asked(
    world: World, tool: ToolDeps, platform: Platform
) -> None:
    world.front.faults = [Fault(LOOK, delay_s=1.5)]
    command = world.asked("mail_reply", REPLY, provenance=INFLUENCED)
    looking = await asyncpg.connect(platform.database.url("tool"))
    try:
        await world.chat.send(command, scope=world.scope)
        async with asyncio.timeout(10):
            while not world.front.count(LOOK):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        rows = await looking.fetch("select state from pg_stat_activity where datname = current_database()")
        standing = await world.standing(command.execution_id)
    finally:
        await looking.close()

    states = [row["state"] for row in rows]
    assert states.count("idle") >= 1  # the replica's connections are seen
    assert [state for state in states if state and "transaction" in state] == []
    assert standing is None
    assert (await world.settled(command.execution_id)).status is ExecutionStatus.PROPOSED


async def test_what_its_user_rules_meanwhile_counts(world: World, tool: ToolDeps, gateway: Bus) -> None:
    world.front.faults = [Fault(LOOK, delay_s=1.5)]
    command = world.asked("mail_reply", REPLY, provenance=INFLUENCED)
    await world.chat.send(command, scope=world.scope)
    async with asyncio.timeout(10):
        while not world.front.count(LOOK):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await gateway.ask(SetConsentRule(tool="mail_reply", verdict="never"), scope=world.scope)

    outcome = await world.settled(command.execution_id)

    assert (outcome.status, outcome.error) == (ExecutionStatus.FAILED, "ruled_out")


async def test_a_command_that_two_replicas_enter_at_once_is_one_proposal_and_is_told_once(
    world: World, tool: ToolDeps, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, both = ledger.claim, asyncio.Barrier(2)

    async def claim_together(*arguments: Any) -> Any:
        async with asyncio.timeout(15):
            await both.wait()
        return await claim(*arguments)

    command = world.asked("mail_reply", REPLY, provenance=INFLUENCED)
    last = world.asked("mail_send", {"to": ["tom@example.com"], "subject": "s", "body": "b"}, provenance=INFLUENCED)
    async with running_tool(platform, world.front.url), world.chat.listen("execution", command.execution_id) as ends:
        monkeypatch.setattr(ledger, "claim", claim_together)
        for _ in range(2):
            await world.chat.send(command, scope=world.scope)
        async with asyncio.timeout(30):
            for _ in range(2):
                await anext(ends)
        monkeypatch.setattr(ledger, "claim", claim)
        await world.chat.send(last, scope=world.scope)
        await world.settled(last.execution_id)

    assert world.front.count(LOOK) == 2
    admin = await platform.nats.admin()
    told = await admin.jetstream.subscribe(
        subject_for(ActionProposed, world.scope), stream=stream_for(ActionProposed), ordered_consumer=True
    )
    try:
        ids = [ActionProposed.model_validate_json((await told.next_msg(10)).data).action_id for _ in range(2)]
    finally:
        await told.unsubscribe()
        await admin.close()
    assert ids == [command.execution_id, last.execution_id]


async def test_a_process_that_dies_between_the_two_transactions_leaves_one_proposal(
    world: World, tool: ToolDeps, monkeypatch: pytest.MonkeyPatch
) -> None:
    died: list[str] = []

    async def die_once(*arguments: Any) -> Any:
        if not died:
            died.append("here")
            raise RuntimeError("the process dies here: nothing has been written yet")
        return await seen(*arguments)

    monkeypatch.setattr(effects, "seen", die_once)
    command = world.asked("mail_reply", REPLY, provenance=INFLUENCED)
    await world.chat.send(command, scope=world.scope)

    outcome = await world.settled(command.execution_id, 45)

    assert died == ["here"]
    assert outcome.status is ExecutionStatus.PROPOSED
    assert world.preview(outcome).title == "Answer a mail to sarah.chen@example.com: Budget draft"


async def test_an_edited_approval_keeps_the_name_of_what_is_still_acted_on(
    world: World, tool: ToolDeps, gateway: Bus
) -> None:
    desk = Desk(world, gateway)
    command = world.asked("mail_reply", REPLY, provenance=INFLUENCED)
    await desk.sent(command)
    view = await desk.decide(command.execution_id, "approve", REPLY | {"body": "Not with me."})

    edited = desk.preview(view)
    assert lines(edited)["Mail"] == "Budget draft"
    assert lines(edited)["Text"] == "Not with me."

    other = world.asked("mail_reply", REPLY, provenance=INFLUENCED)
    await desk.sent(other)
    view = await desk.decide(other.execution_id, "approve", REPLY | {"message_id": "m_lunch"})
    assert "Mail" not in lines(desk.preview(view))
    assert lines(desk.preview(view))["Message id"] == "m_lunch"
