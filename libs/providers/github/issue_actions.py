"""Opening an issue and commenting on one, and finding out whether that was done.

A new comment and a new issue carry a mark (`libs.providers.github.marks`). Lists of a repository are read from GitHub's
database and show what was just written; its search does not, and is not used here.
Source: GitHub's REST reference, "Issues" and "Issue comments": `since` goes by the moment of the last update.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from libs.providers.answers import reading, record, records
from libs.providers.errors import ProviderUnavailable
from libs.providers.github.issues import Issue, moment, path_of, read_issue
from libs.providers.github.marks import is_marked, marked
from libs.providers.rest import Access, RestApi
from libs.providers.wire import DEFAULT_TIMEOUT_S

PAGE_SIZE = 100
MAX_PAGES = 10
CLOCKS_DIFFER = timedelta(minutes=5)
"""How far GitHub's clock may be from the one that noted when something was asked for."""


@dataclass(frozen=True, slots=True)
class WrittenComment:
    """A comment of ours at GitHub."""

    repository: str
    number: int
    link: str


class GitHubIssueActions:
    """For any user whose token is given. `execution_id` makes a mark of at most 64 letters, digits and underscores."""

    def __init__(self, api: RestApi) -> None:
        self._api = api

    async def comment(
        self,
        token: str,
        repository: str,
        number: int,
        body: str,
        execution_id: str,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> WrittenComment:
        """Raises EntityNotFound when there is no such issue or pull request."""
        answer = await self._api.send(
            "POST",
            "/repos/{owner}/{name}/issues/{number}/comments",
            Access(token, ""),
            path={**path_of(repository), "number": str(number)},
            json={"body": marked(body, execution_id)},
            timeout_s=timeout_s,
        )
        return _written(repository, number, answer.content)

    async def find_comment(
        self,
        token: str,
        repository: str,
        number: int,
        execution_id: str,
        asked_at: datetime,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> WrittenComment | None:
        """The comment that `comment` wrote for this execution after `asked_at`. Raises ProviderUnavailable when there
        are too many to tell."""
        route, path = "/repos/{owner}/{name}/issues/{number}/comments", {**path_of(repository), "number": str(number)}
        since = {"since": _since(asked_at)}
        async for row in self._rows(token, route, path, since, timeout_s):
            if is_marked(row.get("body"), execution_id):
                return _written(repository, number, row)
        return None

    async def open_issue(
        self,
        token: str,
        repository: str,
        title: str,
        body: str,
        labels: tuple[str, ...],
        execution_id: str,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> Issue:
        """Labels that the repository does not know are left out by GitHub if the user may not make them."""
        given = {"title": title, "body": marked(body, execution_id), "labels": list(labels)}
        answer = await self._api.send(
            "POST",
            "/repos/{owner}/{name}/issues",
            Access(token, ""),
            path=path_of(repository),
            json=given,
            timeout_s=timeout_s,
        )
        return read_issue(repository, answer.content)

    async def find_issue(
        self,
        token: str,
        repository: str,
        execution_id: str,
        asked_at: datetime,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> Issue | None:
        """The issue that `open_issue` made for this execution, in whatever state it is by now."""
        order = {"state": "all", "sort": "created", "direction": "desc", "since": _since(asked_at)}
        async for row in self._rows(token, "/repos/{owner}/{name}/issues", path_of(repository), order, timeout_s):
            if is_marked(row.get("body"), execution_id):
                return read_issue(repository, row)
            with reading("GitHub"):
                is_older = moment(row["created_at"]) < asked_at - CLOCKS_DIFFER
            if is_older:
                return None
        return None

    async def _rows(
        self, token: str, route: str, path: dict[str, str], parameters: dict[str, str], timeout_s: float
    ) -> AsyncIterator[dict[str, Any]]:
        for page in range(1, MAX_PAGES + 1):
            given = {**parameters, "per_page": str(PAGE_SIZE), "page": str(page)}
            answer = await self._api.send("GET", route, Access(token, ""), path=path, params=given, timeout_s=timeout_s)
            rows = records("GitHub", answer.content)
            for row in rows:
                yield row
            if len(rows) < PAGE_SIZE:
                return
        raise ProviderUnavailable("GitHub has more new entries than can be looked through.")


def _written(repository: str, number: int, row: object) -> WrittenComment:
    return WrittenComment(repository, number, str(record("GitHub", row).get("html_url", "")))


def _since(asked_at: datetime) -> str:
    return (asked_at - CLOCKS_DIFFER).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
