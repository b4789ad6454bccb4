"""Mail is written and sorted in Gmail once, whatever breaks between us and Google.

Against the emulated Google, which keeps mail as it is sent: `messages.send`, drafts, labels and the search by
Message-ID are its own. It reads every header but ours, so that a Gmail which replaces the Message-ID, or whose search
lags, is played by a few lines of ours in `tests.service.tool.test_gmail_marks`.
"""

import base64
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import httpx
import pytest

from contracts.tool import ExecutionStatus
from libs.providers.google.mail_actions import SENT, GmailActions
from services.tool.deps import ToolDeps
from tests.service.tool.front import reason
from tests.service.tool.lost_answers import lost_answers, with_a_forgotten_result, with_a_lost_answer
from tests.service.tool.mailbox import OWNER
from tests.service.tool.oauth_peer import GOOD_TOKEN
from tests.service.tool.world import World, unique

SARAH, TOM = "sarah.chen@example.com", "tom@example.com"
PLAIN = {"subject": "s", "body": "b"}
SEND, DRAFT, MODIFY = "POST /gmail/v1/users/me/messages/send", "POST /gmail/v1/users/me/drafts", "/modify"


@pytest.fixture
def gmail(world: World, tool: ToolDeps) -> World:
    return world


async def _asked(gmail: World, path: str, body: dict[str, Any] | None = None, **query: str) -> dict[str, Any]:
    """What the emulator itself says, past everything of ours."""
    async with httpx.AsyncClient(headers={"authorization": "Bearer looking"}) as http:
        url = f"{gmail.google}/gmail/v1/users/me/{path}"
        answer = await (http.post(url, json=body) if body is not None else http.get(url, params=query))
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        return told


async def _row(gmail: World, id: str) -> tuple[dict[str, Any], EmailMessage]:
    """A mail as it lies there, and as it was written."""
    row = await _asked(gmail, f"messages/{id}", format="raw")
    mail = message_from_bytes(base64.urlsafe_b64decode(row["raw"] + "=="), policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return row, mail


async def _ids(gmail: World, subject: str) -> list[str]:
    found = await _asked(gmail, "messages", q=f"subject:{subject}", includeSpamTrash="true")
    return [row["id"] for row in found.get("messages", [])]


def _word() -> str:
    return unique("w").replace(" ", "")


async def test_a_mail_is_sent_as_it_was_asked_for(gmail: World) -> None:
    command = gmail.asked(
        "mail_send",
        {
            "to": [SARAH, SARAH.upper()],
            "cc": [TOM],
            "subject": "Grüße: Plan",
            "body": "Erste Zeile\n\nund noch eine ✓",
        },
    )

    sent = gmail.opened(await gmail.execute(command))

    row, mail = await _row(gmail, sent["message_id"])
    assert "SENT" in row["labelIds"]
    assert (mail["To"], mail["Cc"], mail["Subject"]) == (SARAH.upper(), TOM, "Grüße: Plan")
    assert mail.get_content().splitlines() == ["Erste Zeile", "", "und noch eine ✓"]
    assert mail["Message-ID"] == f"<{command.execution_id}@adjutant.invalid>"
    assert mail["X-Adjutant-Execution"] == command.execution_id
    assert (sent["to"], sent["cc"], sent["subject"]) == ([SARAH.upper()], [TOM], "Grüße: Plan")
    assert sent["link"].endswith(sent["message_id"])


async def test_an_answer_stays_in_its_thread_and_goes_to_whom_the_user_saw(gmail: World) -> None:
    subject = _word()
    parent = await _asked(
        gmail,
        "messages/import",
        {
            "raw": base64.urlsafe_b64encode(
                f"From: Sarah <{SARAH}>\r\nReply-To: evil@example.com\r\nTo: {OWNER}\r\nSubject: {subject}\r\n"
                f"Message-ID: <{'long' * 40}@mail.example.com>\r\nReferences: <first@example.com>\r\n\r\nWell?".encode()
            ).decode()
        },
    )

    sent = await gmail.done("mail_reply", message_id=parent["id"], to=[SARAH], body="Yes.")

    row, mail = await _row(gmail, sent["message_id"])
    assert row["threadId"] == parent["threadId"]
    assert (mail["To"], mail["Cc"], mail["Subject"]) == (SARAH, None, f"Re: {subject}")
    assert mail["In-Reply-To"] == f"<{'long' * 40}@mail.example.com>"
    assert mail["References"].split() == ["<first@example.com>", f"<{'long' * 40}@mail.example.com>"]
    assert sent["subject"] == f"Re: {subject}"


HIDDEN = "=?utf-8?q?=0d=0aBcc:=20evil@example.com?="


async def test_nothing_comes_out_of_a_subject_that_hides_headers(gmail: World) -> None:
    """The subject of the mail that is answered decodes into another encoded word, which hides a header."""
    once = base64.b64encode(HIDDEN.encode()).decode()
    text = f"From: {SARAH}\r\nTo: {OWNER}\r\nSubject: =?utf-8?b?{once}?=\r\n\r\nWell?"
    parent = await _asked(gmail, "messages/import", {"raw": base64.urlsafe_b64encode(text.encode()).decode()})

    answer = await gmail.done("mail_reply", message_id=parent["id"], to=[SARAH], body="Yes.")
    mail = await gmail.done("mail_send", to=[SARAH], subject=HIDDEN, body="Yes.")

    for sent in (answer, mail):
        _, read = await _row(gmail, sent["message_id"])
        assert (read["To"], read["Bcc"]) == (SARAH, None)
        assert str(read["Subject"]).endswith(HIDDEN)


async def test_the_answer_to_an_answer_is_not_re_re(gmail: World) -> None:
    sent = await gmail.done("mail_reply", message_id="m_sent", to=[SARAH], body="Once more.")

    assert sent["subject"] == "Re: Budget"


async def test_a_draft_is_written_and_not_sent(gmail: World) -> None:
    subject = _word()

    draft = await gmail.done("mail_draft", subject=subject, body="To be thought over")

    row, mail = await _row(gmail, draft["message_id"])
    assert (row["labelIds"], mail["To"]) == (["DRAFT"], None)
    assert draft["message_id"] in {each["message"]["id"] for each in (await _asked(gmail, "drafts"))["drafts"]}


async def test_a_draft_may_answer_a_mail(gmail: World) -> None:
    draft = await gmail.done("mail_draft", to=[TOM], body="With pleasure", reply_to_message_id="m_lunch")

    row, mail = await _row(gmail, draft["message_id"])
    assert mail["Subject"] == "Re: Lunch?"
    assert row["threadId"] == (await _asked(gmail, "messages/m_lunch"))["threadId"]


@pytest.mark.every_way(sample=2)
@lost_answers()
@pytest.mark.parametrize(
    ("tool_name", "more", "on"),
    [
        ("mail_send", {"to": [SARAH]}, SEND),
        ("mail_draft", {"to": [SARAH]}, DRAFT),
    ],
    ids=["sending", "drafting"],
)
async def test_a_lost_answer_never_makes_two_mails(
    gmail: World, way: str, did_it: bool, tool_name: str, more: dict[str, Any], on: str
) -> None:
    subject = _word()

    written = await with_a_lost_answer(gmail, on, way, did_it, tool_name, subject=subject, body="Once only", **more)

    assert await _ids(gmail, subject) == [written["message_id"]]
    assert (written["to"], written["subject"]) == ([SARAH], subject)


@pytest.mark.parametrize("tool_name", ["mail_send", "mail_draft"])
async def test_a_process_that_dies_leaves_one_mail(
    gmail: World, monkeypatch: pytest.MonkeyPatch, tool_name: str
) -> None:
    subject = _word()

    written = await with_a_forgotten_result(gmail, monkeypatch, tool_name, to=[SARAH], subject=subject, body="Once")

    assert await _ids(gmail, subject) == [written["message_id"]]


async def test_a_process_that_dies_leaves_one_answer(gmail: World, monkeypatch: pytest.MonkeyPatch) -> None:
    body = _word()

    await with_a_forgotten_result(gmail, monkeypatch, "mail_reply", message_id="m_budget", to=[SARAH], body=body)

    assert len((await _asked(gmail, "messages", q=body))["messages"]) == 1


@pytest.mark.every_way(sample=2)
@pytest.mark.parametrize("did_it", [True, False])
async def test_a_lost_answer_never_makes_two_answers(gmail: World, did_it: bool) -> None:
    body = unique("Answer")

    await with_a_lost_answer(gmail, SEND, "cut", did_it, "mail_reply", message_id="m_budget", to=[SARAH], body=body)

    found = await _asked(gmail, "messages", q=body.split()[1])
    assert len(found["messages"]) == 1


async def test_a_mail_that_was_thrown_away_since_counts_as_sent(gmail: World, tool: ToolDeps) -> None:
    """Otherwise a mail whose answer was lost would be sent again because its user had put it into the bin."""
    command = gmail.asked("mail_send", {"to": [SARAH], "subject": _word(), "body": "Gone"})
    sent = gmail.opened(await gmail.execute(command))
    await _asked(gmail, f"messages/{sent['message_id']}/trash", {})

    found = await GmailActions(tool.gmail).find_written(GOOD_TOKEN, command.execution_id, (SENT,))

    assert found is not None
    assert found.id == sent["message_id"]


@pytest.mark.parametrize(
    ("tool_name", "arguments", "slug"),
    [
        ("mail_send", {"to": [], "subject": "s", "body": "b"}, "invalid_arguments"),
        ("mail_send", {"to": ["Sarah"], "subject": "s", "body": "b"}, "invalid_arguments"),
        ("mail_send", {"to": ["sarah@exämple.com"], "subject": "s", "body": "b"}, "invalid_arguments"),
        ("mail_send", {"to": [f"{SARAH}\r\nBcc: evil@example.com"], "subject": "s", "body": "b"}, "invalid_arguments"),
        ("mail_send", {"to": ["=?utf-8?q?=0d=0aBcc:=20evil?=@example.com"], **PLAIN}, "invalid_arguments"),
        ("mail_send", {"to": [f"{SARAH}, evil@example.com"], "subject": "s", "body": "b"}, "invalid_arguments"),
        ("mail_send", {"to": [SARAH], "subject": "s\r\nBcc: evil@example.com", "body": "b"}, "invalid_arguments"),
        ("mail_send", {"to": [SARAH], "body": "b"}, "invalid_arguments"),
        ("mail_send", {"to": [SARAH], "subject": "s", "body": " "}, "invalid_arguments"),
        ("mail_send", {"to": [SARAH] * 51, "subject": "s", "body": "b"}, "invalid_arguments"),
        ("mail_reply", {"to": [SARAH], "body": "b", "message_id": "gone"}, "provider_entity_not_found"),
        ("mail_reply", {"body": "b", "message_id": "m_budget"}, "invalid_arguments"),
        ("mail_draft", {"body": "b", "reply_to_message_id": "../x?"}, "invalid_arguments"),
        ("mail_draft", {"body": "b"}, "invalid_arguments"),
    ],
)
async def test_what_cannot_be_written_fails_with_a_reason(
    gmail: World, tool_name: str, arguments: dict[str, Any], slug: str
) -> None:
    outcome = await gmail.execute(gmail.asked(tool_name, arguments))

    assert (outcome.status, outcome.error) == (ExecutionStatus.FAILED, slug)
    assert gmail.front.count("POST /gmail") == 0


@pytest.mark.parametrize(
    ("tool_name", "arguments", "on", "capability"),
    [
        ("mail_send", {"to": [SARAH], "subject": "s", "body": "b"}, SEND, "send"),
        ("mail_draft", {"to": [SARAH], "subject": "s", "body": "b"}, DRAFT, "draft"),
        ("mail_label", {"message_id": "m_budget", "archive": True}, MODIFY, "organize"),
    ],
)
async def test_a_missing_permission_is_named(
    gmail: World, tool_name: str, arguments: dict[str, Any], on: str, capability: str
) -> None:
    gmail.front.faults = [reason(on, 403, "insufficientPermissions")]

    outcome = await gmail.execute(gmail.asked(tool_name, arguments))

    assert (outcome.status, outcome.error) == (ExecutionStatus.FAILED, "provider_permission_missing")
    assert f"“{capability}”" in str(outcome.detail)


async def test_a_mail_is_sorted(gmail: World) -> None:
    mail = await gmail.done("mail_draft", subject="Sorted", body="b")
    name = _word()
    label = await _asked(gmail, "labels", {"name": f"Projects/{name}"})
    id = mail["message_id"]

    given = await gmail.done("mail_label", message_id=id, add=[f"projects/{name}", "starred"], read=False)
    taken = await gmail.done("mail_label", message_id=id, remove=["STARRED"], archive=False, read=True)
    archived = await gmail.done("mail_label", message_id=id, archive=True)

    assert given == {
        "message_id": id,
        "labels": sorted([f"Projects/{name}", "STARRED"]),
        "in_inbox": False,
        "unread": True,
    }
    assert (taken["labels"], taken["in_inbox"], taken["unread"]) == ([f"Projects/{name}"], True, False)
    assert (archived["labels"], archived["in_inbox"]) == ([f"Projects/{name}"], False)
    assert set((await _asked(gmail, f"messages/{id}"))["labelIds"]) == {"DRAFT", label["id"]}


@pytest.mark.every_way(sample=2)
@lost_answers()
async def test_a_lost_answer_leaves_a_mail_sorted_once(gmail: World, way: str, did_it: bool) -> None:
    mail = await gmail.done("mail_draft", subject="Sorted once", body="b")

    sorted_ = await with_a_lost_answer(
        gmail, MODIFY, way, did_it, "mail_label", message_id=mail["message_id"], add=["IMPORTANT"], archive=True
    )

    assert (sorted_["labels"], sorted_["in_inbox"]) == (["IMPORTANT"], False)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"add": ["TRASH"]},
        {"add": ["SENT"]},
        {"remove": ["DRAFT"]},
        {"add": ["No such label"]},
        {"add": ["STARRED"], "remove": ["starred"]},
    ],
)
async def test_what_cannot_be_sorted_is_explained(gmail: World, arguments: dict[str, Any]) -> None:
    outcome = await gmail.execute(gmail.asked("mail_label", {"message_id": "m_lunch", **arguments}))

    assert (outcome.status, outcome.error) == (ExecutionStatus.FAILED, "invalid_arguments")
    assert gmail.front.count(MODIFY) == 0
