"""The events of a Google calendar, one at a time: read, patched, deleted. The emulated Google shows and patches none.

Truth: Google Calendar's API reference. Held against it: a patch merges objects and replaces arrays; `If-Match` with
another etag than the event's is 412; guests are told when `sendUpdates` says so; what was deleted is still there, as
cancelled, and deleting it again is 410.
"""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.service.providers.vendor_server import Asked, Told

_EVENTS = "/calendar/v3/calendars/primary/events/"
OWNER = "owner@example.com"


@dataclass
class GoogleAgenda:
    """Events by id, as Google writes them. `told` are the mails that guests got: (event, what)."""

    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    told: list[tuple[str, str]] = field(default_factory=list)
    meanwhile: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """What somebody else changes after the next reading of an event."""

    def put(self, id: str, start: str, end: str, **more: Any) -> None:
        """An event of the owner's; moments with an offset, or days."""
        kind = "dateTime" if "T" in start else "date"
        row = {
            "id": id,
            "etag": '"1"',
            "status": "confirmed",
            "summary": id,
            "start": {kind: start},
            "end": {kind: end},
        }
        row |= {"organizer": {"email": OWNER, "self": True}, "htmlLink": f"https://calendar.example/{id}"}
        self.events[id] = row | more

    def guests(self, id: str) -> dict[str, str]:
        """Who is invited, and what they answered."""
        return {guest["email"]: guest.get("responseStatus", "needsAction") for guest in self.events[id]["attendees"]}

    def answer(self, asked: Asked) -> Told:
        """As Google would."""
        row = self.events.get(unquote(asked.path.removeprefix(_EVENTS)))
        if row is None:
            return _refused(404, "notFound")
        if asked.method == "GET":
            shown = Told({"id": row["id"], "status": "cancelled"}) if row["status"] == "cancelled" else Told(dict(row))
            self._change_meanwhile(row["id"])
            return shown
        if asked.headers.get("if-match", row["etag"]) != row["etag"]:
            return _refused(412, "conditionNotMet")
        assert asked.query["sendUpdates"] == "all"
        return self._patch(row, asked.body) if asked.method == "PATCH" else self._delete(row)

    def _patch(self, row: dict[str, Any], given: dict[str, Any]) -> Told:
        if row["status"] == "cancelled":
            return _refused(403, "forbiddenForCancelled")
        self.events[row["id"]] = _merged(row, given) | {"etag": f'"{int(row["etag"].strip(chr(34))) + 1}"'}
        self.told.append((row["id"], "changed"))
        return Told(self.events[row["id"]])

    def _delete(self, row: dict[str, Any]) -> Told:
        if row["status"] == "cancelled":
            return _refused(410, "deleted")
        row["status"] = "cancelled"
        self.told.append((row["id"], "cancelled"))
        return Told(status=204, raw=b"")

    def _change_meanwhile(self, id: str) -> None:
        if self.meanwhile and self.meanwhile[0][0] == id:
            _, change = self.meanwhile.pop(0)
            self.events[id] = self.events[id] | change | {"etag": f'"{len(self.meanwhile) + 100}"'}


def _merged(row: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    merged = dict(row)
    for name, value in given.items():
        before = merged.get(name)
        merged[name] = _merged(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return merged


def _refused(status: int, reason: str) -> Told:
    return Told({"error": {"code": status, "errors": [{"reason": reason}]}}, status)
