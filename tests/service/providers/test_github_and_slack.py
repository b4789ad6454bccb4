"""GitHub's and Slack's limits, entity tags and refusals, which their emulators do not play: after their documentation.

What the emulators can do is tested through the whole system (`tests/system/test_sync.py`).
"""

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from libs.providers.errors import (
    EntityNotFound,
    PermissionMissing,
    ProviderBusy,
    ProviderGarbled,
    ProviderUnavailable,
    RequestRefused,
    TokenRejected,
)
from libs.providers.github.source import GitHubSource
from libs.providers.slack.source import SlackSource
from tests.service.providers.vendor_server import ACCESS, Asked, Told, Vendor, items, read, vendor

ENGINE = "repository:ada/engine"


def an_issue(number: int, **more: Any) -> dict[str, Any]:
    moments = {"created_at": "2026-11-20T10:00:00Z", "updated_at": f"2026-11-20T10:00:{number:02}Z"}
    return {"number": number, "title": f"Issue {number}", "state": "open", "user": {"login": "ada"}, **moments, **more}


class Hub:
    """One repository: three pages of issues, one commit, an entity tag for each question."""

    def __init__(self) -> None:
        self.issues = [an_issue(1), an_issue(2, pull_request={}), an_issue(3)]
        self.commits: list[dict[str, Any]] | None = [
            {"sha": "abc", "commit": {"message": "First line\nbody", "author": {"date": "2026-11-20T09:00:00Z"}}}
        ]
        self.base = ""

    def answer(self, asked: Asked) -> Told:
        if asked.path.endswith("/issues"):
            page = int(asked.query.get("page", "1"))
            tag = f'"issues-{len(self.issues)}-{asked.query["since"]}"'
            if asked.headers.get("if-none-match") == tag:
                return Told(status=304)
            headers = {"etag": tag}
            if page < len(self.issues):
                query = f"since={asked.query['since'].replace('+', '%2B')}&page={page + 1}"
                headers["link"] = f'<{self.base}/repos/ada/engine/issues?{query}>; rel="next"'
            return Told(self.issues[page - 1 : page], headers=headers)
        if asked.path.endswith("/commits"):
            tag = f'"commits-{asked.query["since"]}"'
            if self.commits is None:
                return Told({"message": "Git Repository is empty."}, 409)
            unchanged = asked.headers.get("if-none-match") == tag
            return Told(status=304) if unchanged else Told(self.commits, headers={"etag": tag})
        return Told({}, 404)


@pytest.fixture
async def served() -> AsyncIterator[Vendor]:
    async with vendor(lambda asked: Told({})) as running:
        yield running


@pytest.fixture
def hub(served: Vendor) -> Hub:
    made = Hub()
    made.base, served.answer = served.url, made.answer
    return made


@pytest.fixture
async def github(served: Vendor) -> AsyncIterator[GitHubSource]:
    async with httpx.AsyncClient() as http:
        yield GitHubSource(http, served.url)


@pytest.fixture
async def slack(served: Vendor) -> AsyncIterator[SlackSource]:
    async with httpx.AsyncClient() as http:
        yield SlackSource(http, f"{served.url}/api")


async def test_a_repository_is_read_over_all_pages(hub: Hub, github: GitHubSource) -> None:
    found = items(await read(github, ENGINE))

    assert {id: item.kind.value for id, item in found.items()} == {
        "issue:ada/engine:1": "issue",
        "issue:ada/engine:2": "pull_request",
        "issue:ada/engine:3": "issue",
        "commit:ada/engine:abc": "commit",
    }
    assert found["commit:ada/engine:abc"].title == "First line"


async def test_what_has_not_changed_is_asked_for_and_not_sent_again(
    hub: Hub, served: Vendor, github: GitHubSource
) -> None:
    first = await read(github, ENGINE)
    second = await read(github, ENGINE, first[-1].cursor)
    hub.issues, hub.commits = [], []
    third = await read(github, ENGINE, second[-1].cursor)
    served.asked.clear()
    fourth = await read(github, ENGINE, third[-1].cursor)

    assert items(third) == items(fourth) == {}
    assert len(served.asked) == 2
    assert all("if-none-match" in asked.headers for asked in served.asked)
    assert fourth[-1].cursor == third[-1].cursor


@pytest.mark.parametrize("cut_after", range(4))
async def test_a_listing_that_was_cut_anywhere_goes_on_and_misses_nothing(
    hub: Hub, github: GitHubSource, cut_after: int
) -> None:
    first = await read(github, ENGINE)
    seen, cursor = first[: cut_after + 1], first[cut_after].cursor
    rest = await read(github, ENGINE, cursor)

    assert set(items(seen)) | set(items(rest)) == set(items(first))


async def test_the_repositories_are_listed_once_a_run(served: Vendor, github: GitHubSource) -> None:
    def repositories(asked: Asked) -> Told:
        page = int(asked.query.get("page", "1"))
        row = {"id": page, "full_name": f"ada/engine-{page}", "pushed_at": "2026-11-20T10:00:00Z"}
        link = {"link": f'<{served.url}/user/repos?page=2>; rel="next"'} if page == 1 else {}
        return Told([row], headers=link)

    served.answer = repositories
    for run in (1, 2):
        assert len(await github.streams(ACCESS)) == 3
        assert set(items(await read(github, "repositories"))) == {"repository:1", "repository:2"}
        assert len(served.asked) == 2 * run
    served.asked.clear()
    # A list that was not finished is not handed on, nor is one handed out twice.
    served.faults = [Told([]), Told({}, 500)]
    assert await read(github, "repositories")
    with pytest.raises(ProviderUnavailable):
        await github.streams(ACCESS)
    assert len(await read(github, "repositories")) == 2


async def test_an_empty_repository_has_no_commits_and_is_no_failure(hub: Hub, github: GitHubSource) -> None:
    hub.commits = None
    assert len(items(await read(github, ENGINE))) == 3


@pytest.mark.parametrize(
    ("told", "waits"),
    [
        (lambda: Told({}, 429, {"retry-after": "30"}), (30, 30)),
        (lambda: Told({}, 403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": _in(600)}), (590, 600)),
        (lambda: Told({"message": "You have exceeded a secondary rate limit"}, 403), (60, 60)),
    ],
)
async def test_every_way_in_which_github_says_slow_down(
    hub: Hub, served: Vendor, github: GitHubSource, told: Callable[[], Told], waits: tuple[int, int]
) -> None:
    served.faults = [told()]
    with pytest.raises(ProviderBusy) as busy:
        await read(github, ENGINE)
    assert busy.value.retry_after_s
    assert waits[0] <= busy.value.retry_after_s <= waits[1]


def _in(seconds: int) -> str:
    """As GitHub names a moment."""
    return str(int(time.time()) + seconds)


async def test_a_closed_repository_a_vanished_one_and_half_an_answer(
    hub: Hub, served: Vendor, github: GitHubSource
) -> None:
    served.faults = [Told({"message": "Resource not accessible"}, 403)]
    with pytest.raises(PermissionMissing):
        await read(github, ENGINE)
    served.faults = [Told({"message": "Not Found"}, 404)]
    with pytest.raises(EntityNotFound):
        await read(github, ENGINE)
    served.faults = [Told(raw=b'[{"number": 1, "ti')]
    with pytest.raises(ProviderGarbled):
        await read(github, ENGINE)


@pytest.mark.parametrize(
    ("word", "raised"),
    [
        ("token_revoked", TokenRejected),
        ("account_inactive", TokenRejected),
        ("missing_scope", PermissionMissing),
        ("channel_not_found", EntityNotFound),
        ("internal_error", ProviderUnavailable),
        ("ratelimited", ProviderBusy),
        ("invalid_arguments", RequestRefused),
    ],
)
async def test_slacks_refusals_come_with_status_200_and_are_understood(
    served: Vendor, slack: SlackSource, word: str, raised: type[Exception]
) -> None:
    served.answer = lambda asked: Told({"ok": False, "error": word})
    with pytest.raises(raised):
        await read(slack, "channels")


async def test_a_channel_is_read_from_the_newest_message_seen_and_what_was_said_is_not_kept(
    served: Vendor, slack: SlackSource
) -> None:
    messages = [{"type": "message", "ts": f"17950000{n:02}.000100", "text": "secret words"} for n in range(4)]

    def history(asked: Asked) -> Told:
        given = asked.form
        rows = [row for row in messages[::-1] if float(row["ts"]) > float(given["oldest"])]
        at = int(given.get("cursor", "0"))
        following = str(at + 2) if at + 2 < len(rows) else ""
        answer = {"ok": True, "messages": rows[at : at + 2], "response_metadata": {"next_cursor": following}}
        return Told(answer)

    served.answer = history
    first = await read(slack, "channel:C1")
    messages.append({"type": "message", "ts": "1795000099.000100", "text": "more"})
    later = await read(slack, "channel:C1", first[-1].cursor)

    assert len(items(first)) == 4
    assert set(items(later)) == {"message:C1:1795000099.000100"}
    assert "secret" not in str(items(first))
    rest = await read(slack, "channel:C1", first[0].cursor, ACCESS)
    assert set(items(first[:1])) | set(items(rest)) >= set(items(first))
