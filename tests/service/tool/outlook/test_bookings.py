"""Outsiders book into an Outlook calendar, against the small Graph server of ours that the tools' tests use too.

Nobody emulates Graph's calendar. The server holds every request against what Microsoft documents (see
`tests.service.providers.graph_agenda`); what Graph does beyond its documentation is not tested.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.bus import Bus
from services.tool.deps import ToolDeps
from tests.service.providers.graph_agenda import GraphAgenda
from tests.service.tool.front import Fault, Front
from tests.service.tool.outlook.server import Microsoft
from tests.service.tool.visitors import Owner, at, refused
from tests.service.tool.world import World

CREATE = "POST /v1.0/me/events HTTP"


@pytest.fixture
def owner(gateway: Bus, world: World, tool: ToolDeps, microsoft: Microsoft, front: Front) -> Owner:
    world.oauth.connected = {"outlook_calendar"}
    microsoft.renew(front.url)
    return Owner(gateway, world.seal, world.scope, world.google)


@pytest.fixture
def agenda(owner: Owner, microsoft: Microsoft) -> GraphAgenda:
    return microsoft.graph.agenda


def put(agenda: GraphAgenda, start: datetime, minutes: int = 60, **more: Any) -> None:
    ends = start + timedelta(minutes=minutes)
    agenda.put(f"at {start:%H%M}", *(f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}" for moment in (start, ends)), **more)


def begins(row: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(row["start"]["dateTime"][:19]).replace(tzinfo=UTC)


async def test_slots_leave_out_what_keeps_the_owner_busy(owner: Owner, agenda: GraphAgenda) -> None:
    visitor = await owner.link(timezone="UTC")
    put(agenda, at(3, 9))
    put(agenda, at(3, 11), showAs="free")
    put(agenda, at(4, 0), 24 * 60, isAllDay=True, showAs="oof")

    assert await visitor.slots(at(3, 8, 30), days=0.0625) == [at(3, 8, 30)]
    assert at(3, 11) in await visitor.slots(at(3, 11))
    assert await visitor.slots(at(4, 0), days=0.99) == []


async def test_a_booking_is_made_moved_and_cancelled(owner: Owner, agenda: GraphAgenda) -> None:
    visitor = await owner.link(label="Talk")
    booked = await visitor.book(await visitor.hold(at(5, 9)), name="Grace", note="About compilers")
    ((reference, event),) = agenda.events.items()
    assert (event["subject"], event["body"]["content"], begins(event)) == ("Talk: Grace", "About compilers", at(5, 9))
    assert [each["emailAddress"]["address"] for each in event["attendees"]] == ["grace@example.org"]

    moved = await visitor.move(booked.booking_id, at(5, 9, 30))
    assert (moved.status, begins(agenda.events[reference])) == ("accepted", at(5, 9, 30))
    put(agenda, at(5, 12))
    assert await refused(visitor.move(booked.booking_id, at(5, 12, 30))) == "slot_taken"

    assert (await visitor.cancel(booked.booking_id)).status == "cancelled"
    assert [name for name in agenda.events if name == reference] == []
    assert [what for _, what in agenda.told] == ["invited", "updated", "cancelled: "]


@pytest.mark.parametrize("is_done", [True, False], ids=["provider did it", "provider did not"])
async def test_a_lost_answer_makes_no_second_event(
    owner: Owner, agenda: GraphAgenda, front: Front, is_done: bool
) -> None:
    visitor = await owner.link()
    held = await visitor.hold(at(6, 9))
    front.faults = [Fault(CREATE, cut=True, after_commit=is_done)]

    assert (await visitor.book(held)).status == "accepted"
    assert len(agenda.events) == 1


async def test_an_owner_without_any_calendar_cannot_be_booked(owner: Owner, world: World) -> None:
    world.oauth.connected = {"gmail"}
    visitor = await owner.link()

    assert await refused(visitor.slots(at(7, 9))) == "booking_unavailable"
    assert await refused(visitor.book(await visitor.hold(at(7, 9)))) == "booking_unavailable"
