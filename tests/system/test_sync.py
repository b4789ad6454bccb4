"""Copies of what providers hold, as their owner sees them: there after connecting, in step, gone after disconnecting.

Google, GitHub and Slack are emulators that we did not write. The emulated GitHub sends signed webhooks.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from libs.sandbox import Sandbox
from libs.sandbox.google_login import log_in
from libs.sandbox.seeds import EMAIL
from libs.sandbox.work_tools import REPOSITORY, TOKEN
from libs.testing.client import AdjutantClient
from libs.testing.running import RunningAdjutant, free_port, running_adjutant

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

PATIENCE_S = 30.0


@pytest.fixture(scope="module")
async def scene() -> AsyncIterator[tuple[Sandbox, RunningAdjutant]]:
    """An Adjutant of its own: it is reachable for webhooks, and its providers include work tools."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="adjutant-sync-", ignore_cleanup_errors=True) as directory:
        url = f"http://127.0.0.1:{port}"
        place = Path(directory)
        async with Sandbox(place / "sandbox", public_url=url, with_model=False, with_work_tools=True) as sandbox:
            settings = sandbox.settings() | {
                "ADJUTANT_PORT": str(port),
                "ADJUTANT_PUBLIC_URL": url,
                "ADJUTANT_SYNC_WEBHOOKS_URL": url,
                "ADJUTANT_SYNC_DEBOUNCE_S": "0",
                "ADJUTANT_GATEWAY_SYNC_PER_MINUTE": "1000",
            }
            async with running_adjutant(place / "data", settings) as running:
                yield sandbox, running


@pytest.fixture
def sandbox(scene: tuple[Sandbox, RunningAdjutant]) -> Sandbox:
    return scene[0]


@pytest.fixture
def adjutant(scene: tuple[Sandbox, RunningAdjutant]) -> RunningAdjutant:
    return scene[1]


@pytest.fixture
async def ada(adjutant: RunningAdjutant, request: pytest.FixtureRequest) -> AsyncIterator[AdjutantClient]:
    async with AdjutantClient(adjutant.url) as client:
        await client.sign_up(f"{request.node.name[:40]}@example.com", "correct horse battery staple", timezone="UTC")
        yield client


async def connect(client: AdjutantClient, provider: str) -> None:
    connected = await client.connect(provider, log_in)
    assert connected.status_code == 200, connected.text


async def synced(client: AdjutantClient, provider: str) -> dict[str, Any]:
    """The source once its first run is over."""

    async def over() -> dict[str, Any] | None:
        sources = (await client.get("/api/integrations/sync"))["sources"]
        return next((each for each in sources if each["provider"] == provider and each["last_outcome"]), None)

    found: dict[str, Any] = await until(over)
    return found


async def activities(client: AdjutantClient, provider: str) -> dict[str, dict[str, Any]]:
    page = await client.get("/api/activities", provider=provider, limit="200")
    return {activity["title"]: activity for activity in page["activities"]}


async def until(condition: Any) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if found := await condition():
                return found
            await asyncio.sleep(0.05)


async def test_mail_and_calendar_are_there_after_connecting(ada: AdjutantClient, sandbox: Sandbox) -> None:
    for provider in ("gmail", "calendar"):
        await connect(ada, provider)
        assert (await synced(ada, provider))["last_outcome"] == "success"
    assert set(await activities(ada, "gmail")) >= {mail["subject"] for mail in await sandbox.mails()}
    assert set(await activities(ada, "calendar")) == {e["summary"] for e in await sandbox.calendar_events()}
    held = str(await activities(ada, "gmail"))
    assert "Could you look at the draft" not in held, "no body, no snippet"


async def test_an_event_made_at_the_provider_arrives_and_a_deleted_one_goes(
    ada: AdjutantClient, sandbox: Sandbox
) -> None:
    await connect(ada, "calendar")
    await synced(ada, "calendar")
    events = f"{sandbox.google_url}/calendar/v3/calendars/primary/events"
    async with httpx.AsyncClient(headers={"authorization": "Bearer any"}) as google:
        times = {"start": {"dateTime": "2026-12-01T10:00:00Z"}, "end": {"dateTime": "2026-12-01T11:00:00Z"}}
        made = (await google.post(events, json={"summary": "Made at Google", **times})).json()
        await ada.post("/api/integrations/calendar/sync")
        await until(lambda: _holds(ada, "calendar", "Made at Google"))
        (await google.delete(f"{events}/{made['id']}")).raise_for_status()
    await ada.post("/api/integrations/calendar/sync")

    async def is_gone() -> bool:
        return "Made at Google" not in await activities(ada, "calendar")

    await until(is_gone)


async def test_an_issue_at_github_arrives_by_its_signed_webhook(ada: AdjutantClient, sandbox: Sandbox) -> None:
    await connect(ada, "github")
    assert (await synced(ada, "github"))["last_outcome"] == "success"
    assert "Initial commit" in await activities(ada, "github")
    before = (await ada.get("/api/integrations/sync/runs", provider="github"))["runs"]
    title = f"It grinds {time.time_ns()}"
    async with httpx.AsyncClient(base_url=sandbox.github_url, headers={"authorization": f"Bearer {TOKEN}"}) as github:
        hooks = (await github.get(f"/repos/{REPOSITORY}/hooks")).json()
        assert any("/webhooks/github?watch=w_" in hook["config"]["url"] for hook in hooks)
        (await github.post(f"/repos/{REPOSITORY}/issues", json={"title": title})).raise_for_status()
    await until(lambda: _holds(ada, "github", title))

    runs = (await ada.get("/api/integrations/sync/runs", provider="github"))["runs"]
    assert runs[0]["reason"] == "notification", runs
    assert len(runs) > len(before)


async def test_disconnecting_github_takes_our_hooks_out_of_the_users_repositories(
    ada: AdjutantClient, sandbox: Sandbox
) -> None:
    async with httpx.AsyncClient(base_url=sandbox.github_url, headers={"authorization": f"Bearer {TOKEN}"}) as github:

        async def hooks() -> set[str]:
            answer = (await github.get(f"/repos/{REPOSITORY}/hooks")).raise_for_status()
            return {hook["config"]["url"] for hook in answer.json()}

        before = await hooks()
        await connect(ada, "github")
        assert (await synced(ada, "github"))["last_outcome"] == "success"
        assert len(await hooks() - before) == 1
        (await ada.post("/api/integrations/github/disconnect")).raise_for_status()
        assert await hooks() == before


async def test_everything_is_synced_at_once_and_each_stream_says_how_it_fares(ada: AdjutantClient) -> None:
    for provider in ("gmail", "calendar"):
        await connect(ada, provider)
        await synced(ada, provider)
    started = (await ada.post("/api/integrations/sync")).json()

    assert set(started["started"]) | set(started["not_started"]) == {"gmail", "calendar"}
    for source in (await ada.get("/api/integrations/sync"))["sources"]:
        assert source["streams"]
        assert all(stream["last_success_at"] and not stream["error"] for stream in source["streams"])


async def test_slack_is_read_without_what_was_said(ada: AdjutantClient, sandbox: Sandbox) -> None:
    await connect(ada, "slack")
    source = await synced(ada, "slack")
    assert source["last_outcome"] == "success", source
    assert {"#general", "#engines"} <= set(await activities(ada, "slack"))


async def test_disconnecting_takes_the_copy_along(ada: AdjutantClient) -> None:
    await connect(ada, "gmail")
    await synced(ada, "gmail")
    (await ada.post("/api/integrations/gmail/disconnect")).raise_for_status()

    async def is_empty() -> bool:
        return not await activities(ada, "gmail") and not (await ada.get("/api/integrations/sync"))["sources"]

    await until(is_empty)
    assert (await ada.post("/api/integrations/gmail/sync")).status_code == 404


async def test_a_summary_counts_what_was_synced(ada: AdjutantClient) -> None:
    await connect(ada, "calendar")
    await synced(ada, "calendar")
    page = (await ada.get("/api/activities", provider="calendar"))["activities"]
    day = min(activity["at"] for activity in page)[:10]
    summary = await ada.get("/api/integrations/summary", start=day, end=day, type="daily")
    (figures,) = summary["periods"]
    assert figures["by_source"]["calendar"] == sum(activity["at"].startswith(day) for activity in page)


async def _holds(client: AdjutantClient, provider: str, title: str) -> bool:
    return title in await activities(client, provider)


async def test_health_and_requests_of_each_integration_are_told(ada: AdjutantClient) -> None:
    await connect(ada, "gmail")
    await synced(ada, "gmail")

    health = await ada.get("/api/health/integrations")
    today = datetime.now(UTC).date().isoformat()
    usage = (await ada.get("/api/usage/providers", start=today, end=today))["usages"]

    assert health["status"] == "healthy"
    assert [(each["provider"], each["status"], each["reason"]) for each in health["integrations"]] == [
        ("gmail", "healthy", None)
    ]
    assert [(each["service"], each["provider"]) for each in usage] == [("sync", "gmail")]
    assert usage[0]["calls"] > 0


async def test_a_microsoft_account_is_connected_and_forgotten(ada: AdjutantClient) -> None:
    """Its log-in is emulated; mail and calendar behind it are not, so the copy fails and says so."""
    await connect(ada, "outlook_mail")
    connection = (await ada.get("/api/integrations/outlook_mail/status"))["connection"]
    assert connection["account"] == EMAIL
    assert connection["capabilities"] == ["read"]
    assert (await synced(ada, "outlook_mail"))["last_outcome"] == "failed"
    (health,) = (await ada.get("/api/health/integrations"))["integrations"]
    assert (health["status"], health["failures_in_a_row"]) == ("degraded", 1)

    gone = (await ada.post("/api/integrations/outlook_mail/disconnect")).json()
    assert not gone["revoked_at_provider"], "Microsoft has no way to revoke one token"
    assert (await ada.get("/api/integrations/outlook_mail/status"))["status"] == "not_connected"
