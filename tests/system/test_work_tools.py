"""GitHub and Slack through the front door: read by any MCP client, written to when their user says so, once.

Both are emulators that we did not write. What is asked for by a program waits for its user, who decides over HTTP.
"""

import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp.client.session import ClientSession
from mcp.client.streamable_http import streamable_http_client

from libs.sandbox import Sandbox
from libs.sandbox.google_login import log_in
from libs.sandbox.work_tools import REPOSITORY, TOKEN
from libs.testing.client import AdjutantClient
from libs.testing.running import RunningAdjutant, free_port, running_adjutant
from tests.system.test_sync import until

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

TOOLS = {
    *("github_list_repositories", "github_find", "github_read", "github_comment", "github_create_issue"),
    *("slack_list_channels", "slack_read_messages", "slack_post_message"),
}


@pytest.fixture(scope="module")
async def scene() -> AsyncIterator[tuple[Sandbox, RunningAdjutant]]:
    """An Adjutant whose providers include work tools; what is approved is done at once."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="adjutant-work-", ignore_cleanup_errors=True) as directory:
        url, place = f"http://127.0.0.1:{port}", Path(directory)
        async with Sandbox(place / "sandbox", public_url=url, with_model=False, with_work_tools=True) as sandbox:
            settings = sandbox.settings() | {
                "ADJUTANT_PORT": str(port),
                "ADJUTANT_PUBLIC_URL": url,
                "ADJUTANT_TOOL_HOLD_S": "0",
            }
            async with running_adjutant(place / "data", settings) as running:
                yield sandbox, running


@pytest.fixture
async def ada(scene: tuple[Sandbox, RunningAdjutant], request: pytest.FixtureRequest) -> AsyncIterator[AdjutantClient]:
    """Connected to both."""
    async with AdjutantClient(scene[1].url) as client:
        await client.sign_up(f"{request.node.name[:40]}@example.com", "correct horse battery staple", timezone="UTC")
        for provider in ("github", "slack"):
            assert (await client.connect(provider, log_in)).status_code == 200
        yield client


@asynccontextmanager
async def session(ada: AdjutantClient, scene: tuple[Sandbox, RunningAdjutant]) -> AsyncIterator[ClientSession]:
    """The official MCP client with a key of hers."""
    key = (await ada.post("/api/keys", {"name": "mcp", "scopes": ["chat"]})).json()["key"]
    async with (
        httpx2.AsyncClient(headers={"authorization": f"Bearer {key}"}, timeout=60) as http,
        streamable_http_client(f"{scene[1].url}/mcp", http_client=http) as (incoming, outgoing),
        ClientSession(incoming, outgoing) as client,
    ):
        await client.initialize()
        yield client


@pytest.fixture
async def github(scene: tuple[Sandbox, RunningAdjutant]) -> AsyncIterator[httpx.AsyncClient]:
    """The emulated GitHub itself, below the repository."""
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=f"{scene[0].github_url}/repos/{REPOSITORY}", headers=headers) as http:
        yield http


async def read(mcp: ClientSession, tool: str, **arguments: Any) -> dict[str, Any]:
    """What a read tool found; it is marked as written by others."""
    told = await mcp.call_tool(tool, arguments)
    assert not told.is_error, told
    assert told.meta is not None
    assert told.meta["adjutant/written-by-others"] is True
    found: dict[str, Any] = told.structured_content["result"]
    return found


async def approved(mcp: ClientSession, ada: AdjutantClient, tool: str, **arguments: Any) -> dict[str, Any]:
    """What became of an effect that waited until its user approved it."""
    told = await mcp.call_tool(tool, arguments)
    assert told.structured_content["status"] == "proposed", told
    (waiting,) = await ada.get("/api/actions")
    assert waiting["action_id"] == told.structured_content["action_id"]
    (await ada.post(f"/api/actions/{waiting['action_id']}/approve", {})).raise_for_status()

    async def ended() -> dict[str, Any] | None:
        action = await ada.get(f"/api/actions/{waiting['action_id']}")
        return None if action["status"] in ("proposed", "held", "claimed") else action

    action: dict[str, Any] = await until(ended)
    return action


async def test_the_tools_are_there_with_the_connections_and_go_with_them(
    scene: tuple[Sandbox, RunningAdjutant], ada: AdjutantClient
) -> None:
    async with session(ada, scene) as mcp:
        assert {tool.name for tool in (await mcp.list_tools()).tools} >= TOOLS

        for provider in ("github", "slack"):
            (await ada.post(f"/api/integrations/{provider}/disconnect")).raise_for_status()

        async def are_gone() -> bool:
            return not {tool.name for tool in (await mcp.list_tools()).tools} & TOOLS

        await until(are_gone)


async def test_an_issue_is_found_read_and_commented_on_with_its_users_word(
    scene: tuple[Sandbox, RunningAdjutant], ada: AdjutantClient, github: httpx.AsyncClient
) -> None:
    title = f"It grinds {time.time_ns()}"
    number = (await github.post("/issues", json={"title": title, "body": "Since Tuesday."})).json()["number"]
    which = {"repository": REPOSITORY, "number": number}

    async with session(ada, scene) as mcp:
        found = await read(mcp, "github_find", repository=REPOSITORY)
        before = await read(mcp, "github_read", **which)
        done = await approved(mcp, ada, "github_comment", **which, text="Oiled.")
        after = await read(mcp, "github_read", **which)

    assert title in [each["title"] for each in found["found"]]
    assert (before["text"], before["newest_comments"]) == ("Since Tuesday.", [])
    assert done["status"] == "done", done
    (comment,) = (await github.get(f"/issues/{number}/comments")).json()
    assert comment["body"].startswith("Oiled.")
    assert [each["text"] for each in after["newest_comments"]] == ["Oiled."]


async def test_an_issue_that_its_user_declines_is_not_opened(
    scene: tuple[Sandbox, RunningAdjutant], ada: AdjutantClient, github: httpx.AsyncClient
) -> None:
    title = f"Nobody wants this {time.time_ns()}"
    async with session(ada, scene) as mcp:
        told = await mcp.call_tool("github_create_issue", {"repository": REPOSITORY, "title": title})
    action = told.structured_content["action_id"]

    (await ada.post(f"/api/actions/{action}/decline")).raise_for_status()

    assert (await ada.get(f"/api/actions/{action}"))["status"] == "declined"
    assert title not in (await github.get("/issues", params={"state": "all", "per_page": "100"})).text


async def test_a_channel_is_read_and_posted_to_with_its_users_word(
    scene: tuple[Sandbox, RunningAdjutant], ada: AdjutantClient
) -> None:
    text = f"The engine runs {time.time_ns()}"
    async with session(ada, scene) as mcp:
        (engines,) = (await read(mcp, "slack_list_channels", name="engines"))["channels"]
        done = await approved(mcp, ada, "slack_post_message", channel=engines["id"], text=text)
        messages = (await read(mcp, "slack_read_messages", channel=engines["id"]))["messages"]

    assert done["status"] == "done", done
    assert [message["text"] for message in messages].count(text) == 1
