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
from contracts.tasks import (
    ChangeTask,
    CompleteTask,
    CreateTask,
    DeleteTask,
    ListTasks,
    NewTask,
    ReopenTask,
    TaskChange,
    TaskView,
)
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


async def test_a_task_is_changed_and_what_is_not_said_stays(nobody: World) -> None:
    made = await nobody.done("tasks_create", title="Water the plants", notes="Twice", due="2026-12-01")
    of = {"task_id": made["task_id"]}

    assert await nobody.done("tasks_change", **of, due="2026-12-02T09:00") == made | {
        "due": "2026-12-02T09:00:00+01:00"
    }
    assert await nobody.done("tasks_change", **of, due="2026-12-03") == made | {"due": "2026-12-03"}
    renamed = made | {"title": "Water the garden", "due": None}
    assert await nobody.done("tasks_change", **of, title="Water the garden", due="never") == renamed
    assert await nobody.done("tasks_change", **of, notes="Once") == renamed | {"notes": "Once"}
    assert (await nobody.result("tasks_list"))["tasks"] == [renamed | {"notes": "Once"}]


async def test_a_deleted_task_is_gone_whether_it_was_done_or_not(nobody: World) -> None:
    kept, left, over = [await nobody.done("tasks_create", title=title) for title in ("Kept", "Open", "Done")]
    await nobody.done("tasks_complete", task_id=over["task_id"])

    for task in (left, over):
        gone = await nobody.done("tasks_delete", task_id=task["task_id"])
        assert gone == {"task_id": task["task_id"], "deleted": True}

    assert (await nobody.result("tasks_list", status="all"))["tasks"] == [kept]
    for tool_name, more in (("tasks_delete", {}), ("tasks_change", {"title": "t"}), ("tasks_complete", {})):
        outcome = await nobody.execute(nobody.asked(tool_name, {"task_id": left["task_id"], **more}))
        assert outcome.error == "task_not_found"


@pytest.mark.parametrize(
    "tool_name", ["tasks_create", "tasks_complete", "tasks_reopen", "tasks_change", "tasks_delete"]
)
async def test_a_process_that_dies_does_it_once(nobody: World, monkeypatch: pytest.MonkeyPatch, tool_name: str) -> None:
    task_id = (await nobody.done("tasks_create", title="Earlier"))["task_id"]
    if tool_name == "tasks_reopen":
        await nobody.done("tasks_complete", task_id=task_id)
    arguments = {"title": "Once"} if tool_name in {"tasks_create", "tasks_change"} else {}
    if tool_name != "tasks_create":
        arguments |= {"task_id": task_id}

    told = await with_a_forgotten_result(nobody, monkeypatch, tool_name, **arguments)

    assert told.get("status", "gone") == {"tasks_complete": "done", "tasks_delete": "gone"}.get(tool_name, "open")
    left = {"tasks_create": ["Earlier", "Once"], "tasks_change": ["Once"], "tasks_delete": []}
    assert sorted(await _titles(nobody, status="all")) == left.get(tool_name, ["Earlier"])


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
        ("tasks_change", {"task_id": new_id("tk"), "title": "t"}, "task_not_found"),
        ("tasks_change", {"task_id": new_id("tk")}, "invalid_arguments"),
        ("tasks_change", {"task_id": new_id("tk"), "title": "a\nb"}, "invalid_arguments"),
        ("tasks_change", {"task_id": new_id("tk"), "due": "someday"}, "time_not_understood"),
        ("tasks_delete", {"task_id": new_id("tk")}, "task_not_found"),
        ("tasks_delete", {"task_id": "tk_1"}, "invalid_arguments"),
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


async def _changed(gateway: Bus, world: World, scope: Scope, task_id: str, **given: Any) -> TaskView:
    sealed = world.seal.seal("task", scope, TaskChange(**given).model_dump_json(exclude_unset=True))
    return await gateway.ask(ChangeTask(task_id=task_id, sealed_change=sealed), scope=scope)


async def test_through_the_api_a_task_is_changed_and_deleted_by_its_user_alone(nobody: World, gateway: Bus) -> None:
    scope, stranger = nobody.scope, new_scope()
    made = await _created(gateway, nobody, scope, NewTask(title="Call Tom", notes="n", due_on=date(2026, 12, 1)))
    at = datetime(2026, 12, 2, 9, tzinfo=UTC)

    later = await _changed(gateway, nobody, scope, made.task_id, due_at=at)
    assert later == made.model_copy(update={"due_on": None, "due_at": at})
    assert (await _changed(gateway, nobody, scope, made.task_id, due_on=None)).due_at is None
    changed = await _changed(gateway, nobody, scope, made.task_id, title="Call Tim", notes="")
    assert (changed.title, changed.notes, changed.due_at) == ("Call Tim", "", None)

    with pytest.raises(AdjutantError, match="no such task"):
        await _changed(gateway, nobody, stranger, made.task_id, title="Mine")
    with pytest.raises(AdjutantError, match="no such task"):
        await gateway.ask(DeleteTask(task_id=made.task_id), scope=stranger)
    assert (await gateway.ask(ListTasks(), scope=scope)).tasks == (changed,)

    assert (await gateway.ask(DeleteTask(task_id=made.task_id), scope=scope)).task_id == made.task_id
    with pytest.raises(AdjutantError, match="no such task"):
        await gateway.ask(DeleteTask(task_id=made.task_id), scope=scope)


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
