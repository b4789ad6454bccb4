"""Whatever a provider sends instead of its documented answer, the tools' clients say so; they never fall over it.

An error that is not one of ours would take an effect for a crash: it would be tried again and end as a dead letter.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from libs.providers.errors import EntityNotFound, ProviderUnavailable
from libs.providers.github.issues import Issue, Wanted
from libs.providers.microsoft.agenda import Attendee, OutlookEvent
from libs.providers.microsoft.event_actions import EventChange, NewOutlookEvent
from libs.providers.microsoft.mail_actions import NewMail
from libs.providers.microsoft.mailbox import MailWanted
from libs.providers.notion.page_actions import NewPage
from libs.providers.slack.posting import NewMessage
from services.tool.work_clients import WorkClients
from tests.service.providers.vendor_server import ACCESS, Told, Vendor, vendor

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
T, X = ACCESS.token, "x_1"
MAIL = NewMail(("sarah@example.com",), (), "Plan", "Text", None, X)
EVENT = NewOutlookEvent("Plan", NOW, NOW, (), "", X)
CHANGE = EventChange("Plan", None, None, None, X)
HELD = OutlookEvent(
    "e", "t", NOW, NOW, False, True, True, "", "", (Attendee("a@example.com", "", ""),), "", None, False
)
ISSUE = Issue("ada/engine", 1, "t", "open", "ada", False, (), (), 3, NOW, NOW, "", "")
PAGE = NewPage("p", False, "Plan", "", X)

Ask = Callable[[WorkClients], Awaitable[Any]]
ASKED: dict[str, Ask] = {
    "github repositories": lambda c: c.github.repositories(T, 5),
    "github list": lambda c: c.github.find(T, Wanted("ada/engine", False, "open", None, 5)),
    "github search": lambda c: c.github.find(T, Wanted(None, True, "open", "words", 5)),
    "github read": lambda c: c.github.read(T, "ada/engine", 1),
    "github comments": lambda c: c.github.newest_comments(T, ISSUE),
    "github comment": lambda c: c.github_actions.comment(T, "ada/engine", 1, "Text", X),
    "github find comment": lambda c: c.github_actions.find_comment(T, "ada/engine", 1, X, NOW),
    "github open": lambda c: c.github_actions.open_issue(T, "ada/engine", "t", "", (), X),
    "github find issue": lambda c: c.github_actions.find_issue(T, "ada/engine", X, NOW),
    "slack channels": lambda c: c.slack.channels(T),
    "slack history": lambda c: c.slack.history(T, "C1", NOW, 5),
    "slack thread": lambda c: c.slack.thread(T, "C1", "1.0", 5),
    "slack names": lambda c: c.slack.names(T, ["U1"]),
    "slack many names": lambda c: c.slack.names(T, [f"U{n}" for n in range(20)]),
    "slack post": lambda c: c.slack_posting.post(T, NewMessage("C1", "Text", None, X)),
    "slack find": lambda c: c.slack_posting.find(T, NewMessage("C1", "Text", None, X), NOW),
    "mail find": lambda c: c.outlook_mail.find(T, MailWanted(None, None, None, None, 5)),
    "mail read": lambda c: c.outlook_mail.read(T, "m"),
    "mail draft": lambda c: c.outlook_mail_actions.draft(T, MAIL),
    "mail send": lambda c: c.outlook_mail_actions.send(T, MAIL),
    "mail find sent": lambda c: c.outlook_mail_actions.find_sent(T, X),
    "calendar events": lambda c: c.outlook_agenda.events(T, NOW, NOW, UTC),
    "calendar busy": lambda c: c.outlook_agenda.busy(T, NOW, NOW, UTC),
    "calendar read": lambda c: c.outlook_agenda.read(T, "e"),
    "calendar create": lambda c: c.outlook_event_actions.create(T, EVENT),
    "calendar find": lambda c: c.outlook_event_actions.find_created(T, X),
    "calendar change": lambda c: c.outlook_event_actions.change(T, "e", CHANGE),
    "calendar find changed": lambda c: c.outlook_event_actions.find_changed(T, "e", X),
    "calendar cancel": lambda c: c.outlook_event_actions.cancel(T, HELD, ""),
    "calendar is gone": lambda c: c.outlook_event_actions.is_gone(T, "e"),
    "notion find": lambda c: c.notion.find(T, "words", False, 5),
    "notion read": lambda c: c.notion.read(T, "p"),
    "notion append": lambda c: c.notion_actions.append(T, "p", "Text", X),
    "notion has appended": lambda c: c.notion_actions.has_appended(T, "p", X),
    "notion create": lambda c: c.notion_actions.create(T, PAGE),
    "notion find created": lambda c: c.notion_actions.find_created(T, PAGE, NOW),
}
LISTS = ("value", "items", "results", "channels", "messages", "members")
ROWS: list[Any] = [
    *({"ts": "inf"}, {"ts": "nan"}, {"ts": "9e99", "number": 1e99}, {"id": "1", "number": 1, "comments": 1e99}),
    *(None, 7, "text", [], {}, {"id": None}, {"id": {}, "ts": "x", "number": "x", "created_at": 3}),
    {"id": "1", "ts": "1.0", "user": 7, "text": 7, "metadata": 7, "messages": 7, "topic": 7, "profile": 7},
    {"id": "1", "number": 1, "created_at": "2026-11-20T10:00:00Z", "updated_at": "soon", "user": 7, "labels": 7},
    {"id": "1", "number": 1, "created_at": "x", "updated_at": "x", "body": 7, "labels": [7], "pushed_at": "soon"},
    {"id": "1", "from": 7, "toRecipients": 7, "receivedDateTime": "soon", "body": 7, "parentFolderId": 7},
    {"id": "1", "from": {"emailAddress": 7}, "toRecipients": [7], "start": 7, "end": 7, "attendees": 7},
    {"id": "1", "start": {"dateTime": 7}, "end": {"dateTime": "x"}, "singleValueExtendedProperties": [7]},
    {"id": "1", "type": "child_page", "child_page": 7, "created_time": "soon", "last_edited_time": "soon"},
    {"id": "1", "type": "paragraph", "paragraph": {"rich_text": [7]}, "last_edited_time": "2026-11-20T10:00:00Z"},
    {"id": "1", "last_edited_time": "2026-11-20T10:00:00Z", "properties": 7, "title": [7]},
    {"id": "1", "last_edited_time": "2026-11-20T10:00:00Z", "properties": {"a": 7}, "has_more": 7},
]


def bodies() -> list[Any]:
    """Each row alone, in a list, and in every list that a provider has."""
    lists = [{"ok": True, **{name: [row] for name in LISTS}} for row in ROWS]
    return [*ROWS, *([row] for row in ROWS), *lists, *({name: row for name in LISTS} for row in ROWS)]


@pytest.fixture
async def served() -> AsyncIterator[Vendor]:
    async with vendor(lambda asked: Told({})) as running:
        yield running


@pytest.mark.every_way(sample=6)
@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED.keys())
async def test_no_answer_makes_a_client_fall_over(served: Vendor, ask: Ask) -> None:
    async with httpx.AsyncClient() as http:
        clients = WorkClients.open(
            http,
            github_api_url=served.url,
            slack_api_url=served.url,
            microsoft_api_url=served.url,
            notion_api_url=served.url,
        )
        for body in bodies():
            served.answer = lambda asked, body=body: Told(body)  # type: ignore[misc]
            try:
                await ask(clients)
            except (ProviderUnavailable, EntityNotFound):
                continue
            except Exception as fell:
                raise AssertionError(f"fell over {body!r}") from fell
