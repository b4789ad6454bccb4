"""GitHub through its tools, against the emulated GitHub. A test of what the emulator does not play says so."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from contracts.tool import ExecutionStatus
from services.tool.deps import ToolDeps
from tests.conftest import Platform
from tests.service.tool.emulator import emulated
from tests.service.tool.front import Fault, Front
from tests.service.tool.lost_answers import lost_answers, with_a_forgotten_result, with_a_lost_answer
from tests.service.tool.oauth_peer import GOOD_TOKEN, REFRESHED_TOKEN, STALE_TOKEN
from tests.service.tool.world import World, running_tool, unique

ENGINE = "ada/engine"
BY_SOMEBODY_ELSE = {"authorization": "Bearer tom-token"}


@pytest.fixture(scope="module")
async def google(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """In these tests the provider behind the front is GitHub."""
    scopes = ["repo", "user"]
    seed = {
        "tokens": {
            **{token: {"login": "ada", "scopes": scopes} for token in (GOOD_TOKEN, REFRESHED_TOKEN)},
            "tom-token": {"login": "tom", "scopes": scopes},
        },
        "github": {
            "users": [{"login": "ada", "name": "Ada"}, {"login": "tom", "name": "Tom"}],
            "repos": [{"owner": "ada", "name": "engine", "description": "An analytical one", "auto_init": True}],
        },
    }
    async with emulated("github", tmp_path_factory.mktemp("github"), seed) as url:
        yield url


@pytest.fixture(scope="module")
async def tool(platform: Platform, front: Front) -> AsyncIterator[ToolDeps]:
    async with running_tool(platform, front.url, github_api_url=front.url) as deps:
        yield deps


@pytest.fixture
def github(world: World, tool: ToolDeps) -> World:
    world.oauth.connected = {"github"}
    return world


class Hub:
    """The emulated GitHub as others see it, past everything of ours."""

    def __init__(self, url: str) -> None:
        self._http = httpx.AsyncClient(base_url=url, headers=BY_SOMEBODY_ELSE)

    async def open(self, title: str, body: str = "") -> int:
        """An issue that somebody else opened."""
        made = await self._http.post(f"/repos/{ENGINE}/issues", json={"title": title, "body": body})
        number: int = made.raise_for_status().json()["number"]
        return number

    async def propose(self, title: str) -> int:
        """A pull request from a branch of its own. The seeded commits are enough for the emulator."""
        repository = f"/repos/{ENGINE}"
        main = (await self._http.get(f"{repository}/git/ref/heads/main")).raise_for_status().json()["object"]["sha"]
        branch = f"b{abs(hash(title))}"
        ada = {"authorization": f"Bearer {GOOD_TOKEN}"}
        ref = {"ref": f"refs/heads/{branch}", "sha": main}
        (await self._http.post(f"{repository}/git/refs", json=ref, headers=ada)).raise_for_status()
        body = {"title": title, "head": branch, "base": "main", "body": "Please pull."}
        made = await self._http.post(f"{repository}/pulls", json=body, headers=ada)
        number: int = made.raise_for_status().json()["number"]
        return number

    async def say(self, number: int, body: str) -> None:
        made = await self._http.post(f"/repos/{ENGINE}/issues/{number}/comments", json={"body": body})
        made.raise_for_status()

    async def comments(self, number: int) -> list[dict[str, Any]]:
        return await self._all(f"/repos/{ENGINE}/issues/{number}/comments")

    async def issues(self, title: str) -> list[dict[str, Any]]:
        rows = await self._all(f"/repos/{ENGINE}/issues?state=all")
        return [row for row in rows if row["title"] == title]

    async def _all(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for page in range(1, 20):
            parameters = {"per_page": "100", "page": str(page)}
            rows = (await self._http.get(path, params=httpx.URL(path).params.merge(parameters))).json()
            found += rows
            if len(rows) < 100:
                break
        return found

    async def close(self) -> None:
        await self._http.aclose()


@pytest.fixture
async def hub(google: str) -> AsyncIterator[Hub]:
    hub = Hub(google)
    yield hub
    await hub.close()


async def test_repositories_and_their_issues_are_found(github: World, hub: Hub) -> None:
    title = unique("It grinds")
    number = await hub.open(title, "Since Tuesday.")

    repositories = await github.result("github_list_repositories")
    listed = await github.result("github_find", repository=ENGINE)
    searched = await github.result("github_find", repository=ENGINE, words=title.split()[-1])

    assert ENGINE in [repository["name"] for repository in repositories["repositories"]]
    for found in (listed["found"], searched["found"]):
        row = next(row for row in found if row["number"] == number)
        assert (row["title"], row["repository"], row["kind"], row["author"]) == (title, ENGINE, "issue", "tom")
    assert len(searched["found"]) == 1


async def test_pull_requests_are_found_read_and_commented_on_and_are_no_issues(github: World, hub: Hub) -> None:
    title = unique("Better gears")
    number = await hub.propose(title)

    listed = await github.result("github_find", repository=ENGINE, kind="pull_request")
    searched = await github.result("github_find", kind="pull_request", words=title.split()[-1])
    issues = await github.result("github_find", repository=ENGINE, limit=50)
    read = await github.result("github_read", repository=ENGINE, number=number)
    await github.done("github_comment", repository=ENGINE, number=number, text="Looks right")

    for found in (listed["found"], searched["found"]):
        row = next(row for row in found if row["number"] == number)
        assert (row["kind"], row["repository"]) == ("pull_request", ENGINE)
    assert number not in [issue["number"] for issue in issues["found"]]
    assert read["text"] == "Please pull."
    assert (read["pull_request"]["target"], read["pull_request"]["merged"]) == ("main", False)
    assert len(await hub.comments(number)) == 1


async def test_the_limit_says_that_there_are_more(github: World, hub: Hub) -> None:
    for _ in range(3):
        await hub.open(unique("One of many"))

    found = await github.result("github_find", repository=ENGINE, limit=2)

    assert (len(found["found"]), found["more"]) == (2, True)


async def test_an_issue_is_read_with_its_newest_comments_and_without_our_marks(github: World, hub: Hub) -> None:
    number = await hub.open(unique("Long talk"), "x" * 9000)
    for n in range(60):
        await hub.say(number, f"Remark {n}")
    await github.done("github_comment", repository=ENGINE, number=number, text="And this is ours")

    read = await github.result("github_read", repository=ENGINE, number=number)

    said = [comment["text"] for comment in read["newest_comments"]]
    assert said == [*(f"Remark {n}" for n in range(41, 60)), "And this is ours"]
    assert (len(read["text"]), read["truncated"], read["comments"]) == (8000, True, 61)


async def test_a_comment_is_written_in_the_users_name_and_marked_invisibly(github: World, hub: Hub) -> None:
    number = await hub.open(unique("Question"))

    posted = await github.done("github_comment", repository=ENGINE, number=number, text="Yes, **please**.")

    (comment,) = await hub.comments(number)
    assert comment["user"]["login"] == "ada"
    assert comment["body"].startswith("Yes, **please**.\n\n<!-- adjutant:x_")
    assert posted == {"repository": ENGINE, "number": number, "link": comment["html_url"]}


async def test_an_issue_is_opened(github: World, hub: Hub) -> None:
    title = unique("New gear")

    opened = await github.done("github_create_issue", repository=ENGINE, title=title, text="Of brass.")

    (issue,) = await hub.issues(title)
    assert issue["body"].startswith("Of brass.\n\n<!-- adjutant:x_")
    assert (opened["number"], opened["title"], opened["link"]) == (issue["number"], title, issue["html_url"])


@pytest.mark.every_way(sample=2)
@lost_answers()
async def test_a_lost_answer_never_makes_two_comments(github: World, hub: Hub, way: str, did_it: bool) -> None:
    number = await hub.open(unique("Once"))
    on = f"POST /repos/{ENGINE}/issues/{number}/comments"

    result = await with_a_lost_answer(
        github, on, way, did_it, "github_comment", repository=ENGINE, number=number, text="Once only"
    )

    (comment,) = await hub.comments(number)
    assert result["link"] == comment["html_url"]


@pytest.mark.every_way(sample=2)
@lost_answers()
async def test_a_lost_answer_never_makes_two_issues(github: World, hub: Hub, way: str, did_it: bool) -> None:
    title = unique("Once")

    result = await with_a_lost_answer(
        github, f"POST /repos/{ENGINE}/issues ", way, did_it, "github_create_issue", repository=ENGINE, title=title
    )

    (issue,) = await hub.issues(title)
    assert result["number"] == issue["number"]


async def test_a_process_that_dies_after_the_fact_leaves_one_comment_and_one_issue(
    github: World, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, title = await hub.open(unique("Crash")), unique("Crash")

    where = {"repository": ENGINE, "number": number}
    said = await with_a_forgotten_result(github, monkeypatch, "github_comment", **where, text="Once only")
    opened = await with_a_forgotten_result(
        github, monkeypatch, "github_create_issue", repository=ENGINE, title=title, labels=["bug"]
    )

    assert [comment["html_url"] for comment in await hub.comments(number)] == [said["link"]]
    assert [issue["number"] for issue in await hub.issues(title)] == [opened["number"]]


async def test_a_comment_is_found_again_among_hundreds(github: World, hub: Hub) -> None:
    number = await hub.open(unique("Busy"))
    for n in range(130):
        await hub.say(number, f"Remark {n}")

    await with_a_lost_answer(
        github,
        f"POST /repos/{ENGINE}/issues/{number}/comments",
        "cut",
        True,
        "github_comment",
        repository=ENGINE,
        number=number,
        text="Late to the party",
    )

    assert len(await hub.comments(number)) == 131


async def test_a_quotation_of_our_mark_is_not_taken_for_our_comment(github: World, hub: Hub) -> None:
    number = await hub.open(unique("Quoted"))
    command = github.asked("github_comment", {"repository": ENGINE, "number": number, "text": "Really ours"})
    await hub.say(number, f"> Really ours\n> <!-- adjutant:{command.execution_id} -->\n\nI disagree.")
    github.front.faults = [Fault(f"POST /repos/{ENGINE}/issues/{number}/comments", status=500)]

    assert (await github.execute(command)).status == ExecutionStatus.DONE

    assert [comment["user"]["login"] for comment in await hub.comments(number)] == ["tom", "ada"]


@pytest.mark.parametrize(
    ("tool_name", "arguments", "slug"),
    [
        ("github_comment", {"repository": "ada/nothing", "number": 1, "text": "Hello"}, "provider_entity_not_found"),
        ("github_comment", {"repository": ENGINE, "number": 999_999, "text": "Hello"}, "provider_entity_not_found"),
        ("github_comment", {"repository": "ada/..", "number": 1, "text": "Hello"}, "invalid_arguments"),
        ("github_comment", {"repository": "engine", "number": 1, "text": "Hello"}, "invalid_arguments"),
        ("github_comment", {"repository": ENGINE, "number": 0, "text": "Hello"}, "invalid_arguments"),
        ("github_comment", {"repository": ENGINE, "number": 1, "text": "   "}, "invalid_arguments"),
        ("github_create_issue", {"repository": ENGINE, "title": "two\nlines"}, "invalid_arguments"),
        ("github_create_issue", {"repository": ENGINE, "title": "t", "labels": ["l"] * 11}, "invalid_arguments"),
    ],
)
async def test_what_cannot_be_done_fails_with_a_reason(
    github: World, tool_name: str, arguments: dict[str, Any], slug: str
) -> None:
    outcome = await github.execute(github.asked(tool_name, arguments))

    assert (outcome.status, outcome.error) == (ExecutionStatus.FAILED, slug)
    assert slug != "invalid_arguments" or github.front.seen == []


async def test_a_secondary_limit_is_waited_for_and_a_missing_permission_is_told(github: World, hub: Hub) -> None:
    """The emulator has no limits; the answers are those of GitHub's documentation."""
    number = await hub.open(unique("Limits"))
    on = f"POST /repos/{ENGINE}/issues/{number}/comments"
    arguments = {"repository": ENGINE, "number": number, "text": "Patience"}
    github.front.faults = [Fault(on, status=403, headers={"retry-after": "1"})]
    assert (await github.execute(github.asked("github_comment", arguments))).status == ExecutionStatus.DONE

    github.front.faults = [Fault(on, status=403, body=b'{"message": "Resource not accessible by integration"}')]
    refused = await github.execute(github.asked("github_comment", arguments))

    assert (refused.status, refused.error) == (ExecutionStatus.FAILED, "provider_permission_missing")
    assert len(await hub.comments(number)) == 1


async def test_a_refused_token_is_refreshed_once(github: World, hub: Hub) -> None:
    number = await hub.open(unique("Fresh"))
    github.oauth.hands_out_stale = True
    github.front.refused_tokens = {STALE_TOKEN}

    await github.done("github_comment", repository=ENGINE, number=number, text="Fresh")

    assert github.oauth.refreshes == 1
    assert len(await hub.comments(number)) == 1


async def test_who_is_asked_about_a_comment_reads_on_what(github: World, hub: Hub) -> None:
    title = unique("It\u200b grinds")
    issue, pull = await hub.open(title), await hub.propose(unique("Better gears"))

    on_issue = await github.proposed("github_comment", repository=ENGINE, number=issue, text="Oil it.")
    on_pull = await github.proposed("github_comment", repository=ENGINE, number=pull, text="Good.")
    opened = await github.proposed("github_create_issue", repository=ENGINE, title="It creaks")

    shown = title.replace("\u200b", "")
    assert on_issue.title == f"Comment on GitHub in {ENGINE}: #{issue} {shown}"
    assert ("Issue", f"#{issue} {shown}") in [(field.label, field.value) for field in on_issue.fields]
    assert [field.label for field in on_pull.fields] == ["Pull request", "Repository", "Text"]
    assert opened.title == f"Open an issue on GitHub in {ENGINE}: It creaks"
