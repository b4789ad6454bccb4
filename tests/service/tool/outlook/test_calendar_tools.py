"""The Outlook calendar through its tools, against the small Graph server of ours that sync's tests use too.

Nobody emulates Graph's calendar. The server holds every request against what Microsoft documents (see
`tests.service.providers.graph_agenda`); what Graph does beyond its documentation is not tested.
"""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from contracts.tool import ExecutionStatus
from services.tool.deps import ToolDeps
from tests.service.providers.graph_agenda import GraphAgenda
from tests.service.tool.front import Fault, Front
from tests.service.tool.lost_answers import lost_answers, with_a_forgotten_result, with_a_lost_answer
from tests.service.tool.outlook.server import Microsoft
from tests.service.tool.world import TIMEZONE, World

SARAH, TOM = "sarah.chen@example.com", "tom@example.com"
CREATE = "POST /v1.0/me/events HTTP"
DAY = "2026-12-01"


@pytest.fixture
def outlook(world: World, tool: ToolDeps, microsoft: Microsoft, front: Front) -> World:
    world.oauth.connected = {"outlook_calendar"}
    microsoft.renew(front.url)
    return world


@pytest.fixture
def agenda(outlook: World, microsoft: Microsoft) -> GraphAgenda:
    return microsoft.graph.agenda


def guest(address: str, **more: Any) -> dict[str, Any]:
    return {"emailAddress": {"address": address, "name": ""}, "type": "required", **more}


def meeting(agenda: GraphAgenda, id: str = "AAMk=", **more: Any) -> str:
    """At ten in Berlin, for an hour, with Tom, who need not come."""
    given = {"attendees": [guest(TOM, type="optional")], "subject": "Review"} | more
    agenda.put(id, f"{DAY}T09:00:00", f"{DAY}T10:00:00", **given)
    return id


async def test_a_day_is_listed_in_the_users_zone(outlook: World, agenda: GraphAgenda) -> None:
    meeting(agenda, location={"displayName": "Room 1"}, bodyPreview="Bring the drawings")
    agenda.put("late", f"{DAY}T23:10:00", f"{DAY}T23:20:00")
    agenda.put("gone", f"{DAY}T11:00:00", f"{DAY}T12:00:00", isCancelled=True)
    agenda.put("holiday", f"{DAY}T00:00:00", "2026-12-02T00:00:00", isAllDay=True, showAs="free")

    listed = await outlook.result("outlook_calendar_list", day=DAY)
    next_day = await outlook.result("outlook_calendar_list", day="2026-12-02")

    assert [(event["id"], event["start"], event["all_day"]) for event in listed["events"]] == [
        ("holiday", DAY, True),
        ("AAMk=", f"{DAY}T10:00:00+01:00", False),
    ]
    review = listed["events"][1]
    assert (review["location"], review["description"]) == ("Room 1", "Bring the drawings")
    assert review["guests"] == [{"name": "", "address": TOM, "response": ""}]
    assert [event["id"] for event in next_day["events"]] == ["late"]


async def test_free_and_busy_follow_from_what_an_event_says_of_it(outlook: World, agenda: GraphAgenda) -> None:
    meeting(agenda)
    agenda.put("overlapping", f"{DAY}T09:30:00", f"{DAY}T11:00:00", showAs="tentative")
    agenda.put("reminder", f"{DAY}T12:00:00", f"{DAY}T13:00:00", showAs="free")
    agenda.put("away", "2026-12-02T00:00:00", "2026-12-03T00:00:00", isAllDay=True, showAs="oof")

    found = await outlook.result("outlook_calendar_availability", start=f"{DAY}T08:00", end=f"{DAY}T18:00")
    away = await outlook.result("outlook_calendar_availability", start="2026-12-02", end="2026-12-02")

    assert [(each["start"][11:16], each["end"][11:16]) for each in found["busy"]] == [("10:00", "12:00")]
    assert [(each["start"][11:16], each["end"][11:16]) for each in found["free"]] == [
        ("08:00", "10:00"),
        ("12:00", "18:00"),
    ]
    assert (away["is_free"], away["free"]) == (False, [])
    assert "Review" not in str(found)


async def test_a_full_calendar_is_read_over_its_pages_and_one_too_full_is_not_called_free(
    outlook: World, agenda: GraphAgenda
) -> None:
    for n in range(120):
        agenda.put(f"e{n}", f"{DAY}T{n // 60:02}:{n % 60:02}:00", f"{DAY}T{n // 60:02}:{n % 60:02}:30")
    busy = await outlook.result("outlook_calendar_availability", start=DAY, end=DAY)
    for n in range(600):
        agenda.put(f"f{n}", f"{DAY}T12:00:00", f"{DAY}T12:01:00")
    refused = await outlook.read("outlook_calendar_availability", start=DAY, end=DAY)

    assert len(busy["busy"]) == 120
    assert refused.error == "provider_unavailable"


async def test_an_event_is_created_and_its_guests_invited(outlook: World, agenda: GraphAgenda) -> None:
    created = await outlook.done(
        "outlook_calendar_create_event", title="Coffee", start="tomorrow at 2pm", guests=[SARAH, SARAH.upper()]
    )

    (row,) = agenda.events.values()
    tomorrow = datetime.now(ZoneInfo(TIMEZONE)).date() + timedelta(days=1)
    assert created["event_id"] == row["id"]
    assert created["start"].startswith(f"{tomorrow}T14:00:00+0")
    assert (created["title"], created["guests"]) == ("Coffee", [SARAH.upper()])
    assert agenda.told == [(row["id"], "invited")]
    assert row["start"]["timeZone"] == "UTC"


@pytest.mark.every_way(sample=2)
@lost_answers()
async def test_a_lost_answer_never_makes_two_events(
    outlook: World, agenda: GraphAgenda, way: str, did_it: bool
) -> None:
    created = await with_a_lost_answer(
        outlook,
        CREATE,
        way,
        did_it,
        "outlook_calendar_create_event",
        title="Once",
        start="tomorrow at 2pm",
        guests=[SARAH],
    )

    assert list(agenda.events) == [created["event_id"]]
    assert agenda.told == [(created["event_id"], "invited")]


async def test_an_event_that_is_not_found_yet_is_not_made_twice(outlook: World, agenda: GraphAgenda) -> None:
    """Graph keeps the `transactionId`: also a look that comes too early leads to one event."""
    outlook.front.faults = [
        Fault(CREATE, cut=True, after_commit=True),
        Fault("GET /v1.0/me/events?", status=200, body=b'{"value": []}'),
    ]

    created = await outlook.done("outlook_calendar_create_event", title="Once", start="tomorrow at 2pm")

    assert list(agenda.events) == [created["event_id"]]
    assert outlook.front.count(CREATE) == 2


async def test_a_moved_event_lasts_as_long_and_keeps_what_was_not_named(outlook: World, agenda: GraphAgenda) -> None:
    id = meeting(agenda)

    changed = await outlook.done("outlook_calendar_update_event", event_id=id, start=f"{DAY}T15:00")

    row = agenda.events[id]
    assert (changed["start"], changed["end"]) == (f"{DAY}T15:00:00+01:00", f"{DAY}T16:00:00+01:00")
    assert (row["subject"], row["attendees"]) == ("Review", [guest(TOM, type="optional")])
    assert agenda.told == [(id, "updated")]


async def test_title_end_and_guests_change_and_the_others_stay_as_they_were(
    outlook: World, agenda: GraphAgenda
) -> None:
    id = meeting(agenda, attendees=[guest(TOM, type="optional"), guest("old@example.com")])

    changed = await outlook.done(
        "outlook_calendar_update_event",
        event_id=id,
        title="Great review",
        end=f"{DAY}T10:30",
        add_guests=[SARAH, TOM],
        remove_guests=["OLD@example.com"],
    )

    assert (changed["title"], changed["end"]) == ("Great review", f"{DAY}T10:30:00+01:00")
    kinds = {each["emailAddress"]["address"]: each["type"] for each in agenda.events[id]["attendees"]}
    assert kinds == {TOM: "optional", SARAH: "required"}


@pytest.mark.every_way(sample=2)
@lost_answers()
async def test_a_lost_answer_never_tells_guests_twice_of_a_change(
    outlook: World, agenda: GraphAgenda, way: str, did_it: bool
) -> None:
    id = meeting(agenda)

    changed = await with_a_lost_answer(
        outlook, "PATCH ", way, did_it, "outlook_calendar_update_event", event_id=id, title="Once"
    )

    assert (changed["title"], agenda.events[id]["subject"]) == ("Once", "Once")
    assert agenda.told == [(id, "updated")]


async def test_an_event_is_cancelled_and_its_guests_are_told_why(outlook: World, agenda: GraphAgenda) -> None:
    id = meeting(agenda)

    cancelled = await outlook.done("outlook_calendar_cancel_event", event_id=id, message="I am ill, sorry.")

    assert cancelled == {"event_id": id, "title": "Review", "guests_told": [TOM]}
    assert agenda.told == [(id, "cancelled: I am ill, sorry.")]
    assert agenda.events == {}


async def test_an_event_without_guests_is_deleted(outlook: World, agenda: GraphAgenda) -> None:
    id = meeting(agenda, attendees=[])

    assert (await outlook.done("outlook_calendar_cancel_event", event_id=id))["guests_told"] == []
    assert agenda.events == {}
    assert outlook.front.count("/cancel") == 0


@pytest.mark.every_way(sample=2)
@lost_answers()
@pytest.mark.parametrize("finds_deleted", [False, True], ids=["deleted is gone", "deleted is found"])
async def test_a_lost_answer_never_cancels_twice(
    outlook: World, agenda: GraphAgenda, way: str, did_it: bool, finds_deleted: bool
) -> None:
    id = meeting(agenda)
    agenda.finds_deleted = finds_deleted

    await with_a_lost_answer(outlook, "/cancel", way, did_it, "outlook_calendar_cancel_event", event_id=id)

    assert agenda.told == [(id, "cancelled: ")]


async def test_a_process_that_dies_after_the_fact_tells_guests_once_of_each_step(
    outlook: World, agenda: GraphAgenda, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await with_a_forgotten_result(
        outlook,
        monkeypatch,
        "outlook_calendar_create_event",
        title="Once",
        start="tomorrow at 2pm",
        guests=[SARAH],
    )
    which = {"event_id": made["event_id"]}
    await with_a_forgotten_result(outlook, monkeypatch, "outlook_calendar_update_event", **which, title="Twice")
    await with_a_forgotten_result(outlook, monkeypatch, "outlook_calendar_cancel_event", **which)

    assert [what for _, what in agenda.told] == ["invited", "updated", "cancelled: "]


@pytest.mark.parametrize(
    ("tool_name", "arguments"),
    [
        ("outlook_calendar_update_event", {"title": "Mine now"}),
        ("outlook_calendar_cancel_event", {"message": "No."}),
    ],
)
async def test_a_guest_changes_nothing(
    outlook: World, agenda: GraphAgenda, tool_name: str, arguments: dict[str, Any]
) -> None:
    id = meeting(agenda, isOrganizer=False)

    outcome = await outlook.execute(outlook.asked(tool_name, {"event_id": id, **arguments}))

    assert (outcome.status, outcome.error) == (ExecutionStatus.FAILED, "invalid_arguments")
    assert (agenda.told, agenda.events[id]["subject"]) == ([], "Review")


@pytest.mark.parametrize(
    ("tool_name", "arguments", "slug"),
    [
        ("outlook_calendar_create_event", {"title": "t", "start": "someday"}, "time_not_understood"),
        ("outlook_calendar_create_event", {"title": "t", "start": f"{DAY}T10:00", "end": DAY}, "time_not_understood"),
        ("outlook_calendar_update_event", {"event_id": "AAMk="}, "invalid_arguments"),
        (
            "outlook_calendar_update_event",
            {"event_id": "AAMk=", "add_guests": [TOM], "remove_guests": [TOM.upper()]},
            "invalid_arguments",
        ),
        ("outlook_calendar_update_event", {"event_id": "gone", "title": "t"}, "provider_entity_not_found"),
        ("outlook_calendar_update_event", {"event_id": "AAMk=", "end": f"{DAY}T09:00"}, "invalid_arguments"),
        ("outlook_calendar_update_event", {"event_id": "AAMk=", "description": "d"}, "invalid_arguments"),
        ("outlook_calendar_update_event", {"event_id": "holiday", "start": f"{DAY}T09:00"}, "invalid_arguments"),
        ("outlook_calendar_cancel_event", {"event_id": "gone"}, "provider_entity_not_found"),
        ("outlook_calendar_cancel_event", {"event_id": "../me"}, "invalid_arguments"),
    ],
)
async def test_what_cannot_be_done_fails_with_a_reason(
    outlook: World, agenda: GraphAgenda, tool_name: str, arguments: dict[str, Any], slug: str
) -> None:
    meeting(agenda, isOnlineMeeting=True)
    agenda.put("holiday", f"{DAY}T00:00:00", "2026-12-02T00:00:00", isAllDay=True)

    outcome = await outlook.execute(outlook.asked(tool_name, arguments))

    assert (outcome.status, outcome.error) == (ExecutionStatus.FAILED, slug)
    assert agenda.told == []


async def test_who_is_asked_about_an_event_reads_which_it_is_and_who_is_told(
    outlook: World, agenda: GraphAgenda
) -> None:
    id = meeting(agenda)

    cancelled = await outlook.proposed("outlook_calendar_cancel_event", event_id=id)
    changed = await outlook.proposed("outlook_calendar_update_event", event_id=id, add_guests=[SARAH], end="3pm")

    assert cancelled.title == "Cancel an event: Review, Tuesday, 01 December 2026, 10:00"
    assert [(field.label, field.value) for field in cancelled.fields] == [
        ("Event", "Review, Tuesday, 01 December 2026, 10:00"),
        ("Guests who are told", TOM),
    ]
    assert changed.title == f"Change an event and invite {SARAH}: Review, Tuesday, 01 December 2026, 10:00"
    # On which day "3pm" is depends on the event, so it stays as it was said.
    assert ("Ends", "3pm") in [(field.label, field.value) for field in changed.fields]
