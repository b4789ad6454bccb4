"""An outsider books with a secret link: sees free times and nothing else, holds one, books it, moves it, cancels it.

Google is an emulator that we did not write; it cannot change an event, so a moved booking is one made anew there.
Each outsider comes from an address of their own, through a proxy that the gateway trusts.
"""

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from libs.sandbox import Sandbox
from libs.sandbox.google_login import log_in
from libs.sandbox.seeds import EMAIL, EVENTS
from libs.testing.client import AdjutantClient
from libs.testing.running import RunningAdjutant, free_port, running_adjutant
from tests.system.conftest import data_of
from tests.system.outsiders import Visitor, events, in_days, make_link

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

_owners = count(1)


@pytest.fixture(scope="module")
async def scene() -> AsyncIterator[tuple[Sandbox, RunningAdjutant]]:
    """An Adjutant of its own with three replicas of the tool service."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="adjutant-delegation-", ignore_cleanup_errors=True) as directory:
        url = f"http://127.0.0.1:{port}"
        async with Sandbox(Path(directory) / "sandbox", public_url=url, with_model=False) as sandbox:
            settings = sandbox.settings() | {
                "ADJUTANT_PORT": str(port),
                "ADJUTANT_PUBLIC_URL": url,
                "ADJUTANT_GATEWAY_TRUSTED_PROXIES": '["127.0.0.0/8"]',
                "ADJUTANT_GATEWAY_BOOKING_LINK_FACTOR": "100",
            }
            async with running_adjutant(Path(directory) / "data", settings, ("--replicas", "tool=3")) as running:
                yield sandbox, running


@pytest.fixture
def sandbox(scene: tuple[Sandbox, RunningAdjutant]) -> Sandbox:
    return scene[0]


@pytest.fixture
def adjutant(scene: tuple[Sandbox, RunningAdjutant]) -> RunningAdjutant:
    return scene[1]


@pytest.fixture
async def owner(adjutant: RunningAdjutant) -> AsyncIterator[AdjutantClient]:
    async with AdjutantClient(adjutant.url) as client:
        await client.sign_up(f"owner{next(_owners)}@example.com", "correct horse battery staple", timezone="UTC")
        (await client.connect("calendar", log_in)).raise_for_status()
        yield client


async def until(condition: Any, timeout_s: float = 90) -> Any:
    async with asyncio.timeout(timeout_s):
        while True:
            if found := await condition():
                return found
            await asyncio.sleep(0.1)


async def test_an_outsider_books_moves_and_cancels_and_the_calendar_follows(
    owner: AdjutantClient, adjutant: RunningAdjutant, sandbox: Sandbox
) -> None:
    made = await make_link(owner, "Consultation", shown_name="Ada", durations=[30, 60], step=30)
    async with Visitor(adjutant.url, made["token"]) as visitor:
        page = (await visitor.page()).json()
        assert (page["label"], page["name"], page["durations"]) == ("Consultation", "Ada", [30, 60])

        day = in_days(3, 9)
        assert day in await visitor.slots(day, timezone="Asia/Tokyo")
        hold = (await visitor.hold(day)).json()
        booked = await visitor.book(hold)
        assert booked.status_code == 201, booked.text
        booking = booked.json()

        (event,) = await events(sandbox, "Consultation")
        assert event["summary"] == "Consultation: Grace Hopper"
        assert {guest["email"] for guest in event["attendees"]} == {"grace@example.org", EMAIL}
        assert day not in await visitor.slots(day)

        later = {"secret": booking["secret"], "start": in_days(3, 14).isoformat()}
        moved = await visitor.http.post(f"/bookings/{booking['booking_id']}/reschedule", json=later)
        assert moved.status_code == 200, moved.text
        (event,) = await events(sandbox, "Consultation")
        assert datetime.fromisoformat(event["start"]["dateTime"]) == in_days(3, 14)

        (seen,) = (await owner.get(f"/api/delegations/{made['delegation']['delegation_id']}/bookings"))["bookings"]
        assert (seen["guest_name"], seen["note"], seen["status"]) == ("Grace Hopper", "About compilers", "accepted")

        secret = {"secret": booking["secret"]}
        gone = await visitor.http.post(f"/bookings/{booking['booking_id']}/cancel", json=secret)
        assert gone.json()["status"] == "cancelled"
        assert await events(sandbox, "Consultation") == []
        assert {day, in_days(3, 14)} <= set(await visitor.slots(day))

    async def told() -> bool:
        notices = (await owner.get("/api/notifications"))["notifications"]
        return sum(notice["kind"] == "booking" for notice in notices) == 3

    await until(told)
    trail = (await owner.get("/api/audit"))["entries"]
    by_visitor = {entry["action"]: entry["address"] for entry in trail if entry["actor"] == "visitor"}
    assert by_visitor == dict.fromkeys(("booking.made", "booking.moved", "booking.cancelled"), visitor.address)


async def test_what_fills_the_calendar_is_not_told(
    owner: AdjutantClient, adjutant: RunningAdjutant, sandbox: Sandbox
) -> None:
    made = await make_link(owner, "Curious")
    async with Visitor(adjutant.url, made["token"]) as visitor:
        seen = (await visitor.page()).text
        first, last = in_days(0, 0).date().isoformat(), in_days(20, 0).date().isoformat()
        params = {"from": first, "to": last, "duration": "30", "timezone": "UTC"}
        answer = await visitor.http.get("/slots", params=params)
        seen += answer.text
        tomorrow = set(await visitor.slots(in_days(1, 0)))

    for event in EVENTS:
        assert event.title not in seen
        if event.day == 1:
            assert in_days(1, 0) + timedelta(hours=event.hour) not in tomorrow
    assert EMAIL not in seen
    assert owner.email not in seen
    assert set(answer.json()) == {"timezone", "duration", "slots"}


async def test_two_hundred_outsiders_want_ten_slots_and_ten_get_them(
    owner: AdjutantClient, adjutant: RunningAdjutant, sandbox: Sandbox
) -> None:
    made = await make_link(owner, "Rush")
    slots = [in_days(40, 9) + n * timedelta(minutes=30) for n in range(10)]

    async def come(number: int) -> tuple[int, str]:
        async with Visitor(adjutant.url, made["token"]) as visitor:
            wanted = {"start": slots[number % 10].isoformat(), "duration": 30, "secret": f"{number:064}"}
            held = await patiently(lambda: visitor.http.post("/holds", json=wanted))
            if held.status_code != 201:
                return held.status_code, held.json()["title"]
            booked = await patiently(lambda: visitor.book(held.json(), name=f"Guest {number}"))
            return booked.status_code, booked.json()["status" if booked.is_success else "title"]

    outcomes = Counter(await asyncio.gather(*(come(number) for number in range(200))))

    starts = [datetime.fromisoformat(event["start"]["dateTime"]) for event in await events(sandbox, "Rush")]
    assert outcomes == {(201, "accepted"): 10, (409, "slot_taken"): 190}
    assert sorted(starts) == slots


async def patiently(send: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """As a client that comes again when told that something is away for the moment; both requests allow that."""
    for _ in range(10):
        answer = await send()
        if answer.status_code != 503 or answer.json()["title"] == "booking_unavailable":
            return answer
        await asyncio.sleep(float(answer.headers.get("retry-after", "1")))
    return answer


async def test_bookings_survive_the_death_of_who_was_making_them(
    owner: AdjutantClient, adjutant: RunningAdjutant, sandbox: Sandbox
) -> None:
    made = await make_link(owner, "Survivor")
    delegation = made["delegation"]["delegation_id"]
    slots = [in_days(50, 9) + n * timedelta(minutes=30) for n in range(8)]

    async def book(hold: dict[str, Any]) -> None:
        async with Visitor(adjutant.url, made["token"]) as visitor:
            await visitor.book(hold)  # the answer may get lost with who would have given it

    async with Visitor(adjutant.url, made["token"]) as visitor:
        holds = [(await visitor.hold(start)).json() for start in slots]
    booking = [asyncio.create_task(book(hold)) for hold in holds]
    await asyncio.sleep(0.1)  # in the middle of it
    for _ in range(2):
        adjutant.kill("tool")
    await asyncio.gather(*booking)

    async def listed() -> Counter[str]:
        answer = await owner.http.get(f"/api/delegations/{delegation}/bookings")
        return Counter(each["status"] for each in answer.json()["bookings"]) if answer.is_success else Counter()

    async def all_settled() -> Counter[str] | None:
        found = await listed()
        return found if found and not found["pending"] else None

    found = await until(all_settled)
    assert len(await events(sandbox, "Survivor")) == found["accepted"]
    assert not found["cancelled"], found


async def test_a_link_that_never_was_and_one_that_was_revoked_look_alike(
    owner: AdjutantClient, adjutant: RunningAdjutant
) -> None:
    made = await make_link(owner, "Short-lived")
    delegation = made["delegation"]["delegation_id"]
    assert (await owner.delete(f"/api/delegations/{delegation}")).status_code == 204
    (listed,) = (await owner.get("/api/delegations"))["delegations"]
    assert (listed["delegation_id"], listed["is_active"]) == (delegation, False)
    assert made["token"] not in str(listed)

    answers = []
    for token in (made["token"], "A" * 43, "short"):
        async with Visitor(adjutant.url, token) as visitor:
            answer = await visitor.page()
            answers.append({key: value for key, value in answer.json().items() if key != "request_id"})
            hidden = await visitor.http.post(f"/bookings/b_{'0' * 32}/cancel", json={"secret": "x"})
            answers.append({key: value for key, value in hidden.json().items() if key != "request_id"})
    assert answers[0]["status"] == 404
    assert all(answer == answers[0] for answer in answers)


async def test_terms_are_read_back_in_the_words_that_they_were_sent_in(owner: AdjutantClient) -> None:
    sent: dict[str, Any] = {
        "label": "Round trip",
        "shown_name": None,
        "timezone": "Europe/Berlin",
        "hours": {
            "monday": [{"from": "09:00", "to": "12:30"}, {"from": "14:00", "to": "24:00"}],
            "sunday": [{"from": "00:00", "to": "00:45"}],
        },
        "durations": [30, 45],
        "step": 15,
        "buffer_before": 5,
        "buffer_after": 10,
        "notice": 120,
        "days_ahead": 20,
        "max_per_day": 4,
        "allowed_guests": ["example.com"],
    }
    made = (await owner.post("/api/delegations", sent)).json()["delegation"]
    at = f"/api/delegations/{made['delegation_id']}"
    assert made["terms"] == sent
    assert made in (await owner.get("/api/delegations"))["delegations"]

    later = {"hours": {"friday": [{"from": "10:00", "to": "11:00"}]}, "step": 30}
    assert (await owner.patch(at, later)).json()["terms"] == sent | later
    again = await owner.patch(at, made["terms"])
    assert (again.status_code, again.json()) == (200, made)
    (await owner.delete(at)).raise_for_status()


async def test_an_owner_changes_what_a_link_allows_and_what_is_booked_stays(
    owner: AdjutantClient, adjutant: RunningAdjutant, sandbox: Sandbox
) -> None:
    made = await make_link(owner, "Changing", shown_name="Ada", durations=[30])
    at, day = f"/api/delegations/{made['delegation']['delegation_id']}", in_days(21, 9)
    async with Visitor(adjutant.url, made["token"]) as visitor:
        booked = await visitor.book((await visitor.hold(day)).json())
        assert booked.status_code == 201, booked.text
        held = (await visitor.hold(in_days(21, 11))).json()

        terms = {"label": "Changed", "shown_name": None, "durations": [60], "buffer_before": 60, "timezone": "UTC"}
        changed = await owner.patch(at, terms | {"hours": {"monday": [{"from": "10:00", "to": "12:00"}]}})
        assert changed.status_code == 200, changed.text
        page = (await visitor.page()).json()
        assert (page["label"], page["name"], page["durations"]) == ("Changed", None, [60])
        assert (await visitor.hold(in_days(22, 9))).status_code == 422, "half an hour is not on offer any more"

        assert (await visitor.book(held)).status_code == 201, "whoever holds a time may still book it"
        assert len(await events(sandbox, "Changing")) == 1
        assert len(await events(sandbox, "Changed")) == 1
        listed = (await owner.get(f"{at}/bookings"))["bookings"]
        assert {each["status"] for each in listed} == {"accepted"}

    for wrong in ({}, {"label": None}, {"durations": []}, {"hours": {"monday": []}}, {"token": "mine"}):
        assert (await owner.patch(at, wrong)).status_code == 422, wrong
    assert "delegation.changed" in {entry["action"] for entry in (await owner.get("/api/audit"))["entries"]}
    (await owner.delete(at)).raise_for_status()
    assert (await owner.patch(at, {"label": "Back"})).status_code == 409


async def test_links_belong_to_their_owner(owner: AdjutantClient, adjutant: RunningAdjutant) -> None:
    made = await make_link(owner, "Mine")
    delegation = made["delegation"]["delegation_id"]
    async with AdjutantClient(adjutant.url) as stranger:
        await stranger.sign_up("a.stranger@example.com", "correct horse battery staple")
        assert (await stranger.get("/api/delegations"))["delegations"] == []
        assert (await stranger.delete(f"/api/delegations/{delegation}")).status_code == 404
        assert (await stranger.http.get(f"/api/delegations/{delegation}/bookings")).status_code == 404
    async with Visitor(adjutant.url, made["token"]) as visitor:
        assert (await visitor.page()).status_code == 200


async def test_strangers_are_bounded_in_number_and_size(owner: AdjutantClient, adjutant: RunningAdjutant) -> None:
    made = await make_link(owner, "Popular")
    async with Visitor(adjutant.url, made["token"]) as pushy, Visitor(adjutant.url, made["token"]) as other:
        held = await pushy.hold(in_days(60, 9))
        large = await pushy.book(held.json(), note="x" * 20_000)
        assert (large.status_code, large.json()["title"]) == (413, "body_too_large")
        answers = [await pushy.hold(in_days(61, 9)) for _ in range(10)]
        assert answers[-1].status_code == 429
        assert int(answers[-1].headers["retry-after"]) <= 60
        assert answers[-1].headers["content-type"].startswith("application/problem+json")
        assert (await other.hold(in_days(62, 9))).status_code == 201


ODD_MOMENTS = (
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1969-12-31T23:59:59Z", "2026-11-24T10:00:00.000001Z"),
    *("2026-11-24T10:00:00", "now", "", "2026-02-30T00:00:00Z", "99999-01-01T00:00:00Z"),
)
ODD_WINDOWS = (
    {"from": "2199-12-31", "to": "2199-12-31"},
    {"from": "2000-01-01", "to": "2000-01-01"},
    {"from": "2026-12-02", "to": "2026-12-01"},
    {"from": "2026-12-01", "to": "2027-12-01"},
    {"from": "0001-01-01", "to": "9999-12-31"},
    {"from": "2026-12-01", "to": "2026-12-01", "timezone": "../../etc/passwd"},
    {"from": "2026-12-01", "to": "2026-12-01", "timezone": "Pacific/Kiritimati"},
    {"from": "2026-12-01", "to": "2026-12-01", "duration": "999999999999999999999"},
    {"from": "2026-12-01"},
)


async def test_whatever_strangers_send_is_answered_and_never_a_defect(
    owner: AdjutantClient, adjutant: RunningAdjutant
) -> None:
    made = await make_link(owner, "Fuzzed", buffer_before=240, buffer_after=240)
    seen = Counter[int]()

    async def ask(method: str, path: str, **content: Any) -> None:
        async with Visitor(adjutant.url, made["token"]) as visitor:
            answer = await visitor.http.request(method, path, **content)
        assert answer.status_code < 500, answer.text
        assert answer.is_success or answer.headers["content-type"] == "application/problem+json"
        seen[answer.status_code] += 1

    for moment in ODD_MOMENTS:
        await ask("POST", "/holds", json={"start": moment, "duration": 30})
        body = {"secret": "x", "start": moment}
        await ask("POST", f"/bookings/b_{'0' * 32}/reschedule", json=body)
    for window in ODD_WINDOWS:
        await ask("GET", "/slots", params={"duration": "30"} | window)
    held = {"booking_id": f"b_{'f' * 32}", "secret": "x", "address": "a@example.com"}
    for name in ("", " ", "\0", "x" * 201, "\u202e" * 50, "<script>"):
        await ask("POST", "/bookings", json=held | {"name": name})
    await ask("POST", "/bookings", content=b'{"name": "\\ud800"', headers={"content-type": "application/json"})
    await ask("POST", "/bookings", content=b"[" * 9000, headers={"content-type": "application/json"})
    await ask("GET", f"/bookings/b_{'0' * 32}", headers={"x-booking-secret": b"\xff"})
    await ask("GET", "/bookings/../../../../api/delegations")
    await ask("PUT", "/slots")

    assert set(seen) <= {200, 201, 400, 401, 404, 405, 409, 422}, seen


@pytest.mark.parametrize(
    ("rules", "complaint"),
    [
        ({"hours": {"monday": [{"from": "09:00", "to": "09:00"}]}}, "before"),
        ({"hours": {"monday": [{"from": "09:00", "to": "12:00"}, {"from": "11:00", "to": "13:00"}]}}, "overlap"),
        ({"hours": {}}, "hours: name at least one"),
        ({"hours": {"someday": []}}, "hours"),
        ({"durations": [1]}, "durations"),
        ({"allowed_guests": ["not an address"]}, "allowed_guests"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "future"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
    ],
    ids=str,
)
async def test_rules_that_make_no_sense_are_explained(
    owner: AdjutantClient, rules: dict[str, Any], complaint: str
) -> None:
    refused = await owner.post("/api/delegations", {"label": "Odd", "timezone": "UTC"} | rules)

    assert refused.status_code == 422
    assert complaint in refused.text


async def test_neither_links_nor_guests_are_found_in_logs_and_traces(
    owner: AdjutantClient, adjutant: RunningAdjutant
) -> None:
    made = await make_link(owner, "Discreet")
    async with Visitor(adjutant.url, made["token"]) as visitor:
        hold = (await visitor.hold(in_days(70, 9))).json()
        booked = (await visitor.book(hold, name="Vera Verysecret", address="vera@verysecret.example")).json()
        assert booked["status"] == "accepted"
    written = adjutant.log.read_text() + data_of(adjutant.data_dir / "traces") + data_of(adjutant.data_dir / "nats")

    for secret in (made["token"], hold["secret"], booked["secret"], "Verysecret", "verysecret.example"):
        assert secret not in written
