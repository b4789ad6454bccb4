"""What outsiders' words have influenced is not done without the user's word; and their word counts once."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from contracts.actions import (
    ActionStatus,
    ActionView,
    ArgumentOrigin,
    GetAction,
    ListActions,
    Origin,
    Provenance,
    SetConsentRule,
)
from contracts.envelope import Scope
from contracts.ids import OrganizationId, UserId, new_id
from contracts.tool import ExecutionStatus
from libs.bus import Bus, RemoteError
from services.tool import ledger
from services.tool.deps import ToolDeps
from services.tool.effects import ensure_ended
from tests.service.tool.desk import EVENT, INFLUENCED, SENTENCE, Desk
from tests.service.tool.front import reason
from tests.service.tool.world import World, wished

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def desk(world: World, gateway: Bus) -> Desk:
    return Desk(world, gateway)


async def test_an_influenced_event_waits_and_its_preview_names_the_sentence(tool: ToolDeps, desk: Desk) -> None:
    action_id = await desk.propose(EVENT | {"title": "Influenced"})
    (view,) = await desk.waiting()
    preview = desk.preview(view)
    assert view.action_id == action_id
    assert preview.title == "Create an event with evil@example.net: Influenced, Monday, 03 March 2031, 14:00"
    assert any(SENTENCE in reason and "Guests" in reason for reason in preview.reasons)
    assert ("Begins", "Monday, 03 March 2031, 14:00 (Europe/Berlin)") in [(f.label, f.value) for f in preview.fields]
    assert await desk.world.events("Influenced") == []


async def test_approved_it_is_done_once_and_a_second_word_changes_nothing(tool: ToolDeps, desk: Desk) -> None:
    action_id = await desk.propose(EVENT | {"title": "Approved"})
    approved = await desk.decide(action_id, "approve")
    assert approved.status is ActionStatus.HELD
    assert (await desk.world.ended(action_id)).status is ExecutionStatus.DONE
    assert len(await desk.world.events("Approved")) == 1
    for decision in ("approve", "decline"):
        with pytest.raises(RemoteError) as decided:
            await desk.decide(action_id, decision)
        assert decided.value.slug == "action_decided"
    assert len(await desk.world.events("Approved")) == 1


async def test_ten_approvals_at_once_are_one_effect(tool: ToolDeps, desk: Desk) -> None:
    action_id = await desk.propose(EVENT | {"title": "At once"})
    answers = await asyncio.gather(*(desk.decide(action_id, "approve") for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(answer, ActionView) for answer in answers) == 1
    await desk.world.ended(action_id)
    assert len(await desk.world.events("At once")) == 1


async def test_edited_arguments_are_what_is_done(tool: ToolDeps, desk: Desk) -> None:
    action_id = await desk.propose(EVENT | {"title": "Edited"})
    await desk.decide(action_id, "approve", EVENT | {"title": "Edited by me", "guests": []})
    await desk.world.ended(action_id)
    (event,) = await desk.world.events("Edited by me")
    assert event.get("attendees", []) == []

    wrong = await desk.propose(EVENT | {"title": "Edited wrongly"})
    with pytest.raises(RemoteError) as refused:
        await desk.decide(wrong, "approve", {"title": "x"})
    assert refused.value.slug == "invalid_arguments"
    assert (await desk.gateway.ask(GetAction(action_id=wrong), scope=desk.world.scope)).status == "proposed"


async def test_a_command_that_comes_again_after_a_death_does_what_was_approved_not_what_was_proposed(
    tool: ToolDeps, desk: Desk
) -> None:
    """An approved and edited action was claimed, its holder was killed, and chat sends its own command once more."""
    command = desk.world.asked("calendar_create_event", EVENT | {"title": "As proposed"}, provenance=INFLUENCED)
    assert (await desk.sent(command)).status == "proposed"
    edited = json.dumps(EVENT | {"title": "As approved", "guests": []})
    async with tool.db.transaction(desk.world.scope) as tx:
        key = await tool.vault.user_key(tx)
        await tx.execute(
            """update executions set status = 'claimed', fence = 1, arguments = $2,
                   lease_until = clock_timestamp() - interval '1 s' where execution_id = $1""",
            command.execution_id,
            key.seal(ledger.ARGUMENTS, command.execution_id, edited.encode()),
        )
    assert (await desk.world.execute(command)).status is ExecutionStatus.DONE
    assert len(await desk.world.events("As approved")) == 1
    assert await desk.world.events("As proposed") == []


async def test_a_rule_that_would_have_no_effect_is_refused(tool: ToolDeps, desk: Desk) -> None:
    with pytest.raises(RemoteError) as refused:
        await desk.gateway.ask(SetConsentRule(tool="mail_read", verdict="never"), scope=desk.world.scope)
    assert refused.value.slug == "invalid_input"


async def test_an_edit_that_does_not_fit_is_refused_to_a_person_and_can_be_mended(tool: ToolDeps, desk: Desk) -> None:
    action_id = await desk.propose(EVENT | {"title": "As proposed"})
    with pytest.raises(RemoteError) as refused:
        await desk.decide(action_id, "approve", EVENT | {"guests": ["sarah"]})
    assert refused.value.slug == "invalid_arguments"
    assert refused.value.advice == "Correct these arguments and approve again; nothing has been done yet."
    assert (await desk.decide(action_id, "approve", EVENT | {"guests": []})).status is not ActionStatus.PROPOSED


@pytest.mark.parametrize(
    ("name", "recipient"),
    [
        ("mail_send", "sarah"),
        ("mail_send", "example.com"),
        ("calendar_create_event", "@example"),
        ("tasks_create", "sarah@example.com"),
    ],
)
async def test_a_rule_for_a_recipient_whom_no_call_can_have_is_refused(
    tool: ToolDeps, desk: Desk, name: str, recipient: str
) -> None:
    with pytest.raises(RemoteError) as refused:
        await desk.gateway.ask(SetConsentRule(tool=name, verdict="allow", recipient=recipient), scope=desk.world.scope)
    assert refused.value.slug == "invalid_input"
    assert "`recipient`" in (refused.value.detail or "")


async def test_declined_it_is_not_done(tool: ToolDeps, desk: Desk) -> None:
    action_id = await desk.propose(EVENT | {"title": "Declined"})
    assert (await desk.decide(action_id, "decline")).status is ActionStatus.DECLINED
    assert await desk.waiting() == []
    assert await desk.world.events("Declined") == []


async def test_nobody_else_decides_or_sees_it(tool: ToolDeps, desk: Desk) -> None:
    action_id = await desk.propose(EVENT | {"title": "Mine"})
    someone = Scope(OrganizationId(new_id("org")), UserId(new_id("u")))
    other = Desk(replace(desk.world, scope=someone), desk.gateway)
    assert await other.waiting() == []
    with pytest.raises(RemoteError) as missing:
        await other.decide(action_id, "approve")
    assert missing.value.slug == "action_not_found"


async def test_what_the_user_asked_for_in_their_own_words_is_not_asked_about(tool: ToolDeps, desk: Desk) -> None:
    given = EVENT | {"title": "Plain", "guests": ["sarah.chen@example.com"]}
    own = wished(given)
    assert (await desk.sent(desk.world.asked("calendar_create_event", given, provenance=own))).status == "done"
    after_reading = own.model_copy(update={"read_untrusted": True})
    command = desk.world.asked("calendar_create_event", given | {"title": "Again"}, provenance=after_reading)
    assert (await desk.sent(command)).status == "done"


async def test_an_address_nobody_knows_is_asked_about_until_it_is_allowed_for_good(tool: ToolDeps, desk: Desk) -> None:
    composed = Provenance(
        read_untrusted=False,
        is_asked=True,
        arguments=(ArgumentOrigin(argument="guests[1]", origin=Origin.MODEL),),
    )
    await desk.propose(EVENT | {"title": "Unknown"}, composed)
    rule = SetConsentRule(tool="calendar_create_event", verdict="allow", recipient="@example.net")
    await desk.gateway.ask(rule, scope=desk.world.scope)
    allowed = desk.world.asked("calendar_create_event", EVENT | {"title": "Allowed"}, provenance=composed)
    assert (await desk.sent(allowed)).status == "done"
    # The standing word never covers what texts of others have influenced.
    await desk.propose(EVENT | {"title": "Influenced all the same"})


async def test_without_provenance_and_for_programs_it_is_asked_and_never_means_never(
    tool: ToolDeps, desk: Desk
) -> None:
    unknown = desk.world.asked("calendar_create_event", EVENT | {"title": "?"})
    unknown = unknown.model_copy(update={"sealed_provenance": None})
    assert (await desk.sent(unknown)).status == "proposed"
    program = Provenance(via="program", read_untrusted=True, is_asked=False)
    await desk.propose(EVENT | {"title": "By a program"}, program)
    never = SetConsentRule(tool="calendar_create_event", verdict="never")
    await desk.gateway.ask(never, scope=desk.world.scope)
    refused = await desk.sent(desk.world.asked("calendar_create_event", EVENT | {"guests": []}))
    assert (refused.status, refused.error) == ("failed", "ruled_out")


async def test_what_was_done_last_is_known_whether_or_not_it_can_be_taken_back(tool: ToolDeps, desk: Desk) -> None:
    event = desk.world.asked("calendar_create_event", EVENT | {"title": "First", "guests": []})
    await desk.sent(event)
    listed = await desk.gateway.ask(ListActions(), scope=desk.world.scope)
    assert (listed.last_id, listed.last_tool) == (event.execution_id, "calendar_create_event")
    made = await desk.world.done("tasks_create", title="Then")
    task = desk.world.asked("tasks_delete", {"task_id": made["task_id"]})
    await desk.sent(task)
    listed = await desk.gateway.ask(ListActions(), scope=desk.world.scope)
    assert (listed.last_id, listed.last_tool) == (task.execution_id, "tasks_delete")
    await desk.decide(event.execution_id, "undo")
    async with asyncio.timeout(15):
        while await desk.world.events("First"):  # noqa: ASYNC110 - the other side is a provider
            await asyncio.sleep(0.05)
    listed = await desk.gateway.ask(ListActions(), scope=desk.world.scope)
    assert listed.last_id == task.execution_id, "an undo is not undone by the next one"


async def test_an_event_that_was_done_can_be_taken_back_once(tool: ToolDeps, desk: Desk) -> None:
    command = desk.world.asked("calendar_create_event", EVENT | {"title": "Undone", "guests": []})
    await desk.sent(command)
    (view,) = await desk.waiting()
    assert view.undo_until is not None
    await desk.decide(command.execution_id, "undo")
    async with asyncio.timeout(15):
        while await desk.world.events("Undone"):  # noqa: ASYNC110 - the other side is a provider
            await asyncio.sleep(0.05)
    with pytest.raises(RemoteError) as twice:
        await desk.decide(command.execution_id, "undo")
    assert twice.value.slug == "not_undoable"
    async with asyncio.timeout(15):
        while (after := await desk.shown(command.execution_id)).detail == "It is being taken back.":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert (after.detail, after.undo_until) == ("It was done, and you took it back.", None)


async def test_a_task_that_was_created_is_taken_back_and_one_that_was_deleted_is_not(
    tool: ToolDeps, desk: Desk
) -> None:
    created = desk.world.asked("tasks_create", {"title": "Undone"})
    made = desk.world.opened(await desk.sent(created))
    assert (await desk.shown(created.execution_id)).undo_until is not None
    await desk.decide(created.execution_id, "undo")
    async with asyncio.timeout(15):
        while (await desk.world.result("tasks_list"))["tasks"]:  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.05)

    with pytest.raises(RemoteError) as twice:
        await desk.decide(created.execution_id, "undo")
    assert twice.value.slug == "not_undoable"
    again = await desk.world.done("tasks_create", title="Deleted")
    assert again["task_id"] != made["task_id"]
    deleted = desk.world.asked("tasks_delete", {"task_id": again["task_id"]})
    await desk.sent(deleted)
    with pytest.raises(RemoteError) as refused:
        await desk.decide(deleted.execution_id, "undo")
    assert refused.value.slug == "action_not_found"


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (None, "This is not done yet: it waits for you, and you can decline it."),
        ("decline", "This was never done, so there is nothing to take back."),
    ],
)
async def test_who_undoes_what_was_not_done_is_told_how_it_stands(
    tool: ToolDeps, desk: Desk, first: str | None, said: str
) -> None:
    action_id = await desk.propose(EVENT | {"title": "Not done"})
    if first:
        await desk.decide(action_id, first)
    with pytest.raises(RemoteError) as refused:
        await desk.decide(action_id, "undo")
    assert (refused.value.slug, refused.value.detail) == ("not_undoable", said)
    assert refused.value.advice == "Look at the action: it says what became of it."


async def test_an_undo_that_came_to_nothing_can_be_asked_for_again(tool: ToolDeps, desk: Desk) -> None:
    command = desk.world.asked("calendar_create_event", EVENT | {"title": "Stubborn", "guests": []})
    await desk.sent(command)
    desk.world.front.faults.append(reason("DELETE ", 403, "forbidden"))
    await desk.decide(command.execution_id, "undo")
    async with asyncio.timeout(15):
        while (shown := await desk.shown(command.execution_id)).detail == "It is being taken back.":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert shown.detail == "Taking it back did not work, so it stands."
    assert shown.undo_until is not None
    await desk.decide(command.execution_id, "undo")
    async with asyncio.timeout(15):
        while await desk.world.events("Stubborn"):  # noqa: ASYNC110 - the other side is a provider
            await asyncio.sleep(0.05)


async def test_what_was_begun_before_it_was_ruled_out_is_not_called_undone(tool: ToolDeps, desk: Desk) -> None:
    """A replica died after the provider had done it; then the user says never; then the command comes again."""
    command = desk.world.asked("calendar_create_event", EVENT | {"title": "Begun", "guests": []})
    assert (await desk.sent(command)).status is ExecutionStatus.DONE
    async with tool.db.transaction(desk.world.scope) as tx:
        await tx.execute(
            """update executions set status = 'claimed', result = null, finished_at = null,
                   lease_until = clock_timestamp() - interval '1 second' where execution_id = $1""",
            command.execution_id,
        )
    rule = SetConsentRule(tool="calendar_create_event", verdict="never")
    await desk.gateway.ask(rule, scope=desk.world.scope)
    ending = await ensure_ended(command, datetime.now(UTC), desk.world.scope, tool)
    assert ending.status is ExecutionStatus.DONE
    assert len(await desk.world.events("Begun")) == 1


async def test_what_was_approved_late_is_looked_for_from_the_moment_it_began(tool: ToolDeps, desk: Desk) -> None:
    """A look through all that was written since it was proposed might not get through, and nobody could tell then."""
    action_id = await desk.propose(EVENT | {"title": "Late word"})
    async with tool.db.transaction(desk.world.scope) as tx:
        await tx.execute("update executions set claimed_at = claimed_at - interval '23 hours'")
    approved_at = datetime.now(UTC)
    await desk.decide(action_id, "approve")
    async with asyncio.timeout(15):
        while not await desk.world.events("Late word"):  # noqa: ASYNC110 - the other side is a provider
            await asyncio.sleep(0.05)
    async with tool.db.transaction(desk.world.scope) as tx:
        began_at = await tx.fetchval("select claimed_at from executions where execution_id = $1", action_id)
    assert began_at > approved_at - timedelta(seconds=5)
