"""GitHub: finding and reading issues and pull requests. Others wrote most of what they hold."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from contracts.tool import Effect
from libs.providers.github.issues import Comment, Issue, Wanted
from services.tool.arguments import Arguments, Words, bounded
from services.tool.context import Context
from services.tool.registry import Tool

PROVIDER = "github"
BODY_CHARACTERS = 8_000
COMMENT_CHARACTERS = 2_000
COMMENTS_SHOWN = 20
Kind = Literal["issue", "pull_request"]


def _not_dots(text: str) -> str:
    if text.partition("/")[2] in {".", ".."}:
        raise ValueError("must be written as owner/name")
    return text


Repository = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, max_length=140, pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}$"
    ),
    AfterValidator(_not_dots),
]
REPOSITORY = "owner/name, for example octo-org/engine; find it with github_list_repositories"
NUMBER = "The number of the issue or pull request"


class GitHubListRepositories(Arguments):
    """How many."""

    limit: int = bounded(20, 1, 100, "At most so many repositories, the most recently pushed first")


class GitHubFind(Arguments):
    """Which issues or pull requests; all given conditions must hold."""

    kind: Kind = Field(default="issue", description="issue or pull_request")
    repository: Repository | None = Field(
        default=None, description=f"{REPOSITORY}. Without it: those the user is involved in, anywhere"
    )
    state: Literal["open", "closed", "all"] = Field(default="open", description="open, closed or all")
    words: Words | None = Field(default=None, description="Words in title, text or comments")
    limit: int = bounded(10, 1, 50, "At most so many, last updated first")


class GitHubRead(Arguments):
    """Which issue or pull request."""

    repository: Repository = Field(description=REPOSITORY)
    number: int = Field(ge=1, le=10_000_000, description=NUMBER)


class ListedRepository(BaseModel):
    """A repository."""

    name: str
    description: str
    private: bool
    pushed_at: str | None
    link: str


class ListedRepositories(BaseModel):
    """The most recently pushed first."""

    repositories: list[ListedRepository]


class ListedIssue(BaseModel):
    """An issue or a pull request without its text."""

    repository: str
    number: int
    kind: Kind
    title: str
    state: str
    author: str
    labels: list[str]
    assignees: list[str]
    comments: int
    created_at: str
    updated_at: str
    link: str


class FoundIssues(BaseModel):
    """Last updated first; `more` says that the limit left some out."""

    found: list[ListedIssue]
    more: bool


class ReadComment(BaseModel):
    """What somebody said."""

    author: str
    at: str
    text: str


class PullRequestState(BaseModel):
    """What only a pull request has."""

    source: str
    target: str
    draft: bool
    merged: bool


class ReadIssue(ListedIssue):
    """With its text and its newest comments, oldest first; `truncated` when a text or comments were left out."""

    text: str
    newest_comments: list[ReadComment]
    truncated: bool
    pull_request: PullRequestState | None = None


async def github_list_repositories(arguments: GitHubListRepositories, context: Context) -> ListedRepositories:
    """The user's own and those of their organizations."""
    found = await context.access.use(
        PROVIDER, lambda token: context.work.github.repositories(token, arguments.limit, timeout_s=context.timeout_s)
    )
    listed = [
        ListedRepository(
            name=repository.name,
            description=repository.description,
            private=repository.is_private,
            pushed_at=_local(repository.pushed_at, context) if repository.pushed_at else None,
            link=repository.link,
        )
        for repository in found
    ]
    return ListedRepositories(repositories=listed)


async def github_find(arguments: GitHubFind, context: Context) -> FoundIssues:
    """Issues or pull requests, never both: GitHub's search answers for one kind at a time."""
    wanted = Wanted(
        repository=arguments.repository,
        are_pull_requests=arguments.kind == "pull_request",
        state=arguments.state,
        words=arguments.words,
        limit=arguments.limit,
    )
    found = await context.access.use(
        PROVIDER, lambda token: context.work.github.find(token, wanted, timeout_s=context.timeout_s)
    )
    listed = [_listed(issue, context) for issue in found[: arguments.limit]]
    return FoundIssues(found=listed, more=len(found) > arguments.limit)


async def github_read(arguments: GitHubRead, context: Context) -> ReadIssue:
    """One of them, with what was said last."""

    async def read(token: str) -> ReadIssue:
        github = context.work.github
        issue, branches = await github.read(token, arguments.repository, arguments.number, timeout_s=context.timeout_s)
        comments: tuple[Comment, ...] = ()
        if issue.comments:
            comments = await github.newest_comments(token, issue, timeout_s=context.timeout_s)
        shown = comments[-COMMENTS_SHOWN:]
        is_cut = len(issue.body) > BODY_CHARACTERS or issue.comments > len(shown)
        return ReadIssue(
            **_listed(issue, context).model_dump(),
            text=issue.body[:BODY_CHARACTERS],
            newest_comments=[_said(comment, context) for comment in shown],
            truncated=is_cut or any(len(comment.body) > COMMENT_CHARACTERS for comment in shown),
            pull_request=PullRequestState(
                source=branches.source, target=branches.target, draft=branches.is_draft, merged=branches.is_merged
            )
            if branches
            else None,
        )

    return await context.access.use(PROVIDER, read)


def _listed(issue: Issue, context: Context) -> ListedIssue:
    return ListedIssue(
        repository=issue.repository,
        number=issue.number,
        kind="pull_request" if issue.is_pull_request else "issue",
        title=issue.title,
        state=issue.state,
        author=issue.author,
        labels=list(issue.labels),
        assignees=list(issue.assignees),
        comments=issue.comments,
        created_at=_local(issue.created_at, context),
        updated_at=_local(issue.updated_at, context),
        link=issue.link,
    )


def _said(comment: Comment, context: Context) -> ReadComment:
    return ReadComment(author=comment.author, at=_local(comment.at, context), text=comment.body[:COMMENT_CHARACTERS])


def _local(at: datetime, context: Context) -> str:
    return at.astimezone(context.tz).isoformat(timespec="seconds")


GITHUB_TOOLS = (
    Tool(
        name="github_list_repositories",
        description="List the GitHub repositories the user works in, the most recently pushed first.",
        effect=Effect.READ,
        arguments=GitHubListRepositories,
        run=github_list_repositories,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=True,
    ),
    Tool(
        name="github_find",
        description="Find GitHub issues or pull requests: in a repository, or those the user is involved in.",
        effect=Effect.READ,
        arguments=GitHubFind,
        run=github_find,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=True,
    ),
    Tool(
        name="github_read",
        description="Read one GitHub issue or pull request with its newest comments.",
        effect=Effect.READ,
        arguments=GitHubRead,
        run=github_read,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=True,
    ),
)
