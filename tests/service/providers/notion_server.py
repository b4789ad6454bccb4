"""Pages, their blocks and databases, as far as the tools for Notion ask for them.

Truth: every request is held against the vendor's API description, except where that is known to be wrong (said at
`NotionServer.check`); the answers are ours, in the documented shape.
"""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.service.providers.vendor_description import conforms
from tests.service.providers.vendor_server import Asked, Told

PATHS = (
    "/v1/search",
    "/v1/pages",
    "/v1/pages/{page_id}",
    "/v1/pages/{page_id}/markdown",
    "/v1/blocks/{block_id}/children",
    "/v1/data_sources/{data_source_id}",
    "/v1/data_sources/{data_source_id}/query",
)
_ONE = re.compile(r"^/v1/(pages|blocks|data_sources)/([0-9a-f-]{36})(?:/(\w+))?$")


@dataclass
class NotionServer:
    """Pages by id, in the order of their making; `blocks` by the page they are on."""

    described: Callable[[Asked], None]
    pages: dict[str, dict[str, Any]] = field(default_factory=dict)
    databases: dict[str, dict[str, Any]] = field(default_factory=dict)
    blocks: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @classmethod
    def after_description(cls) -> "NotionServer":
        """Skips the test where the vendor's description is not at hand."""
        return cls(conforms("notion.json", PATHS, ""))

    def check(self, asked: Asked) -> None:
        """The description calls a data source's id `database_id`, unlike Notion's reference since 2025-09-03, and knows
        three kinds of block."""
        body = asked.body or {}
        if "data_source_id" in body.get("parent", {}):
            return
        if any(child["type"] not in ("paragraph", "bulleted_list_item") for child in body.get("children", ())):
            return
        self.described(asked)

    def page(self, title: str, parent: str | None = None, **more: Any) -> str:
        """A page that is there."""
        id = str(uuid.uuid4())
        named = {"type": "title", "title": [{"plain_text": title}]}
        now = datetime.now(UTC).replace(second=0, microsecond=0).isoformat().replace("+00:00", "Z")
        row = {"object": "page", "id": id, "created_time": now, "last_edited_time": now, "properties": {"title": named}}
        self.pages[id] = {**row, "url": f"https://notion.example/{id}", "parent": parent, **more}
        self.blocks[id] = []
        if parent in self.blocks:
            child = {"object": "block", "id": id, "type": "child_page", "child_page": {"title": title}}
            self.blocks[parent].append({**child, "created_time": now})
        return id

    def database(self, title: str) -> str:
        """A data source whose title property is called Task."""
        id = str(uuid.uuid4())
        row = {"object": "data_source", "id": id, "title": [{"plain_text": title}], "url": "https://notion.example/d"}
        properties = {"Done": {"type": "checkbox"}, "Task": {"type": "title"}}
        self.databases[id] = {**row, "last_edited_time": "2026-11-20T10:00:00Z", "properties": properties}
        return id

    def say(self, page: str, *texts: str) -> None:
        """Paragraphs at its end."""
        for text in texts:
            self._append(page, {"type": "paragraph", "paragraph": {"rich_text": [{"text": {"content": text}}]}})

    def said(self, page: str) -> list[tuple[str, str]]:
        """Kind and text of each of its blocks."""
        return [(block["type"], _text(block)) for block in self.blocks[page] if block["type"] != "child_page"]

    def answer(self, asked: Asked) -> Told:
        """As Notion would."""
        if asked.path == "/v1/search":
            return self._search(asked.body)
        if asked.path == "/v1/pages":
            return self._create(asked.body)
        found = _ONE.match(asked.path)
        if found is None or not (found[2] in self.pages or found[2] in self.databases):
            return Told({"object": "error", "code": "object_not_found", "message": "Secret title"}, 404)
        match (asked.method, found[1], found[3]):
            case ("GET", "pages", None):
                return Told(self.pages[found[2]])
            case ("GET", "pages", "markdown"):
                assert asked.headers["notion-version"] >= "2026-03-11"
                text = "\n\n".join(_text(block) for block in self.blocks[found[2]])
                return Told({"object": "page_markdown", "markdown": text, "truncated": False})
            case ("GET", "blocks", "children"):
                return _listed(self.blocks[found[2]], asked.query)
            case ("PATCH", "blocks", "children"):
                for block in asked.body["children"]:
                    self._append(found[2], block)
                return Told({"results": asked.body["children"]})
            case ("GET", "data_sources", None):
                return Told(self.databases[found[2]])
            case ("POST", "data_sources", "query"):
                since = asked.body["filter"]["created_time"]["on_or_after"]
                rows = [row for row in self.pages.values() if row["parent"] == found[2]]
                return _listed([row for row in rows if row["created_time"] >= since], asked.body)
        return Told({"object": "error", "code": "invalid_request_url"}, 400)

    def _append(self, page: str, block: dict[str, Any]) -> None:
        now = datetime.now(UTC).isoformat()
        self.blocks[page].append({"object": "block", "id": str(uuid.uuid4()), "created_time": now, **block})

    def _search(self, body: dict[str, Any]) -> Told:
        held = self.pages if body["filter"]["value"] == "page" else self.databases
        rows = [row for row in held.values() if body.get("query", "").lower() in str(row).lower()]
        rows.sort(key=lambda row: str(row["last_edited_time"]), reverse=True)
        return _listed(rows, body)

    def _create(self, body: dict[str, Any]) -> Told:
        parent = body["parent"].get("page_id") or body["parent"]["data_source_id"]
        if parent not in self.pages and parent not in self.databases:
            return Told({"object": "error", "code": "object_not_found"}, 404)
        ((name, value),) = body["properties"].items()
        assert name == ("Task" if parent in self.databases else "title")
        id = self.page(value["title"][0]["text"]["content"], parent)
        self.say(id, *(part for part in body["markdown"].split("\n") if part))
        return Told(self.pages[id])


def _listed(rows: list[dict[str, Any]], given: dict[str, Any]) -> Told:
    start, size = int(given.get("start_cursor", 0)), int(given.get("page_size", 100))
    more = start + size < len(rows)
    content = {"results": rows[start : start + size], "has_more": more}
    return Told({**content, "next_cursor": str(start + size) if more else None})


def _text(block: dict[str, Any]) -> str:
    parts = block.get(block["type"], {}).get("rich_text", ())
    return "".join(part["text"]["content"] for part in parts)
