"""The model fails: what was written is kept and the failure told, or the offline engine answers and says so."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from libs.testing.client import AdjutantClient
from libs.testing.running import free_port, running_adjutant
from tests.service.models.scripted_server import HEAD, event, scripted
from tests.system.conftest import PASSWORD

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

BEGUN = "The answer begins like this and then"


@asynccontextmanager
async def user_of(model_url: str, directory: Path) -> AsyncIterator[AdjutantClient]:
    """Somebody signed up at an Adjutant with that model."""
    settings = {
        "ADJUTANT_CHAT_MODEL_BASE_URL": model_url,
        "ADJUTANT_CHAT_MODEL_API_KEY": "scripted-key",
        "ADJUTANT_CHAT_MODEL": "gpt-5-mini",
    }
    async with running_adjutant(directory, settings) as adjutant, AdjutantClient(adjutant.url) as client:
        await client.sign_up("ada@example.com", PASSWORD)
        yield client


async def test_a_stream_that_breaks_fails_the_turn_and_keeps_what_was_written(tmp_path: Path) -> None:
    broken = (HEAD, event({"role": "assistant", "content": BEGUN}), 0.5)
    async with scripted(broken, hangs_up=True) as server, user_of(server.url, tmp_path) as client:
        answer = await client.chat("Tell me something")
        kept = await client.get(f"/api/conversations/{answer.conversation_id}")

    assert answer.outcome == "turn.failed", answer.updates[-3:]
    assert BEGUN in answer.text
    assert BEGUN in kept["messages"][-1]["text"]


async def test_a_model_that_is_down_is_replaced_by_the_offline_engine_which_says_so(tmp_path: Path) -> None:
    async with user_of(f"http://127.0.0.1:{free_port()}/v1", tmp_path) as client:
        answer = await client.chat("What can you do?")

    assert answer.outcome == "turn.completed", answer.updates[-3:]
    assert answer.updates[-1]["engine"] == "offline"
    assert "offline" in answer.text.lower()
