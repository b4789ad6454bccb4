"""The pages and databases that a user has shared with us: found by their titles, read as Markdown.

Sources: the vendor's API description (2025-09-03; reading as Markdown 2026-03-11) and its documentation. A database
holds data sources; a new page goes into one of these.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from libs.providers.answers import reading, record, records
from libs.providers.notion.api import MARKDOWN_VERSION
from libs.providers.notion.blocks import without_references
from libs.providers.notion.titles import title_of
from libs.providers.rest import Access, RestApi
from libs.providers.wire import DEFAULT_TIMEOUT_S

TEXT_CHARACTERS = 16_000


@dataclass(frozen=True, slots=True)
class NotionPage:
    """A page, or a database (Notion: a data source) that pages can be put into."""

    id: str
    title: str
    is_database: bool
    edited_at: datetime
    link: str


@dataclass(frozen=True, slots=True)
class NotionText:
    """A page and what it says, cut after `TEXT_CHARACTERS`."""

    page: NotionPage
    markdown: str
    is_truncated: bool


class NotionPages:
    """For any user whose token is given."""

    def __init__(self, api: RestApi) -> None:
        self._api = api

    async def find(
        self,
        token: str,
        words: str | None,
        are_databases: bool,
        limit: int,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> tuple[tuple[NotionPage, ...], bool]:
        """By words of the title, last edited first; whether there are more. Notion learns of new pages a little
        later."""
        body: dict[str, Any] = {
            "filter": {"property": "object", "value": "data_source" if are_databases else "page"},
            "sort": {"timestamp": "last_edited_time", "direction": "descending"},
            "page_size": limit,
        }
        body |= {"query": words} if words else {}
        answer = await self._api.send("POST", "/v1/search", Access(token, ""), json=body, timeout_s=timeout_s)
        rows = rows_of(answer.content)
        return tuple(read_page(row) for row in rows if not is_in_bin(row)), bool(answer.content.get("has_more"))

    async def named(
        self, token: str, id: str, *, is_database: bool = False, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> NotionPage:
        """A page or a database without what it says. Raises EntityNotFound."""
        route = "/v1/data_sources/{id}" if is_database else "/v1/pages/{id}"
        answer = await self._api.send("GET", route, Access(token, ""), path={"id": id}, timeout_s=timeout_s)
        return read_page(answer.content)

    async def read(self, token: str, page_id: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> NotionText:
        """Raises EntityNotFound, also for a page that is not shared with us."""
        access, path = Access(token, ""), {"id": page_id}
        answer = await self._api.send("GET", "/v1/pages/{id}", access, path=path, timeout_s=timeout_s)
        page = read_page(answer.content)
        headers = {"notion-version": MARKDOWN_VERSION}
        answer = await self._api.send(
            "GET", "/v1/pages/{id}/markdown", access, path=path, headers=headers, timeout_s=timeout_s
        )
        content = record("Notion", answer.content)
        text = without_references(str(content.get("markdown") or ""))
        is_cut = bool(content.get("truncated")) or len(text) > TEXT_CHARACTERS
        return NotionText(page, text[:TEXT_CHARACTERS], is_cut)


@reading("Notion")
def read_page(row: Any) -> NotionPage:
    """As Notion lists, reads and creates it. Raises ProviderGarbled."""
    return NotionPage(
        id=str(row["id"]),
        title=title_of(row),
        is_database=row.get("object") == "data_source",
        edited_at=datetime.fromisoformat(str(row["last_edited_time"])).astimezone(UTC),
        link=str(row.get("url") or ""),
    )


def rows_of(content: object) -> list[dict[str, Any]]:
    """The rows of a list. Raises ProviderGarbled."""
    return records("Notion", record("Notion", content).get("results"))


def is_in_bin(row: dict[str, Any]) -> bool:
    """Deleted, for the time being."""
    return bool(row.get("in_trash") or row.get("archived"))
