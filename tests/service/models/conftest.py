"""One emulator for the tests of a file."""

from collections.abc import AsyncIterator

import pytest

from tests.service.models.aimock import aimock
from tests.service.models.promises import FIXTURES


@pytest.fixture(scope="module")
async def emulator(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Without faults of its own; small chunks with time between them, so that many tokens come."""
    async with aimock(tmp_path_factory.mktemp("aimock"), FIXTURES, "--chunk-size", "5", "--latency", "2") as url:
        yield url
