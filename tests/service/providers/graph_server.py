"""Microsoft Graph: mail, calendar and subscriptions as far as a sync asks; for tools a mailbox and an agenda.

Truth: Microsoft's documentation on delta queries (`@odata.nextLink`, `@odata.deltaLink`, `@removed`, 410 and
`syncStateNotFound`) and on change notifications. Nobody emulates these products.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.service.providers.graph_agenda import GraphAgenda
from tests.service.providers.graph_mailbox import GraphMailbox
from tests.service.providers.vendor_server import Asked, Told, Vendor

PAGE = 2


@dataclass
class GraphServer:
    """Rows by collection; `change` and `remove` are seen by delta links given before."""

    rows: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    log: list[tuple[str, str]] = field(default_factory=list)
    forgotten: int = 0
    subscriptions: dict[str, dict[str, Any]] = field(default_factory=dict)
    base: str = ""
    mailbox: GraphMailbox = field(default_factory=GraphMailbox)
    agenda: GraphAgenda = field(default_factory=GraphAgenda)

    def change(self, collection: str, row: dict[str, Any]) -> None:
        """New, or different."""
        self.rows.setdefault(collection, {})[row["id"]] = row
        self.log.append((collection, row["id"]))

    def remove(self, collection: str, id: str) -> None:
        """Gone."""
        del self.rows[collection][id]
        self.log.append((collection, id))

    def answer(self, asked: Asked) -> Told:
        """As Graph would."""
        if asked.path.startswith("/v1.0/subscriptions"):
            return self._subscription(asked)
        path = asked.path.removeprefix("/v1.0")
        if path == "/me/mailFolders":
            return Told(
                {"value": [{"id": "inbox-id", "displayName": "Inbox"}, {"id": "sent-id", "displayName": "Sent"}]}
            )
        if path == "/me/joinedTeams":
            return Told({"value": [{"id": "t1", "displayName": "Engines"}]})
        if path == "/teams/t1/channels":
            return Told({"value": [{"id": "c1", "displayName": "General"}]})
        if path.endswith("/delta"):
            return self._delta(path.removesuffix("/delta"), asked)
        found = self.mailbox.answer(asked) or self.agenda.answer(asked)
        return found or Told({"error": {"code": "ResourceNotFound"}}, 404)

    def _delta(self, collection: str, asked: Asked) -> Told:
        link = f"{self.base}/v1.0{collection}/delta"
        token = asked.query.get("$deltatoken")
        if token is not None:
            if int(token) < self.forgotten:
                return Told({"error": {"code": "syncStateNotFound"}}, 410 if int(token) % 2 else 400)
            ids = dict.fromkeys(id for of, id in self.log[int(token) :] if of == collection)
            there = self.rows.get(collection, {})
            value = [there.get(id, {"id": id, "@removed": {"reason": "deleted"}}) for id in ids]
            return Told({"value": value, "@odata.deltaLink": f"{link}?$deltatoken={len(self.log)}"})
        offset, position = (int(n) for n in asked.query.get("$skiptoken", f"0-{len(self.log)}").split("-"))
        rows = list(self.rows.get(collection, {}).values())
        content: dict[str, Any] = {"value": rows[offset : offset + PAGE]}
        if offset + PAGE < len(rows):
            content["@odata.nextLink"] = f"{link}?$skiptoken={offset + PAGE}-{position}"
        else:
            content["@odata.deltaLink"] = f"{link}?$deltatoken={position}"
        return Told(content)

    def _subscription(self, asked: Asked) -> Told:
        id = asked.path.removeprefix("/v1.0/subscriptions").strip("/")
        if asked.method == "POST":
            id = f"sub-{len(self.subscriptions)}"
            self.subscriptions[id] = {"id": id, **asked.body}
            return Told(self.subscriptions[id], 201)
        if id not in self.subscriptions:
            return Told({"error": {"code": "ResourceNotFound"}}, 404)
        if asked.method == "DELETE":
            del self.subscriptions[id]
            return Told(status=204, raw=b"")
        self.subscriptions[id] |= asked.body
        return Told(self.subscriptions[id])


def behind(vendor: Vendor) -> GraphServer:
    """A Graph that answers at this vendor's address."""
    server = GraphServer(base=vendor.url, mailbox=GraphMailbox(vendor.url), agenda=GraphAgenda(vendor.url))
    vendor.answer = server.answer
    return server
