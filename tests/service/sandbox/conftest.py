"""One sandbox for the module."""

from collections.abc import AsyncIterator

import pytest

from libs.sandbox import Sandbox

PUBLIC_URL = "http://localhost:8123"


@pytest.fixture(scope="module")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    """Google knows the client and the addresses of one gateway."""
    async with Sandbox(tmp_path_factory.mktemp("sandbox"), public_url=PUBLIC_URL) as sandbox:
        yield sandbox
