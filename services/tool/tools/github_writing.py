"""GitHub: commenting on issues and pull requests, and opening issues, in the user's name."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from contracts.tool import Effect
from libs.providers.github.issue_actions import WrittenComment
from libs.providers.github.issues import Issue
from services.tool.arguments import Arguments, Prose, SomeProse, Title, Words
from services.tool.context import Context
from services.tool.registry import Tool
from services.tool.tools.github import NUMBER, PROVIDER, REPOSITORY, Repository
from services.tool.tools.names import Names, named

Label = Annotated[Words, StringConstraints(max_length=50)]


class GitHubComment(Arguments):
    """What to say, and where."""

    repository: Repository = Field(description=REPOSITORY)
    number: int = Field(ge=1, le=10_000_000, description=NUMBER)
    text: SomeProse = Field(description="The comment, in Markdown; everybody who sees the repository can read it")


class GitHubCreateIssue(Arguments):
    """The issue to open."""

    repository: Repository = Field(description=REPOSITORY)
    title: Title = Field(description="The issue's title")
    text: Prose | None = Field(default=None, description="The issue's text, in Markdown")
    labels: Annotated[tuple[Label, ...], Field(max_length=10)] = Field(
        default=(), description="Names of labels that the repository has"
    )


class PostedComment(BaseModel):
    """Where the comment stands."""

    repository: str
    number: int
    link: str


class OpenedIssue(BaseModel):
    """The issue as it stands."""

    repository: str
    number: int
    title: str
    link: str


async def github_comment(arguments: GitHubComment, context: Context) -> PostedComment:
    """Say it; once per execution id."""
    written = await context.access.use(
        PROVIDER,
        lambda token: context.work.github_actions.comment(
            token,
            arguments.repository,
            arguments.number,
            arguments.text,
            context.effect_id,
            timeout_s=context.timeout_s,
        ),
    )
    return _posted(written)


async def find_github_comment(arguments: GitHubComment, context: Context) -> PostedComment | None:
    """What `github_comment` achieved earlier under this execution id: the comment with its mark."""
    written = await context.access.use(
        PROVIDER,
        lambda token: context.work.github_actions.find_comment(
            token,
            arguments.repository,
            arguments.number,
            context.effect_id,
            context.begun_at,
            timeout_s=context.timeout_s,
        ),
    )
    return _posted(written) if written else None


async def github_create_issue(arguments: GitHubCreateIssue, context: Context) -> OpenedIssue:
    """Open it; once per execution id."""
    issue = await context.access.use(
        PROVIDER,
        lambda token: context.work.github_actions.open_issue(
            token,
            arguments.repository,
            arguments.title,
            arguments.text or "",
            arguments.labels,
            context.effect_id,
            timeout_s=context.timeout_s,
        ),
    )
    return _opened(issue)


async def find_github_issue(arguments: GitHubCreateIssue, context: Context) -> OpenedIssue | None:
    """What `github_create_issue` achieved earlier under this execution id: the issue with its mark."""
    issue = await context.access.use(
        PROVIDER,
        lambda token: context.work.github_actions.find_issue(
            token, arguments.repository, context.effect_id, context.begun_at, timeout_s=context.timeout_s
        ),
    )
    return _opened(issue) if issue else None


async def shown_issue(arguments: GitHubComment, context: Context) -> Names:
    """Which issue or pull request it is."""
    issue = await context.access.use(
        PROVIDER,
        lambda token: context.work.github.read_issue(
            token, arguments.repository, arguments.number, timeout_s=context.timeout_s
        ),
    )
    kind = "Pull request" if issue.is_pull_request else "Issue"
    return (named(kind, f"#{issue.number} {issue.title}"),)


def _posted(written: WrittenComment) -> PostedComment:
    return PostedComment(repository=written.repository, number=written.number, link=written.link)


def _opened(issue: Issue) -> OpenedIssue:
    return OpenedIssue(repository=issue.repository, number=issue.number, title=issue.title, link=issue.link)


GITHUB_WRITING_TOOLS = (
    Tool(
        name="github_comment",
        description="Comment on a GitHub issue or pull request in the user's name.",
        effect=Effect.SEND,
        arguments=GitHubComment,
        run=github_comment,
        look_up=find_github_comment,
        shown=shown_issue,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=False,
    ),
    Tool(
        name="github_create_issue",
        description="Open an issue in a GitHub repository in the user's name.",
        effect=Effect.WRITE,
        arguments=GitHubCreateIssue,
        run=github_create_issue,
        look_up=find_github_issue,
        needs=frozenset({PROVIDER}),
        returns_untrusted_text=False,
    ),
)
