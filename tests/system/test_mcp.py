"""The official MCP client against a running Adjutant: the user's tools, under the same policy as in chat."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from mcp.client.session import ClientSession
from mcp.client.streamable_http import streamable_http_client

from libs.testing.client import AdjutantClient
from libs.testing.running import RunningAdjutant
from tests.system.conftest import Connected

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]


async def key_of(user: AdjutantClient) -> str:
    """An API key that may chat."""
    made = await user.post("/api/keys", {"name": "mcp", "scopes": ["chat"]})
    key: str = made.json()["key"]
    return key


@asynccontextmanager
async def session(adjutant: RunningAdjutant, key: str) -> AsyncIterator[ClientSession]:
    """The official client, after its handshake."""
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        streamable_http_client(f"{adjutant.url}/mcp", http_client=http) as (read, write),
        ClientSession(read, write) as client,
    ):
        await client.initialize()
        yield client


async def test_a_client_lists_the_tools_and_reads_mail_that_is_marked_as_written_by_others(
    connected: Connected, adjutant: RunningAdjutant
) -> None:
    user = await connected("mcp-reader@example.com")
    async with session(adjutant, await key_of(user)) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        found = await client.call_tool("mail_search", {"query": "budget"})

    assert {"mail_search", "calendar_create_event"} <= set(tools)
    search, create = tools["mail_search"].annotations, tools["calendar_create_event"].annotations
    assert search is not None
    assert create is not None
    assert (search.read_only_hint, search.destructive_hint) == (True, False)
    assert (create.read_only_hint, create.destructive_hint) == (False, True)
    assert not found.is_error
    assert found.meta == {"adjutant/written-by-others": True}
    assert found.structured_content["result"]["mails"][0]["subject"] == "Q3 budget review"
    (content,) = found.content
    assert content.type == "text"
    assert "<data>{" in content.text
    assert content.text.endswith("}</data>")
