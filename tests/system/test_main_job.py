"""The main job: a message comes in, an action is done, the answer streams back; the provider confirms it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from libs.demo.story import confirm_event, confirm_seen, confirm_unread, tell
from libs.sandbox import Sandbox
from libs.sandbox.google_login import log_in
from libs.testing.client import AdjutantClient, Answer
from libs.testing.running import free_port, running_adjutant
from tests.system.conftest import PASSWORD, Connected

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]

SARAH = "sarah.chen@example.com"


async def ask(client: AdjutantClient, text: str, conversation_id: str | None) -> Answer:
    return await client.chat(text, **({"conversation_id": conversation_id} if conversation_id else {}))


async def confirmed(sandbox: Sandbox, client: AdjutantClient, engine: str) -> None:
    """Have the three exchanges and hold each against the provider's own API."""
    told = await tell(client, ask)

    today = datetime.now(UTC).date()
    mails = [mail for mail in await sandbox.mails() if mail["date"][:10] == today.isoformat()]
    unread = [mail["subject"] for mail in mails if mail["unread"]]
    confirm_unread(told.unread, unread, [mail["subject"] for mail in mails if not mail["unread"]])
    event = confirm_event(await sandbox.calendar_events(), f"{today + timedelta(days=1)}T14:00", SARAH)
    confirm_seen(told.calendar, event)
    for answer in (told.unread, told.schedule, told.calendar):
        assert answer.outcome == "turn.completed"
        assert answer.updates[-1]["engine"] == engine


async def test_with_a_model_mail_is_read_and_a_meeting_is_made(sandbox: Sandbox, connected: Connected) -> None:
    client = await connected("ada.model@example.com")

    await confirmed(sandbox, client, "model")


async def test_without_any_model_the_same_job_is_done_and_said_to_be_offline(data_dir: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with Sandbox(data_dir / "sandbox", public_url=url, with_model=False) as sandbox:
        settings = sandbox.settings() | {"ADJUTANT_PORT": str(port), "ADJUTANT_PUBLIC_URL": url}
        async with running_adjutant(data_dir / "data", settings) as adjutant, AdjutantClient(adjutant.url) as client:
            await client.sign_up("ada@example.com", PASSWORD)
            for provider in ("gmail", "calendar"):
                assert (await client.connect(provider, log_in)).status_code < 400

            await confirmed(sandbox, client, "offline")
            answer = await client.chat("What can you do?")

    assert "offline" in answer.text.lower()
