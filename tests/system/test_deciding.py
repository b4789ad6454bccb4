"""What waits is decided by a word in the conversation: through the front door, with the offline engine."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from libs.sandbox import Sandbox
from libs.sandbox.google_login import log_in
from libs.testing.client import AdjutantClient, Answer
from libs.testing.running import free_port, running_adjutant
from tests.system.conftest import PASSWORD

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

WISH = "Schedule a 30 minute meeting with Sarah tomorrow at 2pm"


@pytest.fixture
async def scene(data_dir: Path) -> AsyncIterator[tuple[AdjutantClient, Sandbox, str]]:
    """A user who wants to be asked about every event, the sandbox, and the address of Adjutant."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with Sandbox(data_dir / "sandbox", public_url=url, with_model=False) as sandbox:
        settings = sandbox.settings() | {"ADJUTANT_PORT": str(port), "ADJUTANT_PUBLIC_URL": url}
        async with running_adjutant(data_dir / "data", settings) as adjutant, AdjutantClient(adjutant.url) as client:
            await client.sign_up("ada@example.com", PASSWORD)
            for provider in ("gmail", "calendar"):
                assert (await client.connect(provider, log_in)).status_code < 400
            rule = {"tool": "calendar_create_event", "verdict": "ask"}
            (await client.post("/api/actions/rules", rule)).raise_for_status()
            yield client, sandbox, adjutant.url


async def test_a_word_in_the_conversation_decides_what_was_shown_there(
    scene: tuple[AdjutantClient, Sandbox, str],
) -> None:
    ada, sandbox, url = scene
    before = len(await sandbox.calendar_events())

    asked = await ada.chat(WISH)
    assert "This waits for your approval:\n\n    Create an event with " in asked.text, asked.text
    assert "      Guests: sarah.chen@example.com\n" in asked.text
    (waiting,) = await ada.get("/api/actions")
    assert (await _said_with_a_key(ada, url, asked, "yes"))["status"] == "proposed", "a key for chats decides nothing"

    again = await ada.chat(WISH)
    done = await ada.chat("Yes, please", conversation_id=again.conversation_id)
    assert done.text.startswith("Done: Create an event with "), done.text
    assert len(await sandbox.calendar_events()) == before + 1

    third = await ada.chat(WISH)
    declined = await ada.chat("no", conversation_id=third.conversation_id)
    assert declined.text.startswith("Not done, as you decided"), declined.text
    assert len(await sandbox.calendar_events()) == before + 1
    assert [each["action_id"] for each in await ada.get("/api/actions") if each["status"] == "proposed"] == [
        waiting["action_id"]
    ]

    undone = await ada.chat("undo that")
    assert undone.text.startswith("I am taking this back: Create an event with "), undone.text
    audited = [(entry["actor"], entry["action"]) for entry in (await ada.get("/api/audit"))["entries"]]
    for action in ("action.approved", "action.declined", "action.undone"):
        assert ("conversation", action) in audited


async def _said_with_a_key(ada: AdjutantClient, url: str, asked: Answer, word: str) -> dict[str, Any]:
    """The same word by a program; and how the action stands then."""
    key = (await ada.post("/api/keys", {"name": "program", "scopes": ["chat"]})).json()["key"]
    async with AdjutantClient(url) as program:
        program.http.headers["authorization"] = f"Bearer {key}"
        await program.chat(word, conversation_id=asked.conversation_id)
    (action,) = await ada.get("/api/actions")
    found: dict[str, Any] = action
    return found
