"""Adding to a page and creating one, and finding out whether that was done.

Both are one request each, that is carried out wholly or not at all, and end in a line with a reference (see
`libs.providers.notion.blocks`); it is looked for in the page, not by Notion's search, which learns of it later.

Sources: Notion's documentation, "Append block children", "Create a page" and "Working with markdown content" (a page
from `markdown`), "Retrieve block children", "Query a data source".
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from libs.providers.answers import reading
from libs.providers.errors import ProviderUnavailable
from libs.providers.notion.blocks import blocks_of, plain_text, reference
from libs.providers.notion.pages import NotionPage, read_page, rows_of
from libs.providers.rest import Access, RestApi
from libs.providers.wire import DEFAULT_TIMEOUT_S

PAGE_SIZE = 100
MAX_PAGES = 20
CLOCKS_DIFFER = timedelta(minutes=5)
"""How far Notion's clock, which counts in minutes, may be from the one that noted when something was asked for."""


@dataclass(frozen=True, slots=True)
class NewPage:
    """What to create, below a page or in a database (its data source)."""

    parent: str
    is_in_database: bool
    title: str
    markdown: str
    execution_id: str


class NotionPageActions:
    """For any user whose token is given."""

    def __init__(self, api: RestApi) -> None:
        self._api = api

    async def append(
        self, token: str, page_id: str, text: str, execution_id: str, *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> None:
        """At the end of the page. Raises EntityNotFound; ValueError for a text of too many lines."""
        body = {"children": blocks_of(text, execution_id)}
        route, path = "/v1/blocks/{id}/children", {"id": page_id}
        await self._api.send("PATCH", route, Access(token, ""), path=path, json=body, timeout_s=timeout_s)

    async def has_appended(
        self, token: str, page_id: str, execution_id: str, *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> bool:
        """Whether `append` did it for this execution. Raises ProviderUnavailable when the page is too long to tell."""
        wanted = reference(execution_id)
        async for block in self._children(token, page_id, timeout_s):
            with reading("Notion"):
                text = plain_text(block)
            if text == wanted:
                return True
        return False

    async def create(self, token: str, page: NewPage, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> NotionPage:
        """Raises EntityNotFound when the parent is not there, or not shared with us."""
        access = Access(token, "")
        name, parent = "title", {"page_id": page.parent}
        if page.is_in_database:
            name = await self._title_property(token, page.parent, timeout_s)
            parent = {"type": "data_source_id", "data_source_id": page.parent}
        body = {
            "parent": parent,
            "properties": {name: {"title": [{"text": {"content": page.title}}]}},
            "markdown": f"{page.markdown}\n\n{reference(page.execution_id)}".lstrip(),
        }
        answer = await self._api.send("POST", "/v1/pages", access, json=body, timeout_s=timeout_s)
        return read_page(answer.content)

    async def find_created(
        self, token: str, page: NewPage, asked_at: datetime, *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> NotionPage | None:
        """The page that `create` made for this execution after `asked_at`."""
        since = asked_at - CLOCKS_DIFFER
        candidates = self._rows_since(token, page.parent, since, timeout_s)
        if not page.is_in_database:
            candidates = self._pages_below(token, page.parent, since, timeout_s)
        async for id, title in candidates:
            if title == page.title and await self.has_appended(token, id, page.execution_id, timeout_s=timeout_s):
                path = {"id": id}
                answer = await self._api.send(
                    "GET", "/v1/pages/{id}", Access(token, ""), path=path, timeout_s=timeout_s
                )
                return read_page(answer.content)
        return None

    async def _title_property(self, token: str, data_source: str, timeout_s: float) -> str:
        """Every data source has one property of this type, under a name of its owner's choice."""
        path = {"id": data_source}
        answer = await self._api.send("GET", "/v1/data_sources/{id}", Access(token, ""), path=path, timeout_s=timeout_s)
        with reading("Notion"):
            properties: dict[str, dict[str, Any]] = answer.content["properties"]
            return [name for name, each in properties.items() if each.get("type") == "title"][0]  # noqa: RUF015

    async def _pages_below(
        self, token: str, parent: str, since: datetime, timeout_s: float
    ) -> AsyncIterator[tuple[str, str]]:
        async for block in self._children(token, parent, timeout_s):
            with reading("Notion"):
                is_new = block.get("type") == "child_page" and _created(block) >= since
                page = (str(block.get("id")), str((block.get("child_page") or {}).get("title", ""))) if is_new else None
            if page is not None:
                yield page

    async def _rows_since(
        self, token: str, data_source: str, since: datetime, timeout_s: float
    ) -> AsyncIterator[tuple[str, str]]:
        text = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = {
            "filter": {"timestamp": "created_time", "created_time": {"on_or_after": text}},
            "page_size": PAGE_SIZE,
        }
        route, path = "/v1/data_sources/{id}/query", {"id": data_source}
        answer = await self._api.send("POST", route, Access(token, ""), path=path, json=body, timeout_s=timeout_s)
        for row in rows_of(answer.content):
            page = read_page(row)
            yield page.id, page.title
        if answer.content.get("has_more"):
            raise ProviderUnavailable("Notion has more new pages than can be looked through.")

    async def _children(self, token: str, block_id: str, timeout_s: float) -> AsyncIterator[dict[str, Any]]:
        given = {"page_size": str(PAGE_SIZE)}
        for _ in range(MAX_PAGES):
            answer = await self._api.send(
                "GET",
                "/v1/blocks/{id}/children",
                Access(token, ""),
                path={"id": block_id},
                params=given,
                timeout_s=timeout_s,
            )
            for row in rows_of(answer.content):
                yield row
            if not answer.content.get("has_more"):
                return
            given = {"page_size": str(PAGE_SIZE), "start_cursor": str(answer.content.get("next_cursor"))}
        raise ProviderUnavailable("The page is longer than can be looked through.")


def _created(block: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(str(block["created_time"])).astimezone(UTC)
