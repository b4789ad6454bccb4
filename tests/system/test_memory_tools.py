"""What a user says to remember is there in the next conversation, without a model and by any MCP client."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from libs.testing.client import AdjutantClient
from libs.testing.running import RunningAdjutant, free_port, running_adjutant
from tests.system.conftest import PASSWORD
from tests.system.test_own_tools import approved, found, session
from tests.system.test_sync import until

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

MEMORY = "/api/ai/memory"


@pytest.fixture(scope="module")
async def offline(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningAdjutant]:
    """An Adjutant without a model or any provider."""
    port = free_port()
    settings = {"ADJUTANT_PORT": str(port), "ADJUTANT_PUBLIC_URL": f"http://127.0.0.1:{port}"}
    place: Path = tmp_path_factory.mktemp("memory")
    async with running_adjutant(place / "data", settings) as adjutant:
        yield adjutant


async def entries(user: AdjutantClient) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = (await user.get(MEMORY))["memories"]
    return listed


async def test_what_was_said_to_remember_is_known_until_its_conversation_is_deleted(offline: RunningAdjutant) -> None:
    async with AdjutantClient(offline.url) as ada:
        await ada.sign_up("ada@example.com", PASSWORD)

        said = await ada.chat("Remember that my favourite colour is green")
        assert "my favourite colour is green" in said.text, said.text
        (entry,) = await entries(ada)
        assert (entry["text"], entry["from_others"]) == ("my favourite colour is green", False)
        assert entry["sources"][0]["id"] == said.conversation_id

        answer = await ada.chat("What do you remember about my favourite colour?")
        assert answer.conversation_id != said.conversation_id
        assert "my favourite colour is green" in answer.text, answer.text

        (await ada.delete(f"/api/conversations/{said.conversation_id}")).raise_for_status()

        async def gone() -> bool:
            return not await entries(ada)

        await until(gone)
        later = await ada.chat("Was weißt du über meine Lieblingsfarbe?")
        assert "I remember nothing" in later.text, later.text


async def test_it_is_undone_and_forgotten_by_a_word(offline: RunningAdjutant) -> None:
    async with AdjutantClient(offline.url) as bob:
        await bob.sign_up("bob@example.com", PASSWORD)

        await bob.chat("Merk dir, dass ich kein Fleisch esse")
        (action,) = await bob.get("/api/actions", which="all")
        (await bob.post(f"/api/actions/{action['action_id']}/undo")).raise_for_status()

        async def gone() -> bool:
            return not await entries(bob)

        await until(gone)
        await bob.chat("Remember that Tom likes tea")
        await bob.chat("Remember that Sarah likes tea")
        unclear = await bob.chat("Forget tea")
        assert "Nothing is forgotten yet" in unclear.text, unclear.text
        assert "Forgotten: Tom likes tea" in (await bob.chat("Forget that Tom likes tea")).text
        assert [entry["text"] for entry in await entries(bob)] == ["Sarah likes tea"]


async def test_what_a_program_has_remembered_is_asked_about_and_marked(offline: RunningAdjutant) -> None:
    async with AdjutantClient(offline.url) as eve:
        await eve.sign_up("eve@example.com", PASSWORD)
        async with session(eve, offline) as mcp:
            await approved(mcp, eve, "memory_add", text="Invoices go to DE00 1234", key="iban")
            (entry,) = (await found(mcp, "memory_recall", about="invoices"))["memories"]
            assert (entry["text"], entry["key"], entry["from_others"]) == ("Invoices go to DE00 1234", "iban", True)
            assert [source["kind"] for source in (await entries(eve))[0]["sources"]] == ["user"]

            await approved(mcp, eve, "memory_forget", memory_id=entry["memory_id"])
            assert (await found(mcp, "memory_recall"))["memories"] == []
