"""A Gmail that replaces the Message-ID of what it is sent, and whose search lags: the two things that no emulator does.

Truth: what people report of Gmail (a Message-ID of ours is sometimes kept and sometimes replaced, then told as
`X-Google-Original-Message-ID`) and Gmail's API description for the shape of requests and answers. Whether Gmail does
either in a given case is not known here, so that our look-up must stand both.
"""

import base64
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from typing import Any

from tests.service.providers.vendor_server import Asked, Told

_MESSAGES = "/gmail/v1/users/me/messages"


@dataclass
class RewritingGmail:
    """Messages by id, newest last. `lists` is whether the folders show them yet; the search never does."""

    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    hidden_listings: int = 0
    """So many listings of a folder do not show yet what was written last."""

    def answer(self, asked: Asked) -> Told:
        """As that Gmail would."""
        if asked.method == "POST" and asked.path == f"{_MESSAGES}/send":
            return Told(self._written(asked.body, "SENT"))
        if asked.method == "POST" and asked.path == "/gmail/v1/users/me/drafts":
            return Told({"id": "draft", "message": self._written(asked.body["message"], "DRAFT")})
        if asked.path == _MESSAGES:
            return self._listed(asked)
        row = self.messages.get(asked.path.removeprefix(f"{_MESSAGES}/"))
        return Told(row) if row else Told({"error": {"errors": [{"reason": "notFound"}]}}, 404)

    def write(self, subject: str, label: str, **headers: str) -> dict[str, Any]:
        """A message, newer than all others."""
        written = {"Subject": subject, **headers, "Message-ID": f"<CA{len(self.messages)}@mail.gmail.com>"}
        row = {
            "id": f"m{len(self.messages)}",
            "threadId": "t",
            "labelIds": [label],
            "internalDate": "1795500000000",
            "payload": {"headers": [{"name": name, "value": value} for name, value in written.items()]},
        }
        self.messages[str(row["id"])] = row
        return {name: row[name] for name in ("id", "threadId", "labelIds")}

    def _written(self, given: dict[str, Any], label: str) -> dict[str, Any]:
        mail = message_from_bytes(base64.urlsafe_b64decode(given["raw"]), policy=policy.default)
        headers = {name: str(value) for name, value in mail.items()}
        replaced = {"X-Google-Original-Message-ID": headers.pop("Message-ID")}
        return self.write(headers.pop("Subject"), label, **headers, **replaced)

    def _listed(self, asked: Asked) -> Told:
        if "q" in asked.query:
            assert asked.query["q"].startswith("rfc822msgid:")
            return Told({"resultSizeEstimate": 0})
        rows = [row for row in self.messages.values() if asked.query["labelIds"] in row["labelIds"]]
        if rows and self.hidden_listings:
            self.hidden_listings -= 1
            rows.pop()
        return Told({"messages": [{"id": row["id"], "threadId": row["threadId"]} for row in reversed(rows)]})
