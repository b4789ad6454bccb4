"""Notion through its tools: requests conform to the vendor's description, the answers are ours in its documented shape.

Nobody emulates Notion. Where the description is not at hand, these tests are skipped.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from contracts.tool import ExecutionStatus
from services.tool.deps import ToolDeps
from tests.conftest import Platform
from tests.service.providers.notion_server import NotionServer
from tests.service.providers.vendor_server import Told, Vendor, vendor
from tests.service.tool.front import Fault, Front
from tests.service.tool.lost_answers import lost_answers, with_a_forgotten_result, with_a_lost_answer
from tests.service.tool.world import World, running_tool, unique

UNKNOWN = "0193b0f1-a8c0-7d3e-9f00-112233445566"
APPEND = "PATCH /v1/blocks/"
CREATE = "POST /v1/pages HTTP"


@dataclass
class Provider:
    """The server of this module."""

    vendor: Vendor
    server: NotionServer


@pytest.fixture(scope="module")
async def provider() -> AsyncIterator[Provider]:
    server = NotionServer.after_description()
    async with vendor(lambda asked: Told({}, 404)) as running:
        yield Provider(running, server)


@pytest.fixture(scope="module")
async def google(provider: Provider) -> str:
    """In these tests the provider behind the front is Notion."""
    return provider.vendor.url


@pytest.fixture(scope="module")
async def tool(platform: Platform, front: Front) -> AsyncIterator[ToolDeps]:
    async with running_tool(platform, front.url, notion_api_url=front.url) as deps:
        yield deps


@pytest.fixture
def notion(world: World, tool: ToolDeps) -> World:
    world.oauth.connected = {"notion"}
    return world


@pytest.fixture
def server(notion: World, provider: Provider) -> NotionServer:
    """With nothing in it."""
    server = NotionServer(provider.server.described)
    provider.vendor.answer, provider.vendor.check = server.answer, server.check
    return server


async def test_pages_and_databases_are_found_by_their_titles(notion: World, server: NotionServer) -> None:
    plan, gone = server.page("Launch plan"), server.page("Launch notes", in_trash=True)
    tasks = server.database("Launch tasks")

    pages = await notion.result("notion_search", query="launch")
    databases = await notion.result("notion_search", query="launch", kind="database")

    assert [(page["id"], page["title"], page["kind"]) for page in pages["found"]] == [(plan, "Launch plan", "page")]
    assert gone not in str(pages)
    assert [(each["id"], each["title"]) for each in databases["found"]] == [(tasks, "Launch tasks")]


async def test_the_limit_says_that_there_are_more(notion: World, server: NotionServer) -> None:
    for n in range(3):
        server.page(f"Page {n}")

    found = await notion.result("notion_search", limit=2)

    assert (len(found["found"]), found["more"]) == (2, True)


async def test_a_page_is_read_without_our_references(notion: World, server: NotionServer) -> None:
    page = server.page("Plan")
    server.say(page, "First of all", "x" * 16_000)
    await notion.done("notion_append", page_id=page.replace("-", ""), text="Ours")
    short = server.page("Short")
    await notion.done("notion_append", page_id=short, text="Ours")

    long_read = await notion.result("notion_read_page", page_id=page)
    short_read = await notion.result("notion_read_page", page_id=short)

    assert (long_read["title"], len(long_read["text"]), long_read["truncated"]) == ("Plan", 16_000, True)
    assert (short_read["text"], short_read["truncated"]) == ("Ours", False)


async def test_what_is_added_stands_at_the_end_as_what_it_is(notion: World, server: NotionServer) -> None:
    page = server.page("Plan")
    server.say(page, "Before")

    text = "# Next\nWe meet.\n\n- bring drawings\n1. begin\n- [ ] book a room\n- [x] invite Tom"
    assert await notion.done("notion_append", page_id=page, text=text) == {"page_id": page}

    said = server.said(page)
    assert said[:-1] == [
        ("paragraph", "Before"),
        ("heading_1", "Next"),
        ("paragraph", "We meet."),
        ("bulleted_list_item", "bring drawings"),
        ("numbered_list_item", "begin"),
        ("to_do", "book a room"),
        ("to_do", "invite Tom"),
    ]
    assert said[-1][1].startswith("Added by Adjutant, ref ")
    assert [block["to_do"]["checked"] for block in server.blocks[page] if block["type"] == "to_do"] == [False, True]


async def test_a_text_longer_than_a_block_takes_is_kept_whole(notion: World, server: NotionServer) -> None:
    page = server.page("Plan")

    await notion.done("notion_append", page_id=page, text="y" * 4000)

    (block, _) = server.blocks[page]
    assert [len(part["text"]["content"]) for part in block["paragraph"]["rich_text"]] == [2000, 2000]
    assert server.said(page)[0] == ("paragraph", "y" * 4000)


async def test_a_page_is_created_below_another(notion: World, server: NotionServer) -> None:
    parent = server.page("Team")

    created = await notion.done("notion_create_page", parent_id=parent, title="Minutes", text="# Who\n- Ada\n- Tom")

    row = server.pages[created["page_id"]]
    assert (row["parent"], created["title"], created["link"]) == (parent, "Minutes", row["url"])
    assert [text for _, text in server.said(created["page_id"])][:-1] == ["# Who", "- Ada", "- Tom"]


async def test_a_page_is_created_in_a_database_under_its_own_name_for_titles(
    notion: World, server: NotionServer
) -> None:
    tasks = server.database("Tasks")

    created = await notion.done("notion_create_page", parent_id=tasks, parent_kind="database", title="Call Tom")

    assert server.pages[created["page_id"]]["parent"] == tasks


@pytest.mark.every_way(sample=2)
@lost_answers()
async def test_a_lost_answer_never_adds_twice(notion: World, server: NotionServer, way: str, did_it: bool) -> None:
    page = server.page("Plan")

    await with_a_lost_answer(notion, APPEND, way, did_it, "notion_append", page_id=page, text="Once only")

    assert [text for _, text in server.said(page)].count("Once only") == 1


@pytest.mark.every_way(sample=2)
@lost_answers()
@pytest.mark.parametrize("kind", ["page", "database"])
async def test_a_lost_answer_never_makes_two_pages(
    notion: World, server: NotionServer, way: str, did_it: bool, kind: str
) -> None:
    parent = server.page("Team") if kind == "page" else server.database("Tasks")
    title = unique("Once")

    created = await with_a_lost_answer(
        notion, CREATE, way, did_it, "notion_create_page", parent_id=parent, parent_kind=kind, title=title, text="Hi"
    )

    assert [row["id"] for row in server.pages.values() if row["parent"] == parent] == [created["page_id"]]


async def test_a_process_that_dies_after_the_fact_leaves_one_addition_and_one_page(
    notion: World, server: NotionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = server.page("Team")

    await with_a_forgotten_result(notion, monkeypatch, "notion_append", page_id=team, text="Once only")
    made = await with_a_forgotten_result(notion, monkeypatch, "notion_create_page", parent_id=team, title="Minutes")

    assert [text for _, text in server.said(team)].count("Once only") == 1
    assert [row["id"] for row in server.pages.values() if row["parent"] == team] == [made["page_id"]]


async def test_what_was_added_is_found_on_a_long_page(notion: World, server: NotionServer) -> None:
    page = server.page("Log")
    server.say(page, *(f"Line {n}" for n in range(250)))

    await with_a_lost_answer(notion, APPEND, "cut", True, "notion_append", page_id=page, text="Once only")

    assert len(server.said(page)) == 252


async def test_on_a_page_too_long_to_look_through_nothing_is_claimed(notion: World, server: NotionServer) -> None:
    page = server.page("Log")
    server.say(page, *("Line" for _ in range(2100)))
    notion.front.faults = [Fault(APPEND, cut=True, after_commit=True)]

    outcome = await notion.execute(notion.asked("notion_append", {"page_id": page, "text": "Once only"}))

    assert outcome.status == ExecutionStatus.UNKNOWN
    assert [text for _, text in server.said(page)].count("Once only") == 1


async def test_a_page_of_the_same_title_by_somebody_else_is_not_taken_for_ours(
    notion: World, server: NotionServer
) -> None:
    parent = server.page("Team")
    theirs = server.page("Minutes", parent)
    notion.front.faults = [Fault(CREATE, status=500)]

    created = await notion.done("notion_create_page", parent_id=parent, title="Minutes")

    assert created["page_id"] != theirs


async def test_a_save_that_collided_is_tried_again(notion: World, server: NotionServer) -> None:
    page = server.page("Plan")
    notion.front.faults = [Fault(APPEND, status=409, headers={"Retry-After": "1"})]

    await notion.done("notion_append", page_id=page, text="Once only")

    assert len(server.said(page)) == 2


@pytest.mark.parametrize(
    ("tool_name", "arguments", "slug"),
    [
        ("notion_append", {"page_id": UNKNOWN, "text": "Hello"}, "provider_entity_not_found"),
        ("notion_append", {"page_id": "my page", "text": "Hello"}, "invalid_arguments"),
        ("notion_append", {"page_id": UNKNOWN, "text": " \n "}, "invalid_arguments"),
        ("notion_append", {"page_id": UNKNOWN, "text": "line\n" * 100}, "invalid_arguments"),
        ("notion_create_page", {"parent_id": UNKNOWN, "title": "Hello"}, "provider_entity_not_found"),
        (
            "notion_create_page",
            {"parent_id": UNKNOWN, "parent_kind": "database", "title": "Hello"},
            "provider_entity_not_found",
        ),
        ("notion_create_page", {"parent_id": UNKNOWN, "title": "two\nlines"}, "invalid_arguments"),
    ],
)
async def test_what_cannot_be_written_fails_with_a_reason(
    notion: World, server: NotionServer, tool_name: str, arguments: dict[str, Any], slug: str
) -> None:
    outcome = await notion.execute(notion.asked(tool_name, arguments))

    assert (outcome.status, outcome.error) == (ExecutionStatus.FAILED, slug)
    assert "Secret" not in str(outcome.detail)


async def test_who_is_asked_reads_the_title_of_the_page_and_of_where_a_new_one_goes(
    notion: World, server: NotionServer
) -> None:
    page, tasks = server.page("Launch\u2066 plan"), server.database("Launch tasks")

    added = await notion.proposed("notion_append", page_id=page, text="More")
    below = await notion.proposed("notion_create_page", parent_id=page, title="Minutes")
    row = await notion.proposed("notion_create_page", parent_id=tasks, parent_kind="database", title="Call Tom")
    gone = await notion.proposed("notion_append", page_id=UNKNOWN, text="More")

    assert added.title == "Add to a Notion page: Launch plan"
    assert below.title == "Create a Notion page in Launch plan: Minutes"
    assert row.title == "Create a Notion page in Launch tasks: Call Tom"
    assert ("In the database", "Launch tasks") in [(field.label, field.value) for field in row.fields]
    assert UNKNOWN in gone.title
