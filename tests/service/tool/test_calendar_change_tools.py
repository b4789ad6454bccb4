"""Events of Google Calendar are changed and cancelled once, and only by whom they belong to.

The emulated Google shows no single event and patches none, so a small server of ours stands behind the front; on which
truth it rests is said in `tests.service.tool.google_agenda`. That an event created through the emulator can be
cancelled there is tested against the emulator, in `tests.service.tool.test_calendar_undo`.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from contracts.tool import ExecutionStatus
from services.tool.deps import ToolDeps
from tests.service.providers.vendor_server import Told, Vendor, vendor
from tests.service.tool.front import reason
from tests.service.tool.google_agenda import OWNER, GoogleAgenda
from tests.service.tool.lost_answers import lost_answers, with_a_forgotten_result, with_a_lost_answer
from tests.service.tool.world import World

SARAH, TOM, EVE = "sarah.chen@example.com", "tom@example.com", "eve@example.com"
ONE = "/calendar/v3/calendars/primary/events/e1"
START, END = "2026-12-01T14:00:00+01:00", "2026-12-01T15:30:00+01:00"


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[Vendor]:
    async with vendor(lambda asked: Told({}, 404)) as running:
        yield running


@pytest.fixture(scope="module")
async def google(server: Vendor) -> str:
    """In these tests this calendar is behind the front."""
    return server.url


@pytest.fixture
def agenda(world: World, tool: ToolDeps, server: Vendor) -> GoogleAgenda:
    fresh = GoogleAgenda()
    server.answer = fresh.answer
    guests = [{"email": OWNER, "self": True}, {"email": SARAH, "responseStatus": "accepted"}]
    fresh.put("e1", START, END, attendees=guests, description="Bring the drawings")
    return fresh


async def _update(world: World, **changes: Any) -> dict[str, Any]:
    return await world.done("calendar_update_event", event_id="e1", **changes)


async def test_an_event_moves_and_lasts_as_long_as_before(world: World, agenda: GoogleAgenda) -> None:
    changed = await _update(world, start="2026-12-02T09:00")

    assert (changed["start"], changed["end"]) == ("2026-12-02T09:00:00+01:00", "2026-12-02T10:30:00+01:00")
    assert agenda.events["e1"]["start"] == {"dateTime": "2026-12-02T09:00:00+01:00", "timeZone": "Europe/Berlin"}
    assert agenda.told == [("e1", "changed")]


async def test_what_is_not_given_stays(world: World, agenda: GoogleAgenda) -> None:
    changed = await _update(world, title="Design review, second part")

    row = agenda.events["e1"]
    assert (changed["title"], row["summary"]) == ("Design review, second part",) * 2
    assert (row["description"], row["start"]["dateTime"]) == ("Bring the drawings", START)
    assert agenda.guests("e1") == {OWNER: "needsAction", SARAH: "accepted"}


async def test_an_end_may_change_alone(world: World, agenda: GoogleAgenda) -> None:
    changed = await _update(world, end="2026-12-01T16:00")

    assert (changed["start"], changed["end"]) == (START, "2026-12-01T16:00:00+01:00")


async def test_guests_come_and_go_and_the_others_keep_their_answers(world: World, agenda: GoogleAgenda) -> None:
    await _update(world, add_guests=[TOM, SARAH.upper()])
    assert agenda.guests("e1") == {OWNER: "needsAction", SARAH: "accepted", TOM: "needsAction"}

    changed = await _update(world, remove_guests=[SARAH.upper()])
    assert changed["guests"] == [OWNER, TOM]


async def test_an_answer_given_meanwhile_is_not_lost(world: World, agenda: GoogleAgenda) -> None:
    declined = [{"email": OWNER, "self": True}, {"email": SARAH, "responseStatus": "declined"}]
    agenda.meanwhile = [("e1", {"attendees": declined})]

    await _update(world, add_guests=[TOM])

    assert agenda.guests("e1") == {OWNER: "needsAction", SARAH: "declined", TOM: "needsAction"}
    assert agenda.told == [("e1", "changed")]


async def test_a_new_text_keeps_the_mark_by_which_the_event_is_found(world: World, agenda: GoogleAgenda) -> None:
    agenda.events["e1"]["description"] = "Old\n\nScheduled by Adjutant, ref abc"

    await _update(world, description="New")

    assert agenda.events["e1"]["description"] == "New\n\nScheduled by Adjutant, ref abc"


@pytest.mark.every_way(sample=2)
@lost_answers()
async def test_a_lost_answer_changes_an_event_once(world: World, agenda: GoogleAgenda, way: str, did_it: bool) -> None:
    changed = await with_a_lost_answer(
        world, f"PATCH {ONE}", way, did_it, "calendar_update_event", event_id="e1", start="2026-12-02T09:00"
    )

    assert changed["start"] == "2026-12-02T09:00:00+01:00"
    assert agenda.told == [("e1", "changed")]


@pytest.mark.every_way(sample=2)
@lost_answers()
async def test_a_lost_answer_cancels_an_event_once(world: World, agenda: GoogleAgenda, way: str, did_it: bool) -> None:
    cancelled = await with_a_lost_answer(world, f"DELETE {ONE}", way, did_it, "calendar_cancel_event", event_id="e1")

    assert cancelled["event_id"] == "e1"
    assert agenda.told == [("e1", "cancelled")]


async def test_a_process_that_dies_changes_and_cancels_once(
    world: World, agenda: GoogleAgenda, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"event_id": "e1", "title": "Moved"}
    changed = await with_a_forgotten_result(world, monkeypatch, "calendar_update_event", **given)
    assert (changed["title"], agenda.told) == ("Moved", [("e1", "changed")])

    await with_a_forgotten_result(world, monkeypatch, "calendar_cancel_event", event_id="e1")
    assert agenda.told == [("e1", "changed"), ("e1", "cancelled")]


async def test_an_event_is_cancelled_and_its_guests_are_told(world: World, agenda: GoogleAgenda) -> None:
    cancelled = await world.done("calendar_cancel_event", event_id="e1")

    assert cancelled == {"event_id": "e1", "title": "e1", "guests_told": [SARAH]}
    assert agenda.events["e1"]["status"] == "cancelled"


@pytest.mark.parametrize("tool_name", ["calendar_update_event", "calendar_cancel_event"])
async def test_the_event_of_somebody_else_is_left_alone(world: World, agenda: GoogleAgenda, tool_name: str) -> None:
    agenda.put("theirs", START, END, organizer={"email": EVE})
    more = {"title": "Mine now"} if tool_name == "calendar_update_event" else {}

    outcome = await world.execute(world.asked(tool_name, {"event_id": "theirs", **more}))

    assert (outcome.status, outcome.error) == (ExecutionStatus.FAILED, "invalid_arguments")
    assert agenda.told == []


@pytest.mark.parametrize(
    ("tool_name", "arguments", "slug"),
    [
        ("calendar_update_event", {"event_id": "e1"}, "invalid_arguments"),
        ("calendar_update_event", {"event_id": "e1", "end": "2026-11-01T10:00"}, "invalid_arguments"),
        ("calendar_update_event", {"event_id": "e1", "start": "someday"}, "time_not_understood"),
        ("calendar_update_event", {"event_id": "e1", "add_guests": ["Tom"]}, "invalid_arguments"),
        ("calendar_update_event", {"event_id": "e1", "add_guests": [TOM], "remove_guests": [TOM]}, "invalid_arguments"),
        ("calendar_update_event", {"event_id": "day", "start": "2026-12-02T09:00"}, "invalid_arguments"),
        ("calendar_update_event", {"event_id": "gone", "title": "t"}, "provider_entity_not_found"),
        ("calendar_update_event", {"event_id": "../../x", "title": "t"}, "invalid_arguments"),
        ("calendar_cancel_event", {"event_id": "gone"}, "provider_entity_not_found"),
        ("calendar_cancel_event", {}, "invalid_arguments"),
    ],
)
async def test_what_cannot_be_done_fails_with_a_reason(
    world: World, agenda: GoogleAgenda, tool_name: str, arguments: dict[str, Any], slug: str
) -> None:
    agenda.put("day", "2026-12-01", "2026-12-02")

    outcome = await world.execute(world.asked(tool_name, arguments))

    assert (outcome.status, outcome.error) == (ExecutionStatus.FAILED, slug)
    assert agenda.told == []


async def test_an_event_that_is_cancelled_already_is_not_cancelled_again(world: World, agenda: GoogleAgenda) -> None:
    await world.done("calendar_cancel_event", event_id="e1")

    outcome = await world.execute(world.asked("calendar_cancel_event", {"event_id": "e1"}))

    assert (outcome.status, outcome.error) == (ExecutionStatus.FAILED, "provider_entity_not_found")
    assert agenda.told == [("e1", "cancelled")]


async def test_a_refusal_that_is_no_race_stays_a_refusal(world: World, agenda: GoogleAgenda) -> None:
    world.front.faults = [reason(f"PATCH {ONE}", 400, "invalidArgument")]

    outcome = await world.execute(world.asked("calendar_update_event", {"event_id": "e1", "title": "t"}))

    assert (outcome.status, outcome.error) == (ExecutionStatus.FAILED, "provider_refused")
    assert world.front.count(f"PATCH {ONE}") == 1


async def test_who_is_asked_reads_which_event_it_is_and_who_is_told(world: World, agenda: GoogleAgenda) -> None:
    agenda.events["e1"]["summary"] = "Design\u200b review" + " and more" * 50
    agenda.put("holiday", "2026-12-24", "2026-12-25")

    cancelled = await world.proposed("calendar_cancel_event", event_id="e1")
    whole_day = await world.proposed("calendar_cancel_event", event_id="holiday")

    assert cancelled.title.startswith("Cancel an event: Design review and more")
    assert cancelled.title.endswith("…, Tuesday, 01 December 2026, 14:00")
    assert ("Guests who are told", SARAH) in [(field.label, field.value) for field in cancelled.fields]
    assert whole_day.title == "Cancel an event: holiday, Thursday, 24 December 2026"
    assert agenda.told == []
