"""One intended event is one event, whatever breaks between us and the provider.

The emulated Google ignores client-made event ids, so here the mark in the description does the work; that a
server which honours them answers 409 is played by the front.
"""

import asyncio
import json

import asyncpg
import pytest

from contracts.ids import ExecutionId
from contracts.tool import ExecutionNotice, ExecutionStatus, GetExecution
from libs.resilience.errors import AdjutantError
from services.tool.deps import ToolDeps
from services.tool.tools.calendar import event_id
from tests.conftest import Platform
from tests.service.tool.front import Fault, Front, html, rate_limited, reason
from tests.service.tool.oauth_peer import STALE_TOKEN
from tests.service.tool.world import World, running_tool, unique

INSERT = "POST /calendar/v3/calendars/primary/events"
LOOK = "GET /calendar/v3/calendars/primary/events"


async def test_an_event_is_created_with_its_guest_and_told(world: World, tool: ToolDeps) -> None:
    title = unique("Coffee")
    command = world.command(title)

    async with world.chat.listen("execution", command.execution_id) as notices:
        outcome = await world.execute(command)
        notice = ExecutionNotice.model_validate_json(await anext(notices))

    (event,) = await world.events(title)
    result = world.opened(outcome)
    assert (notice.execution_id, notice.status) == (command.execution_id, ExecutionStatus.DONE)
    assert [guest["email"] for guest in event["attendees"]] == ["sarah.chen@example.com"]
    assert (result["event_id"], result["title"], result["start"]) == (event["id"], title, event["start"]["dateTime"])
    assert event["description"] == f"Scheduled by Adjutant, ref {event_id(command.execution_id)}"


async def test_the_same_command_twice_is_one_event_and_the_same_answer(world: World, tool: ToolDeps) -> None:
    title = unique("Twice")
    command = world.command(title)

    first = await world.execute(command)
    await world.chat.send(command, scope=world.scope)  # under another envelope id: the ledger alone protects
    async with world.chat.listen("execution", command.execution_id) as notices:
        await world.chat.send(command, scope=world.scope)
        async with asyncio.timeout(5):
            await anext(notices)
    second = await world.ended(command.execution_id)

    assert len(await world.events(title)) == 1
    assert world.opened(first) == world.opened(second)


async def test_the_same_id_for_another_request_is_refused(world: World, tool: ToolDeps, platform: Platform) -> None:
    title, other = unique("Mine"), unique("Other")
    command = world.command(title)
    await world.execute(command)

    await world.chat.send(world.command(other, command.execution_id), scope=world.scope)

    assert await _dead_letter(platform, "execution_conflict")
    assert await world.events(other) == []


@pytest.mark.every_way(sample=2)
@pytest.mark.parametrize("is_done", [True, False], ids=["provider did it", "provider did not"])
@pytest.mark.parametrize(
    "fault",
    [
        Fault(INSERT, cut=True),
        Fault(INSERT, truncate=True),
        Fault(INSERT, status=500),
        Fault(INSERT, status=503, headers={"Retry-After": "1"}),
        html(INSERT, 502),
        Fault(INSERT, status=200, body=b"<html>", content_type="text/html"),
    ],
    ids=["cut", "truncated", "500", "503", "html 502", "html 200"],
)
async def test_half_an_answer_never_makes_two_events(world: World, tool: ToolDeps, fault: Fault, is_done: bool) -> None:
    title = unique("Once")
    world.front.faults = [Fault(**vars(fault) | {"after_commit": is_done, "times": 1})]

    outcome = await world.execute(world.command(title))

    assert outcome.status == ExecutionStatus.DONE
    assert len(await world.events(title)) == 1
    assert world.front.count(INSERT) == (1 if is_done else 2)


async def test_a_provider_that_hangs_after_doing_it_is_found_out(world: World, tool: ToolDeps) -> None:
    title = unique("Slow")
    world.front.faults = [Fault(INSERT, status=504, delay_s=9, after_commit=True)]

    outcome = await world.execute(world.command(title))

    assert outcome.status == ExecutionStatus.DONE
    assert len(await world.events(title)) == 1


async def test_a_provider_that_knows_the_id_already_is_taken_at_its_word(world: World, tool: ToolDeps) -> None:
    title = unique("Known")
    world.front.faults = [Fault(INSERT, status=409, after_commit=True)]

    outcome = await world.execute(world.command(title))

    assert outcome.status == ExecutionStatus.DONE
    assert len(await world.events(title)) == 1


@pytest.mark.parametrize(
    ("fault", "slug"),
    [
        (reason(INSERT, 400, "invalidArgument"), "provider_refused"),
        (reason(INSERT, 403, "insufficientPermissions"), "provider_permission_missing"),
        (html(INSERT, 403), "provider_permission_missing"),
        (reason(INSERT, 404, "notFound"), "provider_entity_not_found"),
        (rate_limited(INSERT, "60"), "provider_rate_limited"),
    ],
)
async def test_a_refusal_is_final_and_says_what_to_do(world: World, tool: ToolDeps, fault: Fault, slug: str) -> None:
    title = unique("Refused")
    world.front.faults = [fault]
    command = world.command(title)

    outcome = await world.execute(command)

    assert (outcome.status, outcome.error) == (ExecutionStatus.FAILED, slug)
    assert outcome.detail
    assert await world.events(title) == []
    assert await world.execute(command) == outcome


async def test_a_short_rate_limit_is_waited_for(world: World, tool: ToolDeps) -> None:
    title = unique("Busy")
    world.front.faults = [rate_limited(INSERT, "1"), reason(INSERT, 403, "userRateLimitExceeded")]

    assert (await world.execute(world.command(title))).status == ExecutionStatus.DONE
    assert world.front.count(INSERT) == 3


async def test_a_refused_token_is_refreshed_once_before_the_effect(world: World, tool: ToolDeps) -> None:
    title = unique("Fresh")
    world.oauth.hands_out_stale = True
    world.front.refused_tokens = {STALE_TOKEN}

    assert (await world.execute(world.command(title))).status == ExecutionStatus.DONE
    assert world.oauth.refreshes == 1
    assert len(await world.events(title)) == 1


async def test_what_nobody_can_tell_is_unknown_and_announced_to_a_person(
    world: World, tool: ToolDeps, platform: Platform
) -> None:
    title = unique("Limbo")
    command = world.command(title)
    world.front.faults = [
        Fault(INSERT, cut=True, after_commit=True),
        reason(LOOK, 403, "insufficientPermissions"),
    ]

    outcome = await world.execute(command)

    assert (outcome.status, outcome.error) == (ExecutionStatus.UNKNOWN, "provider_permission_missing")
    assert world.front.count(INSERT) == 1
    finished = await _event_of(platform, command.execution_id)
    assert (finished["status"], finished["tool"]) == ("unknown", "calendar_create_event")
    assert title not in json.dumps(finished)


@pytest.mark.parametrize(
    ("arguments", "slug"),
    [
        ({"start": "tomorrow"}, "time_not_understood"),
        ({"guests": ["Sarah"]}, "invalid_arguments"),
        ({"start": "2026-11-24T14:00", "end": "2026-11-24T13:00"}, "invalid_arguments"),
    ],
)
async def test_arguments_that_make_no_sense_fail_without_a_call(
    world: World, tool: ToolDeps, arguments: dict[str, object], slug: str
) -> None:
    outcome = await world.execute(world.command(unique("Nonsense"), **arguments))

    assert (outcome.status, outcome.error) == (ExecutionStatus.FAILED, slug)
    assert world.front.seen == []


async def test_a_user_sees_only_their_own_executions(world: World, tool: ToolDeps, stranger: object) -> None:
    command = world.command(unique("Private"))
    await world.execute(command)

    with pytest.raises(AdjutantError) as refused:
        await world.chat.ask(GetExecution(execution_id=command.execution_id), scope=stranger)  # type: ignore[arg-type]

    assert refused.value.slug == "execution_not_found"


async def test_nothing_personal_is_stored_in_the_clear(world: World, tool: ToolDeps, platform: Platform) -> None:
    title = unique("Secret")
    command = world.command(title)
    await world.execute(command)

    rows = await _rows(platform, "select executions::text as row from tool.executions")
    rows += await _rows(platform, "select encode(body, 'escape') || headers::text as row from tool.outbox")

    assert any(command.execution_id in row["row"] for row in rows)
    assert not any(title in row["row"] or "sarah.chen" in row["row"] for row in rows)


async def test_two_replicas_with_the_same_command_make_one_event(
    world: World, tool: ToolDeps, platform: Platform, front: Front
) -> None:
    title = unique("Race")
    command = world.command(title)
    async with running_tool(platform, front.url):
        await asyncio.gather(*(world.chat.send(command, scope=world.scope) for _ in range(6)))
        outcome = await world.ended(command.execution_id)

    assert outcome.status == ExecutionStatus.DONE
    assert len(await world.events(title)) == 1
    assert world.front.count(INSERT) == 1


async def test_tomorrow_stays_the_tomorrow_of_the_day_it_was_said(world: World, tool: ToolDeps) -> None:
    """A redelivery a day later means the same event: the moment of asking stands in the ledger."""
    command = world.command(unique("Relative"), start="in 30 minutes")

    first = world.opened(await world.execute(command))
    await asyncio.sleep(0)
    await world.chat.send(command, scope=world.scope)
    second = world.opened(await world.ended(ExecutionId(command.execution_id)))

    assert first["start"] == second["start"]


async def _rows(platform: Platform, sql: str, *args: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(platform.database.admin_url)
    try:
        await connection.execute("set row_security = off")
        return list(await connection.fetch(sql, *args))
    finally:
        await connection.close()


async def _event_of(platform: Platform, execution_id: str) -> dict[str, str]:
    rows = await _rows(platform, "select body from tool.outbox where subject like 'evt.tool.execution.finished.v1.%'")
    bodies = [json.loads(row["body"]) for row in rows]
    (found,) = [body for body in bodies if body["execution_id"] == execution_id]
    return dict(found)


async def _dead_letter(platform: Platform, slug: str) -> bool:
    async with asyncio.timeout(5):
        while True:
            if await _rows(platform, "select 1 from tool.dead_letters where dead_letters::text like $1", f"%{slug}%"):
                return True
            await asyncio.sleep(0.05)
