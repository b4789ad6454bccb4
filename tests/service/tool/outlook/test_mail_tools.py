"""Outlook mail through its tools, against the small Graph server of ours that sync's tests use too.

Nobody emulates Graph's mail. The server holds every request against what Microsoft documents (see
`tests.service.providers.graph_mailbox`); what Graph does beyond its documentation is not tested.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.tool import ExecutionStatus
from services.tool.deps import ToolDeps
from tests.service.providers.graph_mailbox import GraphMailbox
from tests.service.tool.front import Fault, Front
from tests.service.tool.lost_answers import lost_answers, with_a_forgotten_result, with_a_lost_answer
from tests.service.tool.outlook.server import Microsoft, written
from tests.service.tool.world import World

SARAH = "sarah.chen@example.com"
CREATE = "POST /v1.0/me/messages HTTP"


@pytest.fixture
def outlook(world: World, tool: ToolDeps, microsoft: Microsoft, front: Front) -> World:
    world.oauth.connected = {"outlook_mail"}
    microsoft.renew(front.url)
    return world


@pytest.fixture
def mailbox(outlook: World, microsoft: Microsoft) -> GraphMailbox:
    return microsoft.graph.mailbox


async def test_mail_is_found_newest_first_without_what_is_not_meant_by_it(
    outlook: World, mailbox: GraphMailbox
) -> None:
    for n, folder in enumerate(("inbox", "archive", "sentitems", "deleteditems", "junkemail")):
        mailbox.put(folder, folder, receivedDateTime=f"2026-11-20T10:00:0{n}Z")
    mailbox.put("draft", "drafts", isDraft=True)

    found = await outlook.result("outlook_mail_search")

    assert [mail["id"] for mail in found["mails"]] == ["archive", "inbox"]
    assert found["mails"][0]["from"] == {"name": "Sarah Chen", "address": SARAH}
    assert found["mails"][0]["received_at"] == "2026-11-20T11:00:01+01:00"
    assert not found["more"]


async def test_conditions_hold_together(outlook: World, mailbox: GraphMailbox) -> None:
    tom = {"emailAddress": {"name": "Tom Brown", "address": "tom@example.com"}}
    now = datetime.now(UTC)
    mailbox.put("wanted", subject="Budget draft", receivedDateTime=written(now))
    mailbox.put("read", subject="Budget draft", isRead=True, receivedDateTime=written(now))
    mailbox.put("by-tom", subject="Budget draft", receivedDateTime=written(now), **{"from": tom})
    mailbox.put("old", subject="Budget draft", receivedDateTime=written(now - timedelta(days=1, hours=12)))
    mailbox.put("other", subject="Lunch", receivedDateTime=written(now))

    async def found(**conditions: Any) -> set[str]:
        return {mail["id"] for mail in (await outlook.result("outlook_mail_search", **conditions))["mails"]}

    assert await found(query="budget", sender="Sarah Chen", unread=True, day="today") == {"wanted"}
    assert await found(sender="chen") == {"wanted", "read", "old", "other"}
    assert await found(query="subject:lunch") == {"other"}
    assert await found(unread=True, day="today") == {"wanted", "by-tom", "other"}
    assert await found(unread=False) == {"read"}
    assert await found(query='say "budget"') == set()


async def test_what_the_limit_leaves_out_is_said_also_over_pages(outlook: World, mailbox: GraphMailbox) -> None:
    for n in range(60):
        mailbox.put(f"m{n}", isRead=n != 58, subject="Notice", receivedDateTime=f"2026-11-20T10:00:{59 - n:02}Z")

    few = await outlook.result("outlook_mail_search", limit=5)
    deep = await outlook.result("outlook_mail_search", query="notice", unread=True)

    assert ([mail["id"] for mail in few["mails"]], few["more"]) == ([f"m{n}" for n in range(5)], True)
    assert ([mail["id"] for mail in deep["mails"]], deep["more"]) == (["m58"], False)


async def test_a_mail_is_read_in_full(outlook: World, mailbox: GraphMailbox) -> None:
    mailbox.put(
        "AAkALgAA-_=",
        ccRecipients=[{"emailAddress": {"name": "Tom", "address": "tom@example.com"}}],
        body={"contentType": "text", "content": "x" * 20_001},
        hasAttachments=True,
        attachments=[{"name": "plan.pdf"}],
    )

    mail = await outlook.result("outlook_mail_read", message_id="AAkALgAA-_=")

    assert (len(mail["body"]), mail["truncated"]) == (20_000, True)
    assert mail["attachments"] == ["plan.pdf"]
    assert mail["cc"] == [{"name": "Tom", "address": "tom@example.com"}]


async def test_a_draft_is_written_and_not_sent(outlook: World, mailbox: GraphMailbox) -> None:
    draft = await outlook.done("outlook_mail_draft", to=[SARAH], subject="Plan", body="First lines\nand more")

    (row,) = mailbox.messages.values()
    assert (row["id"], row["body"]["content"]) == (draft["message_id"], "First lines\nand more")
    assert (draft["to"], draft["subject"]) == ([SARAH], "Plan")
    assert mailbox.sent == []


async def test_a_mail_is_sent(outlook: World, mailbox: GraphMailbox) -> None:
    sent = await outlook.done(
        "outlook_mail_send", to=[SARAH, SARAH.upper()], cc=["tom@example.com"], subject="Plan", body="Here it is."
    )

    assert mailbox.sent == [sent["message_id"]]
    row = mailbox.messages[sent["message_id"]]
    assert [each["emailAddress"]["address"] for each in row["toRecipients"]] == [SARAH.upper()]
    assert [each["emailAddress"]["address"] for each in row["ccRecipients"]] == ["tom@example.com"]


async def test_an_answer_stays_in_its_thread_and_goes_to_whom_the_user_saw(
    outlook: World, mailbox: GraphMailbox
) -> None:
    mailbox.put("q1", subject="Question", **{"from": {"emailAddress": {"address": "evil@example.com"}}})

    sent = await outlook.done("outlook_mail_send", to=[SARAH], body="Yes.", reply_to_message_id="q1")

    row = mailbox.messages[sent["message_id"]]
    assert (row["conversationId"], row["subject"]) == ("q1", "RE: Question")
    assert sent["to"] == [SARAH]


@pytest.mark.every_way(sample=2)
@lost_answers()
async def test_a_lost_answer_never_makes_two_drafts(
    outlook: World, mailbox: GraphMailbox, way: str, did_it: bool
) -> None:
    draft = await with_a_lost_answer(
        outlook, CREATE, way, did_it, "outlook_mail_draft", to=[SARAH], subject="Once", body="Once only"
    )

    assert list(mailbox.messages) == [draft["message_id"]]


@pytest.mark.every_way(sample=2)
@lost_answers()
@pytest.mark.parametrize("on", [CREATE, "/send HTTP"], ids=["drafting", "sending"])
async def test_a_lost_answer_never_sends_two_mails(
    outlook: World, mailbox: GraphMailbox, way: str, did_it: bool, on: str
) -> None:
    """A draft whose making was not heard of is taken up again, so that no second one is left behind."""
    sent = await with_a_lost_answer(
        outlook, on, way, did_it, "outlook_mail_send", to=[SARAH], subject="Once", body="Once only"
    )

    assert mailbox.sent == [sent["message_id"]]
    assert list(mailbox.messages) == [sent["message_id"]]


@pytest.mark.every_way(sample=2)
@lost_answers()
@pytest.mark.parametrize("takes_properties", [True, False], ids=["marked at once", "marked afterwards"])
async def test_a_lost_answer_never_sends_an_answer_twice(
    outlook: World, mailbox: GraphMailbox, way: str, did_it: bool, takes_properties: bool
) -> None:
    mailbox.answers_take_properties = takes_properties
    mailbox.put("q1", subject="Question")

    sent = await with_a_lost_answer(
        outlook, "/send HTTP", way, did_it, "outlook_mail_send", to=[SARAH], body="Yes.", reply_to_message_id="q1"
    )

    assert mailbox.sent == [sent["message_id"]]
    assert list(mailbox.messages) == ["q1", sent["message_id"]]


@pytest.mark.parametrize("tool_name", ["outlook_mail_draft", "outlook_mail_send"])
async def test_a_process_that_dies_after_the_fact_leaves_one_mail(
    outlook: World, mailbox: GraphMailbox, monkeypatch: pytest.MonkeyPatch, tool_name: str
) -> None:
    mail = await with_a_forgotten_result(outlook, monkeypatch, tool_name, to=[SARAH], subject="Once", body="Once")

    assert list(mailbox.messages) == [mail["message_id"]]
    assert mailbox.sent == ([mail["message_id"]] if tool_name == "outlook_mail_send" else [])


async def test_a_mail_that_is_still_on_its_way_is_not_sent_again(outlook: World, mailbox: GraphMailbox) -> None:
    mailbox.slow_outbox = True

    await with_a_lost_answer(
        outlook, "/send HTTP", "cut", True, "outlook_mail_send", to=[SARAH], subject="Slow", body="Slow"
    )

    assert len(mailbox.sent) == 1


async def test_a_draft_that_was_sent_in_the_meantime_counts_as_sent(outlook: World, mailbox: GraphMailbox) -> None:
    """The first `send` was given up and is carried out by Graph only after we looked."""
    outlook.front.faults = [Fault("/send HTTP", status=404, after_commit=True)]

    sent = await outlook.done("outlook_mail_send", to=[SARAH], subject="Late", body="Late")

    assert mailbox.sent == [sent["message_id"]]


@pytest.mark.parametrize(
    ("tool_name", "arguments", "slug"),
    [
        ("outlook_mail_send", {"to": [], "subject": "s", "body": "b"}, "invalid_arguments"),
        ("outlook_mail_send", {"to": ["Sarah"], "subject": "s", "body": "b"}, "invalid_arguments"),
        ("outlook_mail_send", {"to": [SARAH], "body": "b"}, "invalid_arguments"),
        ("outlook_mail_send", {"to": [SARAH], "subject": "s", "body": " "}, "invalid_arguments"),
        ("outlook_mail_send", {"to": [SARAH] * 51, "subject": "s", "body": "b"}, "invalid_arguments"),
        ("outlook_mail_send", {"to": [SARAH], "body": "b", "reply_to_message_id": "gone"}, "provider_entity_not_found"),
        ("outlook_mail_draft", {"body": "b", "reply_to_message_id": "../x?"}, "invalid_arguments"),
    ],
)
async def test_what_cannot_be_sent_fails_with_a_reason(
    outlook: World, mailbox: GraphMailbox, tool_name: str, arguments: dict[str, Any], slug: str
) -> None:
    outcome = await outlook.execute(outlook.asked(tool_name, arguments))

    assert (outcome.status, outcome.error) == (ExecutionStatus.FAILED, slug)
    assert mailbox.messages == {}


async def test_graphs_limits_are_waited_for_and_its_words_never_shown(outlook: World, mailbox: GraphMailbox) -> None:
    arguments = {"to": [SARAH], "subject": "Limits", "body": "b"}
    outlook.front.faults = [Fault(CREATE, status=429, headers={"Retry-After": "1"})]
    assert (await outlook.execute(outlook.asked("outlook_mail_send", arguments))).status == ExecutionStatus.DONE

    outlook.front.faults = [Fault(CREATE, status=403, body=b'{"error": {"code": "ErrorAccessDenied"}}')]
    refused = await outlook.execute(outlook.asked("outlook_mail_send", arguments))
    missing = await outlook.read("outlook_mail_read", message_id="nothing")

    assert refused.error == "provider_permission_missing"
    assert "“send”" in str(refused.detail)
    assert missing.error == "provider_entity_not_found"
    assert "secret" not in f"{refused.detail}{missing.detail}"


async def test_who_is_asked_about_an_answer_reads_which_mail_it_answers(outlook: World, mailbox: GraphMailbox) -> None:
    mailbox.put("m1", subject="Budget\u202e draft")

    answer = await outlook.proposed("outlook_mail_send", to=[SARAH], body="Fine.", reply_to_message_id="m1")
    new = await outlook.proposed("outlook_mail_send", to=[SARAH], cc=["tom@example.com"], subject="Lunch", body="Now?")

    assert answer.title == f"Send a mail to {SARAH}, in answer to Budget draft"
    assert [(field.label, field.value) for field in answer.fields] == [
        ("Mail", "Budget draft"),
        ("Written by", f"Sarah Chen <{SARAH}>"),
        ("To", SARAH),
        ("Text", "Fine."),
    ]
    assert new.title == f"Send a mail to {SARAH} with a copy to tom@example.com: Lunch"
