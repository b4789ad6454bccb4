"""A mail is found again also when Gmail replaced its Message-ID and its search lags behind.

Against a small Gmail of ours; see `tests.service.tool.gmail_server` for the truth it rests on.
"""

from collections.abc import AsyncIterator

import pytest

from libs.providers.google import mail_actions
from services.tool.deps import ToolDeps
from tests.service.providers.vendor_server import Told, Vendor, vendor
from tests.service.tool.front import Fault
from tests.service.tool.gmail_server import RewritingGmail
from tests.service.tool.lost_answers import with_a_lost_answer
from tests.service.tool.world import World

SARAH = "sarah.chen@example.com"


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[Vendor]:
    async with vendor(lambda asked: Told({}, 404)) as running:
        yield running


@pytest.fixture(scope="module")
async def google(server: Vendor) -> str:
    """In these tests this Gmail is behind the front."""
    return server.url


@pytest.fixture
def gmail(world: World, tool: ToolDeps, server: Vendor, monkeypatch: pytest.MonkeyPatch) -> RewritingGmail:
    monkeypatch.setattr(mail_actions, "LAG_S", 0.05)
    fresh = RewritingGmail()
    server.answer = fresh.answer
    return fresh


@pytest.mark.parametrize(("tool_name", "on"), [("mail_send", "/messages/send"), ("mail_draft", "/drafts")])
@pytest.mark.parametrize("hidden_listings", [0, 1])
async def test_a_mail_under_another_message_id_is_not_written_twice(
    world: World, gmail: RewritingGmail, tool_name: str, on: str, hidden_listings: int
) -> None:
    gmail.write("Earlier", "SENT")
    gmail.hidden_listings = hidden_listings

    written = await with_a_lost_answer(world, on, "cut", True, tool_name, to=[SARAH], subject="Once", body="Once")

    assert list(gmail.messages) == ["m0", "m1"]
    assert (written["message_id"], written["to"], written["subject"]) == ("m1", [SARAH], "Once")


async def test_the_marks_of_others_are_not_taken_for_ours(world: World, gmail: RewritingGmail) -> None:
    """An outsider who got such a mail may send its marks back: that is in no folder of what the user wrote."""
    command = world.asked("mail_send", {"to": [SARAH], "subject": "Ours", "body": "Ours"})
    gmail.write("Theirs", "INBOX", **{"X-Adjutant-Execution": command.execution_id})
    world.front.faults = [Fault("/messages/send", cut=True)]

    sent = world.opened(await world.execute(command))

    assert (list(gmail.messages), sent["message_id"]) == (["m0", "m1"], "m1")
