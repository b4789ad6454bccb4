"""Notion: finding pages and databases, reading a page, adding to one, creating one. Others wrote what is read."""

import uuid
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from contracts.tool import Effect
from libs.providers.notion.blocks import MAX_BLOCKS
from libs.providers.notion.page_actions import NewPage
from libs.providers.notion.pages import NotionPage
from services.tool.arguments import Arguments, Prose, Title, Words, bounded
from services.tool.context import Context
from services.tool.registry import Tool
from services.tool.tools.names import Names, named

PROVIDER = "notion"
Kind = Literal["page", "database"]


def _dashed(text: str) -> str:
    return str(uuid.UUID(text))


def _lines(text: str) -> str:
    lines = [line for line in text.split("\n") if line.strip()]
    if not lines:
        raise ValueError("must not be empty")
    if len(lines) >= MAX_BLOCKS:
        raise ValueError(f"must have fewer than {MAX_BLOCKS} lines")
    return text


PageId = Annotated[
    str,
    StringConstraints(strip_whitespace=True, pattern=r"^[0-9a-fA-F]{8}(-?)(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$"),
    AfterValidator(_dashed),
]
_ID = "The id of a page that notion_search found"
_MARKDOWN = "in Markdown: one line a paragraph, # headings, - lists, - [ ] tasks"


class NotionSearch(Arguments):
    """What to look for."""

    query: Words | None = Field(default=None, description="Words of the title; without them, what was edited last")
    kind: Kind = Field(default="page", description="page or database")
    limit: int = bounded(10, 1, 50, "At most so many, last edited first")


class NotionReadPage(Arguments):
    """Which page."""

    page_id: PageId = Field(description=_ID)


class NotionAppend(Arguments):
    """What to add, and where."""

    page_id: PageId = Field(description=_ID)
    text: Annotated[Prose, AfterValidator(_lines)] = Field(description=f"What to add at the end, {_MARKDOWN}")


class NotionCreatePage(Arguments):
    """The page to create."""

    parent_id: PageId = Field(description="The id of the page or database that it goes into, from notion_search")
    parent_kind: Kind = Field(default="page", description="Which of the two the parent is: page or database")
    title: Title = Field(description="The page's title")
    text: Prose | None = Field(default=None, description=f"What it says, {_MARKDOWN}")


class FoundPage(BaseModel):
    """A page or a database."""

    id: str
    title: str
    kind: Kind
    edited_at: str
    link: str


class FoundPages(BaseModel):
    """Last edited first; `more` says that the limit left some out."""

    found: list[FoundPage]
    more: bool


class ReadPage(FoundPage):
    """With its text in Markdown; `truncated` when there is more than is here."""

    text: str
    truncated: bool


class AppendedTo(BaseModel):
    """Where something was added."""

    page_id: str


class CreatedPage(BaseModel):
    """The page as it stands."""

    page_id: str
    title: str
    link: str


async def notion_search(arguments: NotionSearch, context: Context) -> FoundPages:
    """By title: what is said in pages is not searched."""
    found, more = await context.access.use(
        PROVIDER,
        lambda token: context.work.notion.find(
            token,
            arguments.query,
            arguments.kind == "database",
            arguments.limit,
            timeout_s=context.timeout_s,
        ),
    )
    return FoundPages(found=[_found(page, context) for page in found], more=more)


async def notion_read_page(arguments: NotionReadPage, context: Context) -> ReadPage:
    """One page in full."""
    read = await context.access.use(
        PROVIDER, lambda token: context.work.notion.read(token, arguments.page_id, timeout_s=context.timeout_s)
    )
    return ReadPage(**_found(read.page, context).model_dump(), text=read.markdown, truncated=read.is_truncated)


async def notion_append(arguments: NotionAppend, context: Context) -> AppendedTo:
    """Add it; once per execution id."""
    await context.access.use(
        PROVIDER,
        lambda token: context.work.notion_actions.append(
            token, arguments.page_id, arguments.text, context.effect_id, timeout_s=context.timeout_s
        ),
    )
    return AppendedTo(page_id=arguments.page_id)


async def find_notion_addition(arguments: NotionAppend, context: Context) -> AppendedTo | None:
    """What `notion_append` achieved earlier under this execution id: the page has the line with its reference."""
    has_it = await context.access.use(
        PROVIDER,
        lambda token: context.work.notion_actions.has_appended(
            token, arguments.page_id, context.effect_id, timeout_s=context.timeout_s
        ),
    )
    return AppendedTo(page_id=arguments.page_id) if has_it else None


async def notion_create_page(arguments: NotionCreatePage, context: Context) -> CreatedPage:
    """Create it; once per execution id."""
    page = _new(arguments, context)
    created = await context.access.use(
        PROVIDER, lambda token: context.work.notion_actions.create(token, page, timeout_s=context.timeout_s)
    )
    return _created(created, arguments)


async def find_notion_page(arguments: NotionCreatePage, context: Context) -> CreatedPage | None:
    """What `notion_create_page` achieved earlier under this execution id: a page with its reference at the end."""
    page = _new(arguments, context)
    found = await context.access.use(
        PROVIDER,
        lambda token: context.work.notion_actions.find_created(
            token, page, context.begun_at, timeout_s=context.timeout_s
        ),
    )
    return _created(found, arguments) if found else None


async def shown_page(arguments: NotionAppend, context: Context) -> Names:
    """Which page it is."""
    page = await context.access.use(
        PROVIDER, lambda token: context.work.notion.named(token, arguments.page_id, timeout_s=context.timeout_s)
    )
    return (named("Page", page.title),)


async def shown_parent(arguments: NotionCreatePage, context: Context) -> Names:
    """What the page goes into."""
    is_database = arguments.parent_kind == "database"
    parent = await context.access.use(
        PROVIDER,
        lambda token: context.work.notion.named(
            token, arguments.parent_id, is_database=is_database, timeout_s=context.timeout_s
        ),
    )
    return (named("In the database" if is_database else "Below the page", parent.title),)


def _new(arguments: NotionCreatePage, context: Context) -> NewPage:
    return NewPage(
        parent=arguments.parent_id,
        is_in_database=arguments.parent_kind == "database",
        title=arguments.title,
        markdown=arguments.text or "",
        execution_id=context.effect_id,
    )


def _found(page: NotionPage, context: Context) -> FoundPage:
    return FoundPage(
        id=page.id,
        title=page.title,
        kind="database" if page.is_database else "page",
        edited_at=page.edited_at.astimezone(context.tz).isoformat(timespec="seconds"),
        link=page.link,
    )


def _created(page: NotionPage, arguments: NotionCreatePage) -> CreatedPage:
    return CreatedPage(page_id=page.id, title=arguments.title, link=page.link)


NOTION_TOOLS = (
    Tool(
        name="notion_search",
        description="Find Notion pages or databases by words of their titles, last edited first.",
        effect=Effect.READ,
        arguments=NotionSearch,
        run=notion_search,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=True,
    ),
    Tool(
        name="notion_read_page",
        description="Read one Notion page as Markdown.",
        effect=Effect.READ,
        arguments=NotionReadPage,
        run=notion_read_page,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=True,
    ),
    Tool(
        name="notion_append",
        description="Add text at the end of a Notion page.",
        effect=Effect.WRITE,
        arguments=NotionAppend,
        run=notion_append,
        look_up=find_notion_addition,
        shown=shown_page,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=False,
    ),
    Tool(
        name="notion_create_page",
        description="Create a Notion page below another page, or in a database.",
        effect=Effect.WRITE,
        arguments=NotionCreatePage,
        run=notion_create_page,
        look_up=find_notion_page,
        shown=shown_parent,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=False,
    ),
)
