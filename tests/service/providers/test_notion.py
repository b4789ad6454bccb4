"""Notion: requests conform to the vendor's description (2025-09-03); the answers are ours, in its documented shape."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from libs.providers.errors import ProviderBusy, TokenRejected
from libs.providers.notion.source import NotionSource
from libs.providers.rest import Access
from tests.service.providers.vendor_description import conforms
from tests.service.providers.vendor_server import Asked, Told, Vendor, gone, items, read, vendor

BEGAN = datetime(2026, 11, 20, 9, tzinfo=UTC)


def a_page(number: int, **more: Any) -> dict[str, Any]:
    """Edited that many minutes after the beginning."""
    title = {"type": "title", "title": [{"plain_text": f"Page {number}"}]}
    edited = (BEGAN + timedelta(minutes=number)).isoformat().replace("+00:00", ".000Z")
    return {"object": "page", "id": f"p{number}", "last_edited_time": edited, "properties": {"Name": title}, **more}


@pytest.fixture
def held() -> list[dict[str, Any]]:
    return [a_page(number) for number in range(0, 250, 2)]


@pytest.fixture
async def notion(held: list[dict[str, Any]]) -> AsyncIterator[Vendor]:
    def search(asked: Asked) -> Told:
        kind = asked.body["filter"]["value"]
        rows = sorted((row for row in held if row["object"] == kind), key=lambda row: row["last_edited_time"])[::-1]
        start, size = int(asked.body.get("start_cursor", "0")), asked.body["page_size"]
        more = start + size < len(rows)
        following = str(start + size) if more else None
        return Told({"results": rows[start : start + size], "has_more": more, "next_cursor": following})

    async with vendor(search) as running:
        running.check = conforms("notion.json", ("/v1/search",), "")
        yield running


@pytest.fixture
async def source(notion: Vendor) -> AsyncIterator[NotionSource]:
    async with httpx.AsyncClient() as http:
        yield NotionSource(http, notion.url)


async def test_everything_since_the_beginning_is_listed_once(notion: Vendor, source: NotionSource) -> None:
    pages = await read(source, "pages")

    assert len(items(pages)) == 125
    assert sum(len(page.items) for page in pages) == 125
    assert items(pages)["p0"].title == "Page 0"
    assert len(notion.asked) == 2


async def test_later_only_what_was_edited_since_is_read_with_two_minutes_overlap(
    notion: Vendor, source: NotionSource, held: list[dict[str, Any]]
) -> None:
    first = await read(source, "pages")
    held.append(a_page(300, in_trash=True))
    held.append(a_page(301))
    notion.asked.clear()
    later = await read(source, "pages", first[-1].cursor)

    assert (set(items(later)), gone(later)) == ({"p301", "p248", "p246"}, {"p300"})
    assert len(notion.asked) == 1


async def test_a_listing_goes_on_in_the_middle_and_forgets_nothing(source: NotionSource) -> None:
    first = await read(source, "pages")
    rest = await read(source, "pages", first[0].cursor)

    assert set(items(first[:1])) | set(items(rest)) == set(items(first))
    assert len(items(rest)) == 25
    assert rest[-1].cursor == first[-1].cursor


async def test_data_sources_are_databases(source: NotionSource, held: list[dict[str, Any]]) -> None:
    held.append({**a_page(7), "object": "data_source", "id": "d1", "title": [{"plain_text": "Tasks"}]})

    assert items(await read(source, "databases"))["d1"].title == "Tasks"


@pytest.mark.parametrize(("status", "headers", "wait_s"), [(429, {"retry-after": "3"}, 3.0), (529, {}, None)])
async def test_both_ways_to_say_slow_down(
    notion: Vendor, source: NotionSource, status: int, headers: dict[str, str], wait_s: float | None
) -> None:
    notion.faults = [Told({}, status, headers)]
    with pytest.raises(ProviderBusy) as busy:
        await read(source, "pages")
    assert busy.value.retry_after_s == wait_s


async def test_a_refused_token_is_told_as_such(source: NotionSource) -> None:
    with pytest.raises(TokenRejected):
        await read(source, "pages", access=Access("bad", "cn_1"))
