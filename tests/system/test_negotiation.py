"""Two users of one Adjutant agree on a time over HTTP: each has a Google account of their own at the emulated Google.

What stands in a calendar is asked of the emulator with a token of that person's own.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from libs.sandbox import Sandbox
from libs.sandbox.google_login import log_in
from libs.sandbox.seeds import CALLBACKS, CLIENT_ID, CLIENT_SECRET, EMAIL
from libs.testing.client import AdjutantClient
from libs.testing.running import RunningAdjutant, free_port, running_adjutant

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

GRACE, MALLORY = "grace@example.com", "mallory@example.com"
PASSWORD = "correct horse battery staple"
_numbers = count(1)


class Scene(NamedTuple):
    """Everything, and where it is reached."""

    sandbox: Sandbox
    adjutant: RunningAdjutant
    url: str


class Couple(NamedTuple):
    """Two who are connected, by which connection."""

    ada: AdjutantClient
    grace: AdjutantClient
    connection_id: str


@pytest.fixture(scope="module")
async def scene() -> AsyncIterator[Scene]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="adjutant-negotiation-", ignore_cleanup_errors=True) as directory:
        sandbox = Sandbox(Path(directory) / "sandbox", public_url=url, with_model=False, others=(GRACE, MALLORY))
        async with sandbox:
            settings = sandbox.settings() | {"ADJUTANT_PORT": str(port), "ADJUTANT_PUBLIC_URL": url}
            replicas = ("--replicas", "tool=2")
            async with running_adjutant(Path(directory) / "data", settings, replicas) as adjutant:
                yield Scene(sandbox, adjutant, url)


@pytest.fixture
async def user(scene: Scene) -> AsyncIterator[Callable[[str], Awaitable[AdjutantClient]]]:
    """A new user whose calendar is that person's."""
    async with AsyncExitStack() as stack:

        async def new(person: str) -> AdjutantClient:
            client = await stack.enter_async_context(AdjutantClient(scene.adjutant.url))
            await client.sign_up(f"{person.partition('@')[0]}{next(_numbers)}@example.com", PASSWORD)
            (await client.connect("calendar", partial(log_in, person=person))).raise_for_status()
            return client

        yield new


@pytest.fixture
async def couple(user: Callable[[str], Awaitable[AdjutantClient]]) -> Couple:
    ada, grace = await user(EMAIL), await user(GRACE)
    invited = (await ada.post("/api/network/connections", {"email": grace.email})).json()
    accepted = await grace.post(f"/api/network/connections/{invited['connection_id']}/accept")
    assert (accepted.status_code, accepted.json()["status"]) == (200, "connected"), accepted.text
    return Couple(ada, grace, invited["connection_id"])


def in_days(days: int, hour: int = 0) -> datetime:
    return datetime.now(UTC).replace(hour=hour, minute=0, second=0, microsecond=0) + timedelta(days=days)


def proposal(connection_id: str, title: str, slot: datetime, **more: Any) -> dict[str, Any]:
    window = {"start": (slot - timedelta(hours=4)).isoformat(), "end": (slot + timedelta(days=3)).isoformat()}
    named = {"slots": [slot.isoformat()]}
    return {"connection_id": connection_id, "title": title, "duration": 30, **window, **named} | more


async def ended(client: AdjutantClient, session_id: str) -> dict[str, Any]:
    """The negotiation, once it is settled."""
    async with asyncio.timeout(60):
        while True:
            sessions = (await client.get("/api/network/sessions"))["sessions"]
            (found,) = [each for each in sessions if each["session_id"] == session_id]
            if found["status"] not in ("open", "agreed", "cancelling"):
                settled: dict[str, Any] = found
                return settled
            await asyncio.sleep(0.1)


async def events_of(scene: Scene, person: str, title: str) -> list[dict[str, Any]]:
    """What stands in that person's calendar, as the provider says."""
    redirect, google = scene.url + CALLBACKS[1], scene.sandbox.google_url
    given = {"client_id": CLIENT_ID, "redirect_uri": redirect, "response_type": "code", "state": "s"}
    asked = httpx.URL(f"{google}/o/oauth2/v2/auth", params=given | {"scope": "openid email"})
    code = httpx.URL(await log_in(str(asked), person)).params["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect}
    async with httpx.AsyncClient(base_url=google) as http:
        secret = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        token = (await http.post("/oauth2/token", data=form | secret)).raise_for_status().json()["access_token"]
        found = await http.get(
            "/calendar/v3/calendars/primary/events",
            params={"q": title, "maxResults": 250},
            headers={"authorization": f"Bearer {token}"},
        )
    return [event for event in found.raise_for_status().json()["items"] if event["summary"].startswith(title)]


async def test_two_users_agree_after_a_counter_proposal(couple: Couple, scene: Scene) -> None:
    ada, grace, connection_id = couple
    slot, other = in_days(5, 9), in_days(5, 11)
    started = await ada.post("/api/network/sessions", proposal(connection_id, "Design talk", slot, note="Coffee?"))
    assert started.status_code == 201, started.text
    at = f"/api/network/sessions/{started.json()['session_id']}"

    (seen,) = (await grace.get("/api/network/sessions"))["sessions"]
    assert (seen["title"], seen["note"], seen["my_turn"]) == ("Design talk", "Coffee?", True)
    countered = await grace.post(f"{at}/propose", {"slots": [other.isoformat()]})
    assert countered.status_code == 200, countered.text
    assert (await grace.post(f"{at}/accept", {"slot": other.isoformat()})).status_code == 409
    agreed = await ada.post(f"{at}/accept", {"slot": other.isoformat()})
    assert agreed.status_code == 200, agreed.text
    assert (await ended(grace, started.json()["session_id"]))["status"] == "confirmed"

    for person in (EMAIL, GRACE):
        (event,) = await events_of(scene, person, "Design talk")
        assert datetime.fromisoformat(event["start"]["dateTime"]) == other


async def test_a_meeting_is_moved_and_then_called_off_in_both_calendars(couple: Couple, scene: Scene) -> None:
    ada, grace, connection_id = couple
    slot, later = in_days(9, 9), in_days(11, 14)
    started = (await ada.post("/api/network/sessions", proposal(connection_id, "Movable", slot))).json()
    at = f"/api/network/sessions/{started['session_id']}"
    await grace.post(f"{at}/accept", {"slot": slot.isoformat()})
    assert (await ended(ada, started["session_id"]))["status"] == "confirmed"

    opened = await grace.post(f"{at}/reschedule", {"slots": [later.isoformat()], "note": "My train is late"})
    assert (opened.status_code, opened.json()["status"]) == (200, "open"), opened.text
    assert datetime.fromisoformat(opened.json()["stands"]) == slot
    assert (await ada.post(f"{at}/accept", {"slot": later.isoformat()})).status_code == 200
    assert datetime.fromisoformat((await ended(grace, started["session_id"]))["stands"]) == later
    for person in (EMAIL, GRACE):
        (event,) = await events_of(scene, person, "Movable")
        assert datetime.fromisoformat(event["start"]["dateTime"]) == later

    cancelled = await ada.post(f"{at}/cancel")
    assert cancelled.json()["status"] in ("cancelling", "cancelled"), cancelled.text
    assert (await ended(grace, started["session_id"]))["status"] == "cancelled"
    for person in (EMAIL, GRACE):
        assert await events_of(scene, person, "Movable") == []
    for client in (ada, grace):
        await _told(client, {"A meeting was moved in both calendars", "A meeting was cancelled"})
    assert (await ada.post(f"{at}/reschedule", {"start": slot.isoformat()})).status_code == 422


async def test_both_inboxes_tell_of_the_steps(couple: Couple) -> None:
    ada, grace, connection_id = couple
    slot = in_days(6, 9)
    started = (await ada.post("/api/network/sessions", proposal(connection_id, "Steps", slot))).json()
    await grace.post(f"/api/network/sessions/{started['session_id']}/accept", {"slot": slot.isoformat()})
    await ended(ada, started["session_id"])

    expected = {
        "You are connected",
        "Times for a meeting were proposed",
        "A time was agreed on",
        "A meeting stands in both calendars",
    }
    for client in (ada, grace):
        titles = await _told(client, expected)
        assert ("Somebody would like to connect with you" in titles) is (client is grace)


async def test_when_the_second_calendar_cannot_be_written_the_first_gives_the_event_back(
    couple: Couple, scene: Scene, user: Callable[[str], Awaitable[AdjutantClient]]
) -> None:
    """Two users who share one Google account: what the first gets makes the second busy."""
    ada, twin = couple.ada, await user(EMAIL)
    invited = (await ada.post("/api/network/connections", {"email": twin.email})).json()
    await twin.post(f"/api/network/connections/{invited['connection_id']}/accept")
    slot = in_days(7, 9)
    started = (await ada.post("/api/network/sessions", proposal(invited["connection_id"], "Twins", slot))).json()
    await twin.post(f"/api/network/sessions/{started['session_id']}/accept", {"slot": slot.isoformat()})

    settled = await ended(ada, started["session_id"])
    assert (settled["status"], settled["error"]) == ("failed", "slot_taken")
    assert settled["detail"].startswith("The time was not free any more for one of you.")
    assert await events_of(scene, EMAIL, "Twins") == []


async def test_a_third_user_finds_nothing(couple: Couple, user: Callable[[str], Awaitable[AdjutantClient]]) -> None:
    ada, _, connection_id = couple
    mallory, slot = await user(MALLORY), in_days(8, 9)
    started = (await ada.post("/api/network/sessions", proposal(connection_id, "Private", slot))).json()
    at = f"/api/network/sessions/{started['session_id']}"

    assert (await mallory.get("/api/network/sessions"))["sessions"] == []
    assert (await mallory.get("/api/network/connections"))["connections"] == []
    for path, body in (("accept", {"slot": slot.isoformat()}), ("propose", {}), ("decline", {}), ("cancel", {})):
        assert (await mallory.post(f"{at}/{path}", body)).status_code == 404, path
    assert (await mallory.post("/api/network/sessions", proposal(connection_id, "Mine", slot))).status_code == 404
    assert (await mallory.delete(f"/api/network/connections/{connection_id}")).status_code == 404


async def test_an_invitation_to_nobody_is_answered_like_one_to_somebody(couple: Couple) -> None:
    ada, grace, _ = couple
    somebody = await grace.post("/api/network/connections", {"email": "ada2000@example.com"})
    again = await ada.post("/api/network/connections", {"email": f"nobody{next(_numbers)}@example.com"})

    assert (somebody.status_code, again.status_code) == (201, 201)
    assert somebody.json().keys() == again.json().keys()
    assert (await ada.post("/api/network/connections", {})).status_code == 422
    assert (await ada.post("/api/network/connections", {"email": ada.email})).status_code == 422


async def _told(client: AdjutantClient, expected: set[str]) -> set[str]:
    """Titles in the inbox, once the expected ones are there."""
    async with asyncio.timeout(30):
        while True:
            titles = {each["title"] for each in (await client.get("/api/notifications"))["notifications"]}
            if expected <= titles:
                return titles
            await asyncio.sleep(0.1)
