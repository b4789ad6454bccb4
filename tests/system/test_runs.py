"""Multi-step runs through the gateway, against the emulated calendar: seen, steered, followed, killed at every step."""

import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from libs.sandbox import Sandbox
from libs.sandbox.google_login import log_in
from libs.testing.client import AdjutantClient
from libs.testing.running import RunningAdjutant, running_adjutant
from tests.chaos.patient_client import until
from tests.system.conftest import PASSWORD, Connected

pytestmark = [pytest.mark.system, pytest.mark.early, pytest.mark.timeout(900)]

PATIENCE_S = 240.0
STEPS = 10
OVER = {"done", "failed", "cancelled"}


@pytest.fixture(scope="session")
async def planner(sandbox_and_adjutant: tuple[Sandbox, RunningAdjutant]) -> AsyncIterator[AdjutantClient]:
    """A user with a mailbox and a calendar, for all refusals together."""
    async with AdjutantClient(sandbox_and_adjutant[1].url) as client:
        await client.sign_up("ada.plans@example.com", PASSWORD)
        for provider in ("gmail", "calendar"):
            assert (await client.connect(provider, log_in)).status_code < 400
        yield client


def event(number: int, *after: str, title: str, **more: Any) -> dict[str, Any]:
    """A step that puts something into the calendar."""
    start = (datetime.now(UTC) + timedelta(days=3)).replace(hour=1, minute=0) + timedelta(hours=number)
    arguments = {"title": title, "start": f"{start:%Y-%m-%dT%H:%M}", "duration_minutes": 30}
    return {
        "id": f"s{number}",
        "name": f"Create {title}",
        "tool": "calendar_create_event",
        "arguments": arguments,
        "depends_on": list(after),
        **more,
    }


async def patiently(ask: Callable[[], Awaitable[httpx.Response]]) -> dict[str, Any]:
    """As a client that comes back while parts of the system restart."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                response = await ask()
            except httpx.TransportError:
                await asyncio.sleep(0.1)
                continue
            if response.status_code < 500:
                assert response.status_code < 400, response.text
                body: dict[str, Any] = response.json()
                return body
            await asyncio.sleep(0.1)


async def run_until(client: AdjutantClient, run_id: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The run, once this holds of it."""
    view: dict[str, Any] = {}
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                view = await patiently(lambda: client.http.get(f"/api/runs/{run_id}"))
                if holds(view):
                    return view
                await asyncio.sleep(0.02)
    except TimeoutError:
        pytest.fail(f"the run stays {[(step['status'], step['attempts'], step['error']) for step in view['steps']]}")


async def test_a_goal_is_shown_as_a_plan_started_and_followed_to_its_end(
    connected: Connected, sandbox: Sandbox
) -> None:
    client = await connected("ada.runs@example.com")
    wanted = {
        "goal": "Two things for next week",
        "steps": [
            {"id": "look", "name": "Look at the calendar", "tool": "calendar_list", "arguments": {"day": "tomorrow"}},
            event(1, "look", title="Run seen one"),
            event(2, "look", title="Run seen two"),
        ],
    }
    shown = (await client.post("/api/runs", wanted)).json()
    assert (shown["status"], shown["progress"], len(shown["steps"])) == ("planned", 0, 3)
    assert not [e for e in await sandbox.calendar_events() if e["summary"].startswith("Run seen")]

    started = await client.post(f"/api/runs/{shown['run_id']}/start")
    assert started.status_code == 200, started.text
    events = [(kind, id) async for kind, id, _ in _events(client, shown["run_id"])]
    assert [kind for kind, _ in events][-2:] == ["multi_step.complete", "run.done"]
    assert [id for _, id in events] == [f"{shown['run_id']}:{n}" for n in range(1, len(events) + 1)]
    rest = [id async for _, id, _ in _events(client, shown["run_id"], after=events[4][1])]
    assert rest == [id for _, id in events[5:]], "a client that lost its connection goes on where it was"

    view = await client.get(f"/api/runs/{shown['run_id']}")
    assert (view["status"], view["progress"]) == ("done", 1)
    titles = Counter(e["summary"] for e in await sandbox.calendar_events())
    assert titles["Run seen one"] == titles["Run seen two"] == 1
    assert [run["run_id"] for run in (await client.get("/api/runs"))["runs"]] == [shown["run_id"]]


async def test_the_plain_stream_speaks_in_control_tokens(connected: Connected) -> None:
    client = await connected("ada.tokens@example.com")
    made = (await client.post("/api/runs", {"steps": [event(3, title="Token one")], "start": True})).json()
    response = await client.http.get(f"/api/runs/{made['run_id']}/stream", headers={"Accept": "text/plain"})
    assert response.headers["content-type"].startswith("text/plain")
    assert response.text == (
        "[[PERIN_MULTI_STEP:initiated:One step is needed:1]]"
        "[[PERIN_STEP:start:s3:Create Token one]]"
        "[[PERIN_STEP_RESULT:s3:ok]]"
        "[[PERIN_STEP:end:s3]]"
        "[[PERIN_MULTI_STEP:complete]]"
    )


async def test_runs_are_steered_and_refusals_say_what_to_do(connected: Connected) -> None:
    client = await connected("ada.steers@example.com")
    circle = [event(4, "s5", title="a"), event(5, "s4", title="b")]
    refused = await client.post("/api/runs", {"steps": circle})
    assert (refused.status_code, refused.json()["title"]) == (422, "plan_rejected")
    assert "wait for each other" in refused.json()["detail"]

    steps = [event(6, title="Steered one"), event(7, "s6", title="Steered two", required=False)]
    made = (await client.post("/api/runs", {"steps": steps})).json()
    path = f"/api/runs/{made['run_id']}"
    assert (await client.post(f"{path}/pause")).status_code == 409
    skipped = await client.post(f"{path}/steps/s7/skip")
    assert skipped.json()["steps"][1]["status"] == "skipped"
    assert (await client.post(f"{path}/steps/none/skip")).status_code == 404
    await client.post(f"{path}/start")
    done = await run_until(client, made["run_id"], lambda view: view["status"] in OVER)
    assert [step["status"] for step in done["steps"]] == ["done", "skipped"]
    assert (await client.post(f"{path}/cancel")).status_code == 409


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"{}", 422, "needs a goal or steps"),
        (b'{"goal": "Sing a song for the queen"}', 422, "did not understand"),
        (b'{"steps": [{"id": "a", "name": "n", "tool": "t", "arguments": {"x": "\\ud800"}}]}', 422, "half a character"),
        (b'{"steps": [{"id": "a", "name": "n", "tool": "mail_search", "arguments": {"x": 1}}]}', 422, "no argument"),
        (b'{"steps": [{"id": "a", "name": "n", "tool": "rm_rf"}]}', 422, "not among yours"),
        (b'{"goal": "x", "steps": [' + b",".join([b'{"id": "a", "name": "n", "tool": "t"}'] * 51) + b"]}", 422, "50"),
        (b'{"goal": "' + b"x" * 450_000 + b'"}', 422, "32000"),
        (b'{"goal": "x", "nonsense": 1}', 422, "nonsense"),
    ],
    ids=["empty", "meaningless", "surrogate", "argument", "tool", "51-steps", "long", "unknown-field"],
)
async def test_what_is_no_plan_is_refused_in_words(
    body: bytes, status: int, says: str, planner: AdjutantClient
) -> None:
    headers = {"X-CSRF-Token": planner.http.cookies["adjutant_csrf"], "Content-Type": "application/json"}
    refused = await planner.http.post("/api/runs", content=body, headers=headers)
    assert refused.status_code == status, refused.text
    assert says in refused.text
    assert (await planner.get("/api/runs"))["runs"] == []


async def test_nobody_sees_or_steers_the_run_of_another(connected: Connected, sign_up: Connected) -> None:
    owner, stranger = await connected("ada.owns@example.com"), await sign_up("eve.peeks@example.com")
    made = (await owner.post("/api/runs", {"steps": [event(11, title="Private")]})).json()
    path = f"/api/runs/{made['run_id']}"
    refused = [
        await stranger.http.get(path),
        await stranger.http.get(f"{path}/stream"),
        *[await stranger.post(f"{path}/{action}") for action in ("start", "pause", "resume", "cancel")],
        await stranger.post(f"{path}/steps/s11/skip"),
        await stranger.post(f"{path}/steps/s11/retry"),
    ]
    assert [response.status_code for response in refused] == [404] * len(refused)
    assert (await owner.get(path))["status"] == "planned"
    without = await stranger.post("/api/runs", {"goal": "Show my mails"})
    assert without.status_code == 422, "they have connected nothing"


async def test_what_comes_from_others_waits_for_the_user_and_only_that(connected: Connected, sandbox: Sandbox) -> None:
    """A step that takes the words of a mail is proposed; its user approves one and cancels the run with the other."""
    client = await connected("ada.waits@example.com")
    taken = {"$from": "mail", "path": "mails[0].snippet"}
    steps = [
        {"id": "mail", "name": "Search the mail", "tool": "mail_search"},
        event(8, "mail", title="Free of others"),
        event(9, title="Words of others"),
        event(10, "s9", title="Never approved"),
    ]
    for step in steps[2:]:
        step["arguments"]["description"] = taken
    made = (await client.post("/api/runs", {"steps": steps, "start": True})).json()
    waiting = await run_until(client, made["run_id"], lambda view: view["status"] == "waiting")
    assert [step["status"] for step in waiting["steps"]] == ["done", "done", "waiting", "pending"]
    action = await client.get(f"/api/actions/{waiting['steps'][2]['action_id']}")
    assert any("comes from what others wrote in a mail (" in reason for reason in action["reasons"]), action["reasons"]

    approved = await client.post(f"/api/actions/{action['action_id']}/approve")
    assert approved.status_code == 200, approved.text
    again = await run_until(client, made["run_id"], lambda view: view["steps"][3]["status"] == "waiting")
    assert again["steps"][2]["status"] == "done"
    cancelled = await client.post(f"/api/runs/{made['run_id']}/cancel")
    assert cancelled.json()["steps"][3]["status"] == "cancelled"
    path = f"/api/actions/{again['steps'][3]['action_id']}"
    async with asyncio.timeout(PATIENCE_S):
        while (left := await client.get(path))["status"] == "proposed":  # noqa: ASYNC110 - over HTTP
            await asyncio.sleep(0.05)
    assert left["status"] == "withdrawn", "nobody is asked any more for what is not wanted"
    titles = Counter(found["summary"] for found in await sandbox.calendar_events())
    assert (titles["Free of others"], titles["Words of others"], titles["Never approved"]) == (1, 1, 0)


async def _events(
    client: AdjutantClient, run_id: str, after: str | None = None
) -> AsyncIterator[tuple[str, str, dict[str, Any]]]:
    headers = {"Last-Event-ID": after} if after else {}
    async with client.http.stream("GET", f"/api/runs/{run_id}/stream", headers=headers) as response:
        assert response.status_code == 200
        kind = id = ""
        async for line in response.aiter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "id":
                id = value
            elif name == "data":
                yield kind, id, json.loads(value)


@pytest.mark.every_way(sample=1)
@pytest.mark.parametrize(
    "victims",
    [
        ("chat", "tool"),
        ("chat", "tool", "gateway", "nats", "postgres"),
    ],
)
async def test_a_run_of_ten_steps_has_ten_effects_once_each_with_a_kill_after_each_begins(
    victims: tuple[str, ...],
) -> None:
    """After each step has begun, kill -9 of the next of these."""
    async with _adjutant() as (sandbox, adjutant), AdjutantClient(adjutant.url) as client:
        await client.sign_up("ada@example.com", PASSWORD)
        for provider in ("gmail", "calendar"):
            assert (await client.connect(provider, log_in)).status_code < 400
        steps = [
            event(number, *([f"s{number - 1}"] if number else []), title=f"Killed {number}") for number in range(STEPS)
        ]
        made = (await client.post("/api/runs", {"steps": steps, "start": True})).json()
        for number in range(STEPS):
            await run_until(client, made["run_id"], lambda view, n=number: _has_begun(view, n))  # type: ignore[misc]
            victim = victims[number % len(victims)]
            gone = adjutant.kill(victim)
            await until(lambda who=victim, dead=gone: dead not in adjutant.pids(who), 30, f"the restart of {victim}")  # type: ignore[misc]
        done = await run_until(client, made["run_id"], lambda view: view["status"] in OVER)
        titles = Counter(found["summary"] for found in await sandbox.calendar_events())
    assert done["status"] == "done", [(step["status"], step["error"], step["detail"]) for step in done["steps"]]
    assert [titles[f"Killed {number}"] for number in range(STEPS)] == [1] * STEPS


def _has_begun(view: dict[str, Any], number: int) -> bool:
    return view["steps"][number]["status"] not in ("pending", "ready") or view["status"] in OVER


@asynccontextmanager
async def _adjutant() -> AsyncIterator[tuple[Sandbox, RunningAdjutant]]:
    with tempfile.TemporaryDirectory(prefix="adjutant-runs-", ignore_cleanup_errors=True) as directory:
        async with Sandbox(Path(directory) / "sandbox") as sandbox:
            settings = sandbox.settings() | {
                "ADJUTANT_CHAT_MODEL_BASE_URL": "",
                "ADJUTANT_GATEWAY_SIGN_UPS_PER_HOUR": "1000",
            }
            async with running_adjutant(Path(directory) / "data", settings) as adjutant:
                yield sandbox, adjutant
