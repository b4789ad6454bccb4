"""The messages behind a `GraphServer`: listed, searched, drafted, answered, sent.

Truth: Microsoft Graph's documentation. Held against it: `$search` admits neither `$filter` nor `$orderby`; what is
sorted by comes first in the filter; extended properties are filtered by `Any`; `createReply` takes a comment or a body;
an immutable id stays when a draft is sent; a message that was sent cannot be sent again.
"""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.service.providers.vendor_server import Asked, Told

FOLDERS = ("inbox", "drafts", "outbox", "sentitems", "deleteditems", "junkemail", "archive")
_MADE_BY = re.compile(
    r"^singleValueExtendedProperties/Any\(ep: ep/id eq '(String \{[0-9a-f-]{36}\} Name \w+)' and ep/value eq '(\w+)'\)$"
)
_CONDITION = re.compile(r"^(receivedDateTime|isRead) (ge|lt|eq) (\S+)$")


def refused(code: str, status: int = 400) -> Told:
    """Graph's error format."""
    return Told({"error": {"code": code, "message": "Somebody's secret subject"}}, status)


@dataclass
class GraphMailbox:
    """Messages by id, as Graph writes them; `slow_outbox` leaves what is sent on its way."""

    base: str = ""
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    """Ids in the order in which they went out; an id twice is a mail twice."""
    slow_outbox: bool = False
    answers_take_properties: bool = True
    """Whether `createReply` keeps extended properties; Microsoft does not say."""

    def put(self, id: str, folder: str = "inbox", **more: Any) -> None:
        """A message in a folder."""
        row = {"id": id, "subject": id, "isRead": False, "isDraft": False, "receivedDateTime": "2026-11-20T10:00:00Z"}
        sender = {"emailAddress": {"name": "Sarah Chen", "address": "sarah.chen@example.com"}}
        row |= {"from": sender, "toRecipients": [], "ccRecipients": [], "parentFolderId": f"{folder}-id"}
        row |= {"bodyPreview": "", "webLink": f"https://outlook.example/{id}"}
        self.messages[id] = row | more

    def answer(self, asked: Asked) -> Told | None:
        """None for what is no message's business."""
        path = asked.path.removeprefix("/v1.0")
        if found := re.fullmatch(r"/me/mailFolders/(\w+)", path):
            return Told({"id": f"{found[1]}-id"}) if found[1] in FOLDERS else refused("ErrorItemNotFound", 404)
        if path == "/me/messages":
            return self._create(asked.body, asked) if asked.method == "POST" else self._list(asked)
        if found := re.fullmatch(r"/me/messages/([^/]+)(?:/(\w+))?", path):
            return self._one(unquote(found[1]), found[2], asked)
        return None

    def _one(self, id: str, action: str | None, asked: Asked) -> Told:
        row = self.messages.get(id)
        if row is None:
            return refused("ErrorItemNotFound", 404)
        if action is None and asked.method == "PATCH":
            assert row["isDraft"], "what was sent is not changed"
            row |= asked.body
        if action is None:
            return Told(selected(row, asked))
        if action == "attachments":
            return Told({"value": row.get("attachments", [])})
        if action == "createReply":
            return self._reply(row, asked)
        if action == "send" and row["isDraft"] and row["parentFolderId"] == "drafts-id":
            self.sent.append(id)
            row |= {"parentFolderId": "outbox-id"} if self.slow_outbox else _IS_SENT
            return Told(status=202, raw=b"")
        return refused("ErrorItemNotFound", 404)

    def _reply(self, row: dict[str, Any], asked: Asked) -> Told:
        message = asked.body.get("message", {})
        if "comment" in asked.body and "body" in message:
            return refused("ErrorInvalidRequest")
        if not self.answers_take_properties:
            message = {name: value for name, value in message.items() if name != "singleValueExtendedProperties"}
        given = {"subject": f"RE: {row['subject']}", "toRecipients": [row["from"]], "conversationId": row["id"]}
        return self._create(given | message, asked)

    def _create(self, given: dict[str, Any], asked: Asked) -> Told:
        assert "ImmutableId" in asked.headers["prefer"]
        id = f"AAkALg{len(self.messages)}="
        self.put(id, "drafts", isDraft=True, isRead=True, **given)
        return Told({k: v for k, v in self.messages[id].items() if k != "singleValueExtendedProperties"}, 201)

    def _list(self, asked: Asked) -> Told:
        query = asked.query
        if "$search" in query and ("$filter" in query or "$orderby" in query):
            return refused("SearchWithFilter")
        rows = list(self.messages.values())
        if "$search" in query:
            rows = [row for row in rows if _is_searched(row, query["$search"])]
        elif (filter_ := query.get("$filter")) is not None:
            if "$orderby" in query and not filter_.startswith(query["$orderby"].split()[0]):
                return refused("InefficientFilter")
            rows = _filtered(rows, filter_)
        rows.sort(key=lambda row: str(row["receivedDateTime"]), reverse=True)
        return with_next_page(rows, f"{self.base}/v1.0/me/messages", asked)


_IS_SENT = {"isDraft": False, "parentFolderId": "sentitems-id"}


def _filtered(rows: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    if text.startswith("singleValue"):
        return made_by(rows, text)
    for part in text.split(" and "):
        condition = _CONDITION.match(part)
        assert condition, f"not a condition that Graph knows: {part}"
        name, operator, value = condition.groups()
        if name == "isRead":
            rows = [row for row in rows if str(row[name]).lower() == value]
        elif operator == "ge":
            rows = [row for row in rows if row[name] >= value]
        else:
            rows = [row for row in rows if row[name] < value]
    return rows


def _is_searched(row: dict[str, Any], text: str) -> bool:
    """As much of KQL as the tests use: `from:word`, `subject:word`, `received>=day`, `(words)`, joined by AND."""
    assert text[0] == text[-1] == '"', "a search is quoted"
    shown = f"{row['subject']} {row['bodyPreview']}".lower()
    for part in text[1:-1].replace('\\"', '"').split(" AND "):
        word = part.strip("()").lower()
        if word.startswith("from:"):
            held = word[5:] in str(row["from"]["emailAddress"]).lower()
        elif word.startswith("received>="):
            held = row["receivedDateTime"][:10] >= word[10:]
        elif word.startswith("received<="):
            held = row["receivedDateTime"][:10] <= word[10:]
        elif word.startswith("subject:"):
            held = word[8:] in row["subject"].lower()
        else:
            held = all(each in shown for each in word.split())
        if not held:
            return False
    return True


def made_by(rows: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    """Those that have the property that this filter asks for."""
    made = _MADE_BY.match(text)
    assert made, f"not a filter that Graph documents: {text}"
    wanted = {"id": made[1], "value": made[2]}
    return [row for row in rows if wanted in row.get("singleValueExtendedProperties", ())]


def with_next_page(rows: list[dict[str, Any]], address: str, asked: Asked) -> Told:
    """One page, and where the next one is."""
    start, size = int(asked.query.get("$skip", "0")), int(asked.query.get("$top", "10"))
    content: dict[str, Any] = {"value": [selected(row, asked) for row in rows[start : start + size]]}
    if start + size < len(rows):
        kept = "&".join(f"{name}={_quoted(value)}" for name, value in asked.query.items() if name != "$skip")
        content["@odata.nextLink"] = f"{address}?{kept}&$skip={start + size}"
    return Told(content)


def selected(row: dict[str, Any], asked: Asked) -> dict[str, Any]:
    """What was asked for of it."""
    fields = asked.query.get("$select")
    return {name: row[name] for name in fields.split(",") if name in row} if fields else row


def _quoted(value: str) -> str:
    return "".join(f"%{byte:02X}" for byte in value.encode())
