"""Gmail and Google Calendar through the front door: by any MCP client, with their user's word, seen by the emulator.

Google is an emulator that we did not write; it can change no event, so that is tested below the front door only.
"""

import base64
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from typing import Any

import httpx
import pytest

from contracts.ids import new_id
from libs.sandbox import Sandbox
from libs.testing.running import RunningAdjutant
from tests.system.conftest import Connected
from tests.system.test_own_tools import approved, session

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

SARAH = "sarah.chen@example.com"


async def _asked(sandbox: Sandbox, path: str, **query: str) -> dict[str, Any]:
    """What the emulated Google says."""
    async with httpx.AsyncClient(headers={"authorization": "Bearer looking"}) as http:
        told: dict[str, Any] = (await http.get(f"{sandbox.google_url}{path}", params=query)).json()
        return told


async def test_a_mail_is_answered_once_its_user_says_so(
    connected: Connected, sandbox: Sandbox, adjutant: RunningAdjutant
) -> None:
    ada, word = await connected(f"ada-{new_id('u')}@example.com"), new_id("u")
    async with session(ada, adjutant) as mcp:
        await approved(mcp, ada, "mail_reply", message_id="m_budget", to=[SARAH], body=f"Looks good. {word}")

    (found,) = (await _asked(sandbox, "/gmail/v1/users/me/messages", q=word))["messages"]
    row = await _asked(sandbox, f"/gmail/v1/users/me/messages/{found['id']}", format="raw")
    mail = message_from_bytes(base64.urlsafe_b64decode(row["raw"] + "=="), policy=policy.default)
    assert (mail["To"], mail["Subject"]) == (SARAH, "Re: Q3 budget review")
    assert row["threadId"] == (await _asked(sandbox, "/gmail/v1/users/me/messages/m_budget"))["threadId"]


async def test_an_event_is_made_and_cancelled_with_its_users_word(
    connected: Connected, sandbox: Sandbox, adjutant: RunningAdjutant
) -> None:
    ada, title = await connected(f"ada-{new_id('u')}@example.com"), f"Walk {new_id('u')}"
    start = (datetime.now(UTC) + timedelta(days=3)).isoformat(timespec="seconds")

    async def events() -> list[str]:
        rows = (await _asked(sandbox, "/calendar/v3/calendars/primary/events", q=title, maxResults="250"))["items"]
        return [row["id"] for row in rows if row["summary"] == title]

    async with session(ada, adjutant) as mcp:
        await approved(mcp, ada, "calendar_create_event", title=title, start=start)
        (event_id,) = await events()
        await approved(mcp, ada, "calendar_cancel_event", event_id=event_id)

    assert await events() == []
