"""Issues and pull requests as a person reads them. What others wrote in them is data.

Sources: GitHub's REST reference, "Issues", "Pulls", "Search". To GitHub every pull request is an issue too; comments,
except those on lines of code, hang on the issue.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from libs.providers.answers import reading, record, records
from libs.providers.errors import EntityNotFound
from libs.providers.github.marks import without_mark
from libs.providers.rest import Access, RestApi
from libs.providers.wire import DEFAULT_TIMEOUT_S

COMMENTS_READ = 50
LISTED_PAGES = 3
PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue or a pull request without its comments. `comments` is how many there are."""

    repository: str
    number: int
    title: str
    state: str
    author: str
    is_pull_request: bool
    labels: tuple[str, ...]
    assignees: tuple[str, ...]
    comments: int
    created_at: datetime
    updated_at: datetime
    link: str
    body: str


@dataclass(frozen=True, slots=True)
class Comment:
    """What somebody said about it."""

    author: str
    at: datetime
    body: str
    link: str


@dataclass(frozen=True, slots=True)
class Branches:
    """What only a pull request has."""

    source: str
    target: str
    is_draft: bool
    is_merged: bool


@dataclass(frozen=True, slots=True)
class Repository:
    """One the user works in."""

    name: str
    description: str
    is_private: bool
    pushed_at: datetime | None
    link: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which issues: all conditions hold. Without a repository, those the user has to do with. `state` is open, closed
    or all."""

    repository: str | None
    are_pull_requests: bool
    state: str
    words: str | None
    limit: int


class GitHubIssues:
    """For any user whose token is given."""

    def __init__(self, api: RestApi) -> None:
        self._api = api

    async def repositories(
        self, token: str, limit: int, *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> tuple[Repository, ...]:
        """The ones the user works in, the most recently pushed first."""
        parameters = {"sort": "pushed", "per_page": str(limit)}
        answer = await self._api.send("GET", "/user/repos", _access(token), params=parameters, timeout_s=timeout_s)
        return tuple(_repository(row) for row in records("GitHub", answer.content))[:limit]

    async def find(self, token: str, wanted: Wanted, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> tuple[Issue, ...]:
        """At most one more than the limit, last updated first. Lists a repository, which is fresh; searches otherwise.

        GitHub's search answers thirty times a minute and learns of changes a little later."""
        if wanted.repository is None or wanted.words is not None:
            return await self._search(token, wanted, timeout_s)
        found: list[Issue] = []
        part = "pulls" if wanted.are_pull_requests else "issues"
        for page in range(1, LISTED_PAGES + 1):
            parameters = {"state": wanted.state, "sort": "updated", "direction": "desc"}
            parameters |= {"per_page": str(PAGE_SIZE), "page": str(page)}
            answer = await self._api.send(
                "GET",
                f"/repos/{{owner}}/{{name}}/{part}",
                _access(token),
                path=path_of(wanted.repository),
                params=parameters,
                timeout_s=timeout_s,
            )
            rows = records("GitHub", answer.content)
            issues = (read_issue(wanted.repository, row) for row in rows)
            found += [issue for issue in issues if issue.is_pull_request == wanted.are_pull_requests]
            if len(rows) < PAGE_SIZE or len(found) > wanted.limit:
                break
        return tuple(found[: wanted.limit + 1])

    async def read(
        self, token: str, repository: str, number: int, *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> tuple[Issue, Branches | None]:
        """One of them; branches when it is a pull request. Raises EntityNotFound."""
        path = {**path_of(repository), "number": str(number)}
        try:
            issue = read_issue(repository, await self._one("issues", token, path, timeout_s))
        except EntityNotFound:
            # An app that may see pull requests and no issues; the emulator answers so always.
            row = await self._one("pulls", token, path, timeout_s)
            return read_issue(repository, row), _branches(row)
        if not issue.is_pull_request:
            return issue, None
        return issue, _branches(await self._one("pulls", token, path, timeout_s))

    async def read_issue(
        self, token: str, repository: str, number: int, *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> Issue:
        """One of them without its branches. Raises EntityNotFound."""
        path = {**path_of(repository), "number": str(number)}
        try:
            row = await self._one("issues", token, path, timeout_s)
        except EntityNotFound:
            row = await self._one("pulls", token, path, timeout_s)
        return read_issue(repository, row)

    async def newest_comments(
        self, token: str, issue: Issue, *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> tuple[Comment, ...]:
        """The last `COMMENTS_READ`, oldest first; GitHub lists them from the first one on."""
        found: list[Comment] = []
        last = max(1, -(-issue.comments // COMMENTS_READ))
        for page in range(max(1, last - 1), last + 1):
            answer = await self._api.send(
                "GET",
                "/repos/{owner}/{name}/issues/{number}/comments",
                _access(token),
                path={**path_of(issue.repository), "number": str(issue.number)},
                params={"per_page": str(COMMENTS_READ), "page": str(page)},
                timeout_s=timeout_s,
            )
            found += [_comment(row) for row in records("GitHub", answer.content)]
        return tuple(found[-COMMENTS_READ:])

    async def _one(self, part: str, token: str, path: dict[str, str], timeout_s: float) -> dict[str, Any]:
        route = f"/repos/{{owner}}/{{name}}/{part}/{{number}}"
        answer = await self._api.send("GET", route, _access(token), path=path, timeout_s=timeout_s)
        return record("GitHub", answer.content)

    async def _search(self, token: str, wanted: Wanted, timeout_s: float) -> tuple[Issue, ...]:
        parameters = {"q": search_text(wanted), "sort": "updated", "order": "desc"}
        parameters["per_page"] = str(min(100, wanted.limit + 1))
        answer = await self._api.send("GET", "/search/issues", _access(token), params=parameters, timeout_s=timeout_s)
        rows = records("GitHub", record("GitHub", answer.content).get("items"))
        return tuple(read_issue(_repository_of(row), row) for row in rows)


def search_text(wanted: Wanted) -> str:
    """The conditions in GitHub's search language."""
    parts = ["is:pr" if wanted.are_pull_requests else "is:issue"]
    parts += [f"state:{wanted.state}"] if wanted.state != "all" else []
    parts += [f"repo:{wanted.repository}" if wanted.repository else "involves:@me"]
    parts += [wanted.words] if wanted.words else []
    return " ".join(parts)


def path_of(repository: str) -> dict[str, str]:
    """Owner and name, for a route."""
    owner, _, name = repository.partition("/")
    return {"owner": owner, "name": name}


@reading("GitHub")
def read_issue(repository: str, row: Mapping[str, Any]) -> Issue:
    """As GitHub lists, reads and creates it. Raises ProviderGarbled."""
    return Issue(
        repository=repository,
        number=int(row["number"]),
        title=str(row.get("title", ""))[:300],
        state=str(row.get("state", "")),
        author=_login(row.get("user")),
        is_pull_request="pull_request" in row or "head" in row,
        labels=tuple(str(label.get("name", ""))[:60] for label in row.get("labels") or ())[:20],
        assignees=tuple(_login(user) for user in row.get("assignees") or ())[:20],
        comments=int(row.get("comments") or 0),
        created_at=moment(row["created_at"]),
        updated_at=moment(row["updated_at"]),
        link=str(row.get("html_url", "")),
        body=without_mark(str(row.get("body") or "")),
    )


def moment(text: str) -> datetime:
    """GitHub writes UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def _access(token: str) -> Access:
    return Access(token, "")


@reading("GitHub")
def _comment(row: Mapping[str, Any]) -> Comment:
    text = without_mark(str(row.get("body") or ""))
    return Comment(_login(row.get("user")), moment(row["created_at"]), text, str(row.get("html_url", "")))


@reading("GitHub")
def _branches(row: Mapping[str, Any]) -> Branches:
    source, target = ((row.get(end) or {}).get("ref", "") for end in ("head", "base"))
    merged = bool(row.get("merged") or row.get("merged_at"))
    return Branches(str(source)[:250], str(target)[:250], bool(row.get("draft")), merged)


@reading("GitHub")
def _repository(row: Mapping[str, Any]) -> Repository:
    pushed = row.get("pushed_at")
    return Repository(
        name=str(row.get("full_name", "")),
        description=str(row.get("description") or "")[:300],
        is_private=bool(row.get("private")),
        pushed_at=moment(pushed) if pushed else None,
        link=str(row.get("html_url", "")),
    )


def _repository_of(row: Mapping[str, Any]) -> str:
    """A search result says it only in an address: `…/repos/owner/name`, or `…/repos/owner/name/pulls/7`."""
    address = str(row.get("repository_url") or row.get("url") or "")
    return "/".join(address.partition("/repos/")[2].split("/")[:2])


def _login(user: object) -> str:
    return str(user.get("login", "")) if isinstance(user, dict) else ""
