"""Tasks are written down, completed and opened again once, by the assistant and through the API, each user's for them.

They are in our own database: no provider is asked, and whatever stands behind the front is never used.
"""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from contracts.envelope import Scope
from contracts.ids import new_id
from contracts.tasks import CompleteTask, CreateTask, ListTasks, NewTask, ReopenTask, TaskView
from contracts.tool import ExecutionStatus
from libs.bus import Bus
from libs.resilience.errors import AdjutantError
from services.tool import tasks
from services.tool.deps import ToolDeps
from tests.conftest import Platform, new_scope
from tests.service.providers.vendor_server import Told, vendor
from tests.service.tool.lost_answers import with_a_forgotten_result
from tests.service.tool.mailbox import ZONE
from tests.service.tool.world import World


@pytest.fixture(scope="module")
async def google() -> AsyncIterator[str]:
    """No provider."""
    async with vendor(lambda asked: Told({}, 404)) as running:
        yield running.url


@pytest.fixture
def nobody(world: World, tool: ToolDeps) -> World:
    """Somebody who has connected nothing."""
    world.oauth.connected = set()
    return world


async def _titles(world: World, **which: Any) -> list[str]:
    return [task["title"] for task in (await world.result("tasks_list", **which))["tasks"]]


async def test_a_task_lives(nobody: World) -> None:
    created = await nobody.done("tasks_create", title="Water the plants", notes="The big one\ntwice", due="tomorrow")
    tomorrow = (datetime.now(UTC).astimezone(ZONE) + timedelta(days=1)).date().isoformat()
    assert created | {"task_id": ""} == {
        "task_id": "",
        "title": "Water the plants",
        "notes": "The big one\ntwice",
        "status": "open",
        "due": tomorrow,
    }
    assert (await nobody.result("tasks_list"))["tasks"] == [created]

    done = await nobody.done("tasks_complete", task_id=created["task_id"])
    assert done == created | {"status": "done"}
    assert await _titles(nobody) == []
    assert await _titles(nobody, status="done") == ["Water the plants"]

    assert await nobody.done("tasks_reopen", task_id=created["task_id"]) == created
    assert await _titles(nobody) == ["Water the plants"]


async def test_what_is_due_first_comes_first(nobody: World) -> None:
    for title, due in (
        ("Some day", None),
        ("Then", "2026-12-02"),
        ("At nine", "2026-12-02T09:00"),
        ("First", "2026-12-01"),
    ):
        await nobody.done("tasks_create", title=title, **({"due": due} if due else {}))
    finished = await nobody.done("tasks_create", title="Finished", due="2026-11-30")
    await nobody.done("tasks_complete", task_id=finished["task_id"])

    assert await _titles(nobody, status="all") == ["First", "At nine", "Then", "Some day", "Finished"]
    assert await _titles(nobody, due_by="2026-12-01") == ["First"]
    assert await _titles(nobody, due_by="2026-12-02") == ["First", "At nine", "Then"]
    some = await nobody.result("tasks_list", limit=2)
    assert ([task["title"] for task in some["tasks"]], some["more"]) == (["First", "At nine"], True)


@pytest.mark.parametrize("tool_name", ["tasks_create", "tasks_complete", "tasks_reopen"])
async def test_a_process_that_dies_does_it_once(nobody: World, monkeypatch: pytest.MonkeyPatch, tool_name: str) -> None:
    task_id = (await nobody.done("tasks_create", title="Earlier"))["task_id"]
    if tool_name == "tasks_reopen":
        await nobody.done("tasks_complete", task_id=task_id)
    arguments = {"title": "Once"} if tool_name == "tasks_create" else {"task_id": task_id}

    told = await with_a_forgotten_result(nobody, monkeypatch, tool_name, **arguments)

    assert told["status"] == ("done" if tool_name == "tasks_complete" else "open")
    assert sorted(await _titles(nobody, status="all")) == (
        ["Earlier", "Once"] if tool_name == "tasks_create" else ["Earlier"]
    )


async def test_what_was_undone_since_is_not_done_again(nobody: World, tool: ToolDeps) -> None:
    """The process died after completing; the user opened the task again before anybody looked."""
    created = await nobody.done("tasks_create", title="Undone")
    command = nobody.asked("tasks_complete", {"task_id": created["task_id"]})
    await nobody.execute(command)
    mine = tasks.TaskList(tool.db, tool.vault, nobody.scope)
    await mine.reopen(created["task_id"])

    found = await mine.find_changed(created["task_id"], "done", command.execution_id)

    assert found is not None
    assert found.status == "open"


@pytest.mark.parametrize(
    ("tool_name", "arguments", "slug"),
    [
        ("tasks_create", {}, "invalid_arguments"),
        ("tasks_create", {"title": "a\nb"}, "invalid_arguments"),
        ("tasks_create", {"title": "t", "due": "someday"}, "time_not_understood"),
        ("tasks_create", {"title": "t", "due": "9999-12-31"}, "time_not_understood"),
        ("tasks_complete", {"task_id": "tk_1"}, "invalid_arguments"),
        ("tasks_complete", {"task_id": new_id("tk")}, "task_not_found"),
        ("tasks_reopen", {"task_id": new_id("tk")}, "task_not_found"),
    ],
)
async def test_what_cannot_be_done_fails_with_a_reason(
    nobody: World, tool_name: str, arguments: dict[str, Any], slug: str
) -> None:
    outcome = await nobody.execute(nobody.asked(tool_name, arguments))

    assert (outcome.status, outcome.error) == (ExecutionStatus.FAILED, slug)


async def test_there_is_a_bound_to_what_is_open(nobody: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "MOST_OPEN", 1)
    first = await nobody.done("tasks_create", title="First")

    outcome = await nobody.execute(nobody.asked("tasks_create", {"title": "Second"}))
    assert outcome.error == "too_many_tasks"

    await nobody.done("tasks_complete", task_id=first["task_id"])
    await nobody.done("tasks_create", title="Second")
    assert (await nobody.execute(nobody.asked("tasks_reopen", {"task_id": first["task_id"]}))).error == "too_many_tasks"


async def _created(gateway: Bus, world: World, scope: Scope, task: NewTask) -> TaskView:
    sealed = world.seal.seal("task", scope, task.model_dump_json())
    return await gateway.ask(CreateTask(task_id=new_id("tk"), sealed_task=sealed), scope=scope)


async def test_the_api_sees_the_same_tasks_and_nobody_elses(nobody: World, gateway: Bus) -> None:
    scope, stranger = nobody.scope, new_scope()
    made = await _created(gateway, nobody, scope, NewTask(title="Call Tom", due_on=date(2026, 12, 1)))

    assert await _titles(nobody) == ["Call Tom"]
    assert (await gateway.ask(ListTasks(), scope=scope)).tasks == (made,)
    assert (await gateway.ask(ListTasks(due_by=date(2026, 11, 30)), scope=scope)).tasks == ()
    assert (await gateway.ask(ListTasks(status="all"), scope=stranger)).tasks == ()
    with pytest.raises(AdjutantError, match="no such task"):
        await gateway.ask(CompleteTask(task_id=made.task_id), scope=stranger)

    done = await gateway.ask(CompleteTask(task_id=made.task_id), scope=scope)
    assert (done.status, await gateway.ask(CompleteTask(task_id=made.task_id), scope=scope)) == ("done", done)
    assert await gateway.ask(ReopenTask(task_id=made.task_id), scope=scope) == made


async def test_the_same_request_twice_is_one_task(nobody: World, gateway: Bus) -> None:
    sealed = nobody.seal.seal("task", nobody.scope, NewTask(title="Once").model_dump_json())
    query = CreateTask(task_id=new_id("tk"), sealed_task=sealed)

    assert await gateway.ask(query, scope=nobody.scope) == await gateway.ask(query, scope=nobody.scope)
    assert len((await gateway.ask(ListTasks(), scope=nobody.scope)).tasks) == 1


async def test_words_are_sealed_where_they_lie(nobody: World, platform: Platform) -> None:
    await nobody.done("tasks_create", title="Very private title", notes="Very private notes")

    connection = await asyncpg.connect(platform.database.url("tool"))
    try:
        async with connection.transaction():
            await connection.execute(
                "select set_config('adjutant.organization_id', $1, true)", nobody.scope.organization_id
            )
            await connection.execute("select set_config('adjutant.user_id', $1, true)", nobody.scope.user_id)
            (row,) = await connection.fetch("select * from tasks")
    finally:
        await connection.close()
    assert b"private" not in b"".join(str(value).encode() for value in row.values())
    assert b"private" not in bytes(row["content"])
