"""GitHub for sync: the list of repositories, and a stream for each with its commits, issues and pull requests.

GitHub has no feed of changes: each stream asks for what was updated `since`, with an overlap, because an update becomes
visible a little after its moment. What was asked for and has not changed costs nothing (ETag, 304). Deletions are found
by the daily fresh listing. Limits: https://docs.github.com/rest, "Rate limits for the REST API".
"""

import json
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from libs.providers.errors import EntityExists, EntityNotFound
from libs.providers.github.api import github_api
from libs.providers.rest import Access, Answer, Pace
from libs.providers.source import Hook, Item, Kind, Page, Stream, Watch

REPOSITORIES = Stream("repositories", "Repositories", tells_deletions=False, lists_everything=True)
PAGE_SIZE = 100
OVERLAP = timedelta(minutes=2)
LISTS_KEPT = 64
"""More than one process reads connections at the same time."""
_EVENTS = ("push", "issues", "pull_request", "repository")


class GitHubSource:
    """`libs.providers.source.Source` and `Watchable`, by hooks in the user's own repositories."""

    provider = "github"

    def __init__(self, http: httpx.AsyncClient, base_url: str, pace: Pace | None = None) -> None:
        self._api = github_api(http, base_url, pace)
        self._listed: OrderedDict[str, list[Page]] = OrderedDict()
        """What `streams` has just read of a connection: its first stream has the same list, and takes it from here."""

    async def streams(self, access: Access) -> tuple[Stream, ...]:
        """The list itself, and every repository the user works in."""
        found, listed = [REPOSITORIES], []
        async for answer in self._listing(access, "/user/repos", {"sort": "pushed"}):
            found += [_stream(row) for row in answer.content]
            listed.append(Page(tuple(_repository(row) for row in answer.content), (), None))
        self._listed[access.connection_id] = listed
        self._listed.move_to_end(access.connection_id)
        if len(self._listed) > LISTS_KEPT:
            self._listed.popitem(last=False)
        return tuple(found)

    async def pages(
        self, access: Access, stream: str, cursor: str | None, since: datetime
    ) -> AsyncGenerator[Page, None]:
        """As the port says."""
        if stream == REPOSITORIES.id:
            if (listed := self._listed.pop(access.connection_id, None)) is not None:
                for page in listed:
                    yield page
                return
            async for answer in self._listing(access, "/user/repos", {"sort": "pushed"}):
                yield Page(tuple(_repository(row) for row in answer.content), (), None)
            return
        repository = stream.removeprefix("repository:")
        at: dict[str, Any] = json.loads(cursor) if cursor else {"since": since.isoformat()}
        began = datetime.now(UTC)
        seen: dict[str, str] = {}
        for part, read in _PARTS.items():
            async for page in self._part(access, repository, part, read, at, seen):
                yield page
        # Nothing new: the same question next time, which then costs nothing.
        is_same = not at.get("news", False)
        etags = {**at.get("etags", {}), **seen} if is_same else {}
        yield Page(
            (), (), json.dumps({"since": at["since"] if is_same else (began - OVERLAP).isoformat(), "etags": etags})
        )

    async def watch(self, access: Access, stream: str, hook: Hook) -> Watch:
        """A webhook of the repository; needs the right to administrate it."""
        if stream == REPOSITORIES.id:
            return Watch("", None)
        config = {"url": hook.address, "content_type": "json", "secret": hook.secret, "insecure_ssl": "0"}
        body = {"name": "web", "active": True, "events": list(_EVENTS), "config": config}
        path = _path(stream)
        answer = await self._api.send("POST", "/repos/{owner}/{name}/hooks", access, path=path, json=body)
        return Watch(str(answer.content["id"]), None, stream)

    async def renew(self, access: Access, watch: Watch, hook: Hook) -> Watch | None:
        """Nothing to do: it lasts."""
        return watch

    async def unwatch(self, access: Access, watch: Watch) -> None:
        """Delete the webhook."""
        if not watch.remote_id:
            return
        path = {**_path(watch.resource), "hook": watch.remote_id}
        try:
            await self._api.send("DELETE", "/repos/{owner}/{name}/hooks/{hook}", access, path=path)
        except EntityNotFound:
            return

    async def _part(
        self,
        access: Access,
        repository: str,
        part: str,
        read: "Callable[[str, dict[str, Any]], Item]",
        at: dict[str, Any],
        seen: dict[str, str],
    ) -> AsyncGenerator[Page, None]:
        """What changed in one part, newest first: the first page's entity tag then tells whether anything is new.

        The tags go to `seen`, not into the page's cursor: a listing that was cut after its first page would otherwise
        be told that nothing has changed, and never see the others.
        """
        if part in at.get("done", ()):
            return
        etags: dict[str, str] = at.get("etags", {})
        parameters = {"since": at["since"], **_PARAMETERS[part]}
        is_first = True
        route = f"/repos/{{owner}}/{{name}}/{part}"
        try:
            async for answer in self._listing(access, route, parameters, repository, etags.get(part)):
                if answer.is_unchanged:
                    break
                if is_first and answer.etag:
                    seen[part] = answer.etag
                is_first = False
                at["news"] = at.get("news", False) or bool(answer.content)
                yield Page(tuple(read(repository, row) for row in answer.content), (), json.dumps(at))
        except EntityExists:
            pass  # 409: a repository without any commit
        at["done"] = [*at.get("done", ()), part]

    async def _listing(
        self,
        access: Access,
        route: str,
        parameters: dict[str, str],
        repository: str | None = None,
        etag: str | None = None,
    ) -> AsyncGenerator[Answer, None]:
        """All pages, following the addresses that GitHub gives."""
        path = _path(f"repository:{repository}") if repository else None
        given = {"per_page": PAGE_SIZE, **parameters}
        answer = await self._api.send("GET", route, access, path=path, params=given, etag=etag)
        yield answer
        while following := httpx.Response(200, headers=answer.headers).links.get("next"):
            answer = await self._api.send("GET", following["url"], access)
            yield answer


def _path(stream: str) -> dict[str, str]:
    owner, _, name = stream.removeprefix("repository:").partition("/")
    return {"owner": owner, "name": name}


def _stream(row: dict[str, Any]) -> Stream:
    return Stream(f"repository:{row['full_name']}"[:200], str(row["full_name"])[:300], tells_deletions=False)


def _repository(row: dict[str, Any]) -> Item:
    return Item(
        external_id=f"repository:{row['id']}",
        kind=Kind.REPOSITORY,
        at=_moment(row.get("pushed_at") or row.get("created_at")),
        title=_line(row["full_name"]),
        version=str(row.get("updated_at") or ""),
        url=row.get("html_url"),
        metadata={"private": bool(row.get("private"))},
    )


def _commit(repository: str, row: dict[str, Any]) -> Item:
    commit = row["commit"]
    author = row.get("author") or {}
    return Item(
        external_id=f"commit:{repository}:{row['sha']}",
        kind=Kind.COMMIT,
        at=_moment((commit.get("author") or {}).get("date")),
        title=_line(str(commit.get("message", "")).split("\n", 1)[0]),
        url=row.get("html_url"),
        actor=author.get("login") or (commit.get("author") or {}).get("name"),
        metadata={"repository": repository},
    )


def _issue(repository: str, row: dict[str, Any]) -> Item:
    is_pull_request = "pull_request" in row
    return Item(
        external_id=f"issue:{repository}:{row['number']}",
        kind=Kind.PULL_REQUEST if is_pull_request else Kind.ISSUE,
        at=_moment(row.get("created_at")),
        title=_line(row.get("title", "")),
        version=str(row.get("updated_at") or ""),
        url=row.get("html_url"),
        actor=(row.get("user") or {}).get("login"),
        people=len(row.get("assignees") or ()),
        metadata={"repository": repository, "number": int(row["number"]), "state": str(row.get("state", ""))},
    )


_PARTS: dict[str, Callable[[str, dict[str, Any]], Item]] = {"issues": _issue, "commits": _commit}
"""GitHub lists pull requests among the issues, with `since`; on their own they have none."""
_PARAMETERS: dict[str, dict[str, str]] = {
    "issues": {"state": "all", "sort": "updated", "direction": "desc"},
    "commits": {},
}


def _line(text: object) -> str:
    return "".join(character for character in str(text) if character.isprintable())[:300]


def _moment(text: str | None) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC) if text else datetime.fromtimestamp(0, UTC)
