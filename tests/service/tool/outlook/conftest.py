"""In these tests the provider behind the front is Microsoft: a Graph of our own, one tool replica for each module."""

from collections.abc import AsyncIterator

import pytest

from services.tool.deps import ToolDeps
from tests.conftest import Platform
from tests.service.tool.front import Front
from tests.service.tool.outlook.server import Microsoft, running_microsoft
from tests.service.tool.world import running_tool


@pytest.fixture(scope="module")
async def microsoft() -> AsyncIterator[Microsoft]:
    async with running_microsoft() as running:
        yield running


@pytest.fixture(scope="module")
async def google(microsoft: Microsoft) -> str:
    """In these tests the provider behind the front is Microsoft."""
    return microsoft.vendor.url


@pytest.fixture(scope="module")
async def tool(platform: Platform, front: Front) -> AsyncIterator[ToolDeps]:
    async with running_tool(platform, front.url, microsoft_api_url=f"{front.url}/v1.0") as deps:
        yield deps
