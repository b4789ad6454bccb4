"""Each fault that a provider's wire can have, at each request of a sync: the copy ends up as the provider's truth.

A real source (GitHub's) reads from a server on loopback that answers as GitHub's documentation says (Rate limits for
the REST API; Using pagination in the REST API).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from contracts.envelope import Scope
from contracts.ids import ConnectionId, new_id
from contracts.sync import GetSyncStatus, SyncOutcome
from libs.providers.github.source import GitHubSource
from libs.providers.source import Source
from libs.runtime import Resources
from services.sync.app import open_sync, service
from services.sync.deps import Sync
from services.sync.settings import SyncSettings
from tests.conftest import Platform
from tests.service.neighbours import Neighbours, between_neighbours
from tests.service.providers.vendor_server import Asked, Told, Vendor, vendor
from tests.service.sync.conftest import World
from tests.service.sync.scripted import ScriptedProvider
from tests.service.tool.oauth_peer import OAuthPeer

SILENCE_S = 0.4
"""After which the client gives an answer up."""
REPOSITORIES, ISSUES, A_PAGE = ("ada/engine", "ada/notes"), 5, 2
REQUESTS = 2 + len(REPOSITORIES) * (3 + 1)
"""Two pages of repositories; of each, three pages of issues and one of commits."""
MOMENT = "2026-11-20T10:00:00Z"


class Hub:
    """Two repositories, with issues and commits in pages."""

    def __init__(self, url: str) -> None:
        self.url = url

    def answer(self, asked: Asked) -> Told:
        if asked.path == "/user/repos":
            rows: list[Any] = [{"id": n, "full_name": name, "pushed_at": MOMENT} for n, name in enumerate(REPOSITORIES)]
            return self._paged(asked, rows, 1)
        _, _, owner, name, part = asked.path.split("/")
        if part == "issues":
            return self._paged(asked, [self._issue(n) for n in range(ISSUES)], A_PAGE)
        commit = {"message": "Begun", "author": {"date": MOMENT}}
        return Told([{"sha": f"{owner}{name}", "commit": commit}])

    def truth(self) -> set[str]:
        """Ids of everything there is."""
        issues = {f"issue:{name}:{n}" for name in REPOSITORIES for n in range(ISSUES)}
        commits = {f"commit:{name}:{name.replace('/', '')}" for name in REPOSITORIES}
        return issues | commits | {f"repository:{n}" for n in range(len(REPOSITORIES))}

    def _issue(self, n: int) -> dict[str, Any]:
        return {"number": n, "title": "Broken", "state": "open", "created_at": MOMENT, "updated_at": MOMENT}

    def _paged(self, asked: Asked, rows: list[Any], size: int) -> Told:
        page = int(asked.query.get("page", "1"))
        link = {"link": f'<{self.url}{asked.path}?page={page + 1}>; rel="next"'} if page * size < len(rows) else {}
        return Told(rows[(page - 1) * size : page * size], headers=link)


@pytest.fixture(scope="module")
def sources() -> dict[str, Source]:
    """Filled by each test."""
    return {}


@pytest.fixture(scope="module")
async def running(platform: Platform, oauth: OAuthPeer, sources: dict[str, Source]) -> AsyncIterator[Neighbours]:
    @asynccontextmanager
    async def open_github(resources: Resources[SyncSettings]) -> AsyncIterator[Sync]:
        async with open_sync(resources) as deps:
            yield replace(deps, sources=sources)

    async with between_neighbours(replace(service, open=open_github), platform, debounce_s=0.0) as neighbours:
        yield neighbours


@pytest.fixture
async def served(sources: dict[str, Source]) -> AsyncIterator[Vendor]:
    async with vendor(lambda asked: Told({})) as serving, httpx.AsyncClient(timeout=SILENCE_S) as http:
        serving.is_open, serving.answer = True, Hub(serving.url).answer
        sources["scripted"] = GitHubSource(http, serving.url)
        yield serving


@pytest.fixture
def world(running: Neighbours, served: Vendor, oauth: OAuthPeer, scope: Scope) -> World:
    oauth.reset()
    oauth.connected = {"scripted"}
    return World(running, ScriptedProvider(), oauth, scope, ConnectionId(new_id("cn")))


FAULTS = {
    "429_with_a_moment": Told({}, 429, {"retry-after": "900"}),
    "429_without": Told({}, 429),
    "500": Told({}, 500),
    "503_with_a_moment": Told({}, 503, {"retry-after": "1"}),
    "slow_body": Told([{"id": 1}] * 50, stall=True),
    "cut_body": Told([{"id": 1}] * 50, cut=True),
    "truncated_json": Told(raw=b'[{"number": 1, "ti'),
    "401": Told({}, 401),
}


@pytest.mark.every_way(sample=6)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("at", [0, 1, 2, 4, REQUESTS - 1])
async def test_one_fault_anywhere_leaves_the_truth_each_thing_once(
    world: World, served: Vendor, fault: str, at: int
) -> None:
    _after(served, at, FAULTS[fault])
    run = await world.connect()
    if run.outcome is not SyncOutcome.SUCCESS:
        run = await world.sync_now()

    assert run.outcome is SyncOutcome.SUCCESS
    assert set(await world.copy()) == Hub(served.url).truth()


@pytest.mark.parametrize(("headers", "wait_s"), [({"retry-after": "900"}, 900), ({}, 60)])
async def test_a_429_is_obeyed_and_one_that_names_no_moment_means_a_minute(
    world: World, served: Vendor, headers: dict[str, str], wait_s: int
) -> None:
    _after(served, 4, Told({}, 429, headers))
    before = datetime.now(UTC)
    run = await world.connect()

    assert (run.outcome, run.error) == (SyncOutcome.PARTIAL, "provider_rate_limited")
    (source,) = (await world.sync.ask(GetSyncStatus(), world.scope)).sources
    assert source.next_at
    assert source.next_at >= before + timedelta(seconds=wait_s)
    assert len(served.asked) == 5, "nothing more was asked for"


async def test_an_undisturbed_run_asks_no_more_than_it_has_to(world: World, served: Vendor) -> None:
    await world.connect()

    assert len(served.asked) == REQUESTS
    assert set(await world.copy()) == Hub(served.url).truth()


def _after(served: Vendor, good: int, fault: Told) -> None:
    """So many requests are answered well, the next one badly, and all others well."""
    hub, count = Hub(served.url), 0

    def answer(asked: Asked) -> Told:
        nonlocal count
        count += 1
        return fault if count == good + 1 else hub.answer(asked)

    served.answer = answer
