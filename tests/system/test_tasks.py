"""Tasks through the front door: written down, listed, changed, completed and deleted, each user's for them."""

from typing import Any

import httpx
import pytest

from contracts.ids import new_id
from tests.system.conftest import Connected

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]


async def test_a_task_is_kept_for_its_user(sign_up: Connected) -> None:
    ada, bob = await sign_up(f"ada-{new_id('u')}@example.com"), await sign_up(f"bob-{new_id('u')}@example.com")

    made = await ada.post("/api/tasks", {"title": "Water the plants", "notes": "Twice", "due_on": "2026-12-01"})
    assert made.status_code == 201, made.text
    task: dict[str, Any] = made.json()
    assert (task["title"], task["status"], task["due_on"]) == ("Water the plants", "open", "2026-12-01")
    assert (await ada.get("/api/tasks"))["tasks"] == [task]
    assert (await ada.get("/api/tasks", due_by="2026-11-30", timezone="Europe/Berlin"))["tasks"] == []
    assert (await bob.get("/api/tasks", status="all"))["tasks"] == []
    assert (await bob.post(f"/api/tasks/{task['task_id']}/complete")).status_code == 404

    done = (await ada.post(f"/api/tasks/{task['task_id']}/complete")).json()
    assert (done["status"], (await ada.get("/api/tasks"))["tasks"]) == ("done", [])
    assert (await ada.get("/api/tasks", status="done"))["tasks"] == [done]
    assert (await ada.post(f"/api/tasks/{task['task_id']}/reopen")).json() == task


async def test_a_task_is_changed(sign_up: Connected) -> None:
    ada, bob = await sign_up(f"ada-{new_id('u')}@example.com"), await sign_up(f"bob-{new_id('u')}@example.com")
    task = (await ada.post("/api/tasks", {"title": "Water", "notes": "Twice", "due_on": "2026-12-01"})).json()
    path = f"/api/tasks/{task['task_id']}"

    renamed = await ada.patch(path, {"title": "Water the plants"})
    assert (renamed.status_code, renamed.json()) == (200, task | {"title": "Water the plants"})
    moved = (await ada.patch(path, {"due_at": "2026-12-02T09:00:00+01:00", "notes": ""})).json()
    assert moved == renamed.json() | {"due_on": None, "due_at": "2026-12-02T08:00:00Z", "notes": ""}
    freed = (await ada.patch(path, {"due_at": None})).json()
    assert freed == moved | {"due_at": None}
    for wrong in (
        {},
        {"title": None},
        {"title": " "},
        {"notes": None},
        {"due_on": "someday"},
        {"due_on": "2026-12-01", "due_at": "2026-12-01T09:00:00Z"},
        {"status": "done"},
    ):
        assert (await ada.patch(path, wrong)).status_code == 422, wrong

    assert (await bob.patch(path, {"title": "Mine"})).status_code == 404
    assert (await ada.get("/api/tasks"))["tasks"] == [freed]


async def test_a_task_is_deleted_once(sign_up: Connected) -> None:
    ada, bob = await sign_up(f"ada-{new_id('u')}@example.com"), await sign_up(f"bob-{new_id('u')}@example.com")
    task = (await ada.post("/api/tasks", {"title": "Water the plants"})).json()
    path = f"/api/tasks/{task['task_id']}"

    assert (await bob.delete(path)).status_code == 404
    assert (await ada.delete(path)).status_code == 204
    again = await ada.delete(path)

    assert (again.status_code, again.json()["title"]) == (404, "task_not_found")
    assert (await ada.get("/api/tasks", status="all"))["tasks"] == []
    assert (await ada.patch(path, {"title": "Back"})).status_code == 404


async def test_a_repeated_request_is_one_task(sign_up: Connected) -> None:
    ada = await sign_up(f"ada-{new_id('u')}@example.com")

    async def post(title: str) -> httpx.Response:
        headers = {"X-CSRF-Token": ada.http.cookies.get("adjutant_csrf") or "", "Idempotency-Key": "once"}
        return await ada.http.post(
            "/api/tasks", json={"title": title, "due_at": "2026-12-01T09:00:00Z"}, headers=headers
        )

    first, again, other = await post("Call Tom"), await post("Call Tom"), await post("Call Sarah")

    assert (first.json(), again.status_code, other.status_code) == (again.json(), 201, 409)
    assert other.json()["title"] == "idempotency_key_reused"
    assert (await ada.get("/api/tasks"))["tasks"] == [first.json()]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"title": " "},
        {"title": "two\nlines"},
        {"title": "t", "due_on": "2026-12-01", "due_at": "2026-12-01T09:00:00Z"},
        {"title": "t", "due_at": "2026-12-01T09:00:00"},
        {"title": "t", "due_at": "9999-12-31T23:59:59-12:00"},
        {"title": "t", "due_on": "someday"},
        {"title": "t", "notes": "n" * 4001},
        {"title": "t", "owner": "me"},
    ],
)
async def test_what_is_no_task_is_refused(sign_up: Connected, body: dict[str, Any]) -> None:
    ada = await sign_up(f"ada-{new_id('u')}@example.com")

    assert (await ada.post("/api/tasks", body)).status_code == 422
    assert (await ada.get("/api/tasks"))["tasks"] == []
