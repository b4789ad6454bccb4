"""The events behind a `GraphServer`: a calendar view, created, changed, cancelled.

Truth: Microsoft Graph's documentation. Held against it: the view needs a window; times are told in the zone that was
preferred; a second event with the same `transactionId` is the first one; only the organizer cancels; what is cancelled
or deleted leaves the calendar for the deleted items.
"""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.service.providers.graph_mailbox import made_by, refused, selected, with_next_page
from tests.service.providers.vendor_server import Asked, Told

_EXPAND = re.compile(r"^singleValueExtendedProperties\(\$filter=id eq '(.+)'\)$")
_HIDDEN = "singleValueExtendedProperties"


@dataclass
class GraphAgenda:
    """Events by id, as Graph writes them. `told` are the mails that guests got: (event, what)."""

    base: str = ""
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    deleted: dict[str, dict[str, Any]] = field(default_factory=dict)
    told: list[tuple[str, str]] = field(default_factory=list)
    finds_deleted: bool = False
    """Whether an immutable id finds what lies in the deleted items; Microsoft does not say."""

    def put(self, id: str, start: str, end: str, **more: Any) -> None:
        """An event; moments in UTC such as 2026-11-24T10:00:00."""
        row = {"id": id, "subject": id, "isAllDay": False, "isCancelled": False, "isOrganizer": True, "showAs": "busy"}
        row |= {name: {"dateTime": f"{at}.0000000", "timeZone": "UTC"} for name, at in (("start", start), ("end", end))}
        self.events[id] = row | {"attendees": [], "webLink": f"https://outlook.example/{id}"} | more

    def answer(self, asked: Asked) -> Told | None:
        """None for what is no event's business."""
        path = asked.path.removeprefix("/v1.0")
        if path == "/me/calendarView":
            return self._view(asked)
        if path == "/me/events":
            return self._create(asked.body) if asked.method == "POST" else self._found(asked)
        if found := re.fullmatch(r"/me/events/([^/]+)(/cancel)?", path):
            return self._one(unquote(found[1]), bool(found[2]), asked)
        return None

    def _view(self, asked: Asked) -> Told:
        assert 'outlook.timezone="UTC"' in asked.headers["prefer"]
        start, end = (asked.query[name].removesuffix("Z") for name in ("startDateTime", "endDateTime"))
        rows = [row for row in self.events.values() if _at(row, "end") > start and _at(row, "start") < end]
        rows.sort(key=lambda row: _at(row, "start"))
        return with_next_page(rows, f"{self.base}/v1.0/me/calendarView", asked)

    def _create(self, given: dict[str, Any]) -> Told:
        same = [row for row in self.events.values() if row.get("transactionId") == given["transactionId"]]
        if not same:
            id = f"AAMkEV{len(self.events) + len(self.deleted)}="
            times = [given[name]["dateTime"] for name in _TIMES]
            self.put(id, *times, **{name: value for name, value in given.items() if name not in _TIMES})
            self._tell(self.events[id], "invited")
            same = [self.events[id]]
        return Told(_shown(same[0]), 201)

    def _found(self, asked: Asked) -> Told:
        rows = made_by(list(self.events.values()), asked.query["$filter"])
        return Told({"value": [selected(_shown(row), asked) for row in rows]})

    def _one(self, id: str, cancels: bool, asked: Asked) -> Told:
        row = self.events.get(id) or (self.deleted.get(id) if self.finds_deleted else None)
        if row is None:
            return refused("ErrorItemNotFound", 404)
        if asked.method == "GET":
            shown = selected(_shown(row), asked)
            if expanded := _EXPAND.match(asked.query.get("$expand", "")):
                shown |= {_HIDDEN: [each for each in row.get(_HIDDEN, ()) if each["id"] == expanded[1]]}
            return Told(shown)
        if asked.method == "PATCH":
            row |= asked.body
            self._tell(row, "updated")
            return Told(_shown(row))
        if cancels and not row["isOrganizer"]:
            return refused("ErrorInvalidRequest")
        if cancels:
            self._tell(row, f"cancelled: {asked.body.get('comment', '')}")
        self.deleted[id] = self.events.pop(id, row)
        return Told(status=202 if cancels else 204, raw=b"")

    def _tell(self, row: dict[str, Any], what: str) -> None:
        if row["attendees"]:
            self.told.append((row["id"], what))


_TIMES = ("start", "end")


def _at(row: dict[str, Any], edge: str) -> str:
    at: str = row[edge]["dateTime"]
    return at[:19]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != _HIDDEN}
