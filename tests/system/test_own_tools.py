"""Tasks and notifications as tools, through the front door: by any MCP client, with their user's word.

No provider is connected: these tools are of our own services.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from mcp.client.session import ClientSession
from mcp.client.streamable_http import streamable_http_client

from contracts.ids import new_id
from libs.testing.client import AdjutantClient
from libs.testing.running import RunningAdjutant
from tests.system.conftest import Connected
from tests.system.test_sync import until

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

ALWAYS = {
    *("tasks_list", "tasks_create", "tasks_change", "tasks_delete", "tasks_complete", "tasks_reopen"),
    *("notifications_list", "notifications_resolve"),
    *("memory_add", "memory_recall", "memory_forget"),
}


@asynccontextmanager
async def session(user: AdjutantClient, adjutant: RunningAdjutant) -> AsyncIterator[ClientSession]:
    """The official MCP client with a key of the user's."""
    key = (await user.post("/api/keys", {"name": "mcp", "scopes": ["chat"]})).json()["key"]
    async with (
        httpx2.AsyncClient(headers={"authorization": f"Bearer {key}"}, timeout=60) as http,
        streamable_http_client(f"{adjutant.url}/mcp", http_client=http) as (incoming, outgoing),
        ClientSession(incoming, outgoing) as client,
    ):
        await client.initialize()
        yield client


async def found(mcp: ClientSession, tool: str, **arguments: Any) -> dict[str, Any]:
    """What a read tool found."""
    told = await mcp.call_tool(tool, arguments)
    assert not told.is_error, told
    result: dict[str, Any] = told.structured_content["result"]
    return result


async def approved(mcp: ClientSession, user: AdjutantClient, tool: str, **arguments: Any) -> None:
    """An effect that waits until its user approves it, carried out."""
    told = await mcp.call_tool(tool, arguments)
    assert told.structured_content["status"] == "proposed", told
    path = f"/api/actions/{told.structured_content['action_id']}"
    (await user.post(f"{path}/approve", {})).raise_for_status()

    async def ended() -> dict[str, Any] | None:
        action: dict[str, Any] = await user.get(path)
        return None if action["status"] in ("proposed", "held", "claimed") else action

    action: dict[str, Any] = await until(ended)
    assert action["status"] == "done", action


async def test_tasks_of_the_assistant_are_the_users(sign_up: Connected, adjutant: RunningAdjutant) -> None:
    ada = await sign_up(f"ada-{new_id('u')}@example.com")
    async with session(ada, adjutant) as mcp:
        assert {tool.name for tool in (await mcp.list_tools()).tools} >= ALWAYS

        await approved(mcp, ada, "tasks_create", title="Water the plants", due="2026-12-01")
        (task,) = (await ada.get("/api/tasks"))["tasks"]
        assert (task["title"], task["due_on"]) == ("Water the plants", "2026-12-01")

        await approved(mcp, ada, "tasks_complete", task_id=task["task_id"])
        assert (await found(mcp, "tasks_list"))["tasks"] == []
        assert [each["title"] for each in (await ada.get("/api/tasks", status="done"))["tasks"]] == ["Water the plants"]


async def test_a_notification_is_put_aside_with_its_users_word(sign_up: Connected, adjutant: RunningAdjutant) -> None:
    ada = await sign_up(f"ada-{new_id('u')}@example.com")

    async def welcomed() -> dict[str, Any] | None:
        entries = (await ada.get("/api/notifications"))["notifications"]
        return next((entry for entry in entries if entry["kind"] == "welcome"), None)

    welcome: dict[str, Any] = await until(welcomed)
    async with session(ada, adjutant) as mcp:
        await approved(mcp, ada, "notifications_resolve", notification_id=welcome["notification_id"])
        left = (await found(mcp, "notifications_list"))["notifications"]

    assert welcome["notification_id"] not in {entry["notification_id"] for entry in left}
