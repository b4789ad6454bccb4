"""What is booked is moved and cancelled, and the calendar follows, whatever state it is in.

The emulated Google has no request to change or read one event, so a moved booking is an event made anew there; that
a real server changes the event is played by the front.
"""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from services.tool.delegation import desk
from services.tool.delegation.availability import Span
from services.tool.delegation.guests import Guest, Host
from services.tool.deps import ToolDeps
from services.tool.reception import slots_of
from tests.conftest import Platform
from tests.service.neighbours import eventually
from tests.service.tool.front import Fault, Front
from tests.service.tool.visitors import HOST, Owner, at, hashed, refused
from tests.service.tool.world import World, running_tool, unique

INSERT = "POST /calendar/v3/calendars/primary/events"
DELETE = "DELETE /calendar/v3/calendars/primary/events"
FREEBUSY = "POST /calendar/v3/freeBusy"


async def test_a_cancelled_booking_is_out_of_the_calendar_and_its_slot_free(owner: Owner, tool: ToolDeps) -> None:
    label = unique("Off")
    visitor = await owner.link(label=label)
    booked = await visitor.book(await visitor.hold(at(12, 9)))

    assert (await visitor.cancel(booked.booking_id)).status == "cancelled"
    assert (await visitor.cancel(booked.booking_id)).status == "cancelled", "twice is as good as once"

    assert await owner.events(label) == []
    assert at(12, 9) in await visitor.slots(at(12, 9))
    assert (await visitor.book(await visitor.hold(at(12, 9), "next"), "next")).status == "accepted"


async def test_the_owner_cancels(owner: Owner, tool: ToolDeps) -> None:
    label = unique("No time")
    visitor = await owner.link(label=label)
    booked = await visitor.book(await visitor.hold(at(13, 9)))

    assert (await owner.cancel(visitor, booked.booking_id)).status == "cancelled"
    assert await owner.events(label) == []
    assert (await visitor.find(booked.booking_id)).status == "cancelled"
    assert await refused(visitor.move(booked.booking_id, at(13, 12))) == "booking_over"


async def test_a_booking_moves_also_onto_its_own_old_time(owner: Owner, tool: ToolDeps) -> None:
    label = unique("Later")
    visitor = await owner.link(label=label, durations=(60,))
    booked = await visitor.book(await visitor.hold(at(14, 9), minutes=60))

    moved = await visitor.move(booked.booking_id, at(14, 9, 30))

    (event,) = await owner.events(label)
    assert (moved.status, moved.starts_at) == ("accepted", at(14, 9, 30))
    assert datetime.fromisoformat(event["start"]["dateTime"]) == at(14, 9, 30)
    free = await visitor.slots(at(14, 8), days=0.125, minutes=60)
    assert free == [at(14, 8), at(14, 8, 30), at(14, 10, 30)], "the old time is free but for what the new one takes"


async def test_where_events_can_be_changed_a_moved_booking_stays_the_same_event(
    owner: Owner, tool: ToolDeps, front: Front
) -> None:
    visitor = await owner.link()
    booked = await visitor.book(await visitor.hold(at(14, 15)))
    written = front.count(INSERT)
    times = {"start": {"dateTime": at(14, 17).isoformat()}, "end": {"dateTime": at(14, 17, 30).isoformat()}}
    changed = json.dumps({"id": "evt_same", **times}).encode()
    front.faults = [Fault("PATCH /calendar/v3/calendars/primary/events", status=200, body=changed)]

    assert (await visitor.move(booked.booking_id, at(14, 17))).status == "accepted"
    assert (front.count("PATCH"), front.count("DELETE"), front.count(INSERT)) == (1, 0, written)


async def test_a_booking_cannot_move_to_where_the_calendar_is_busy_and_stays(
    owner: Owner, tool: ToolDeps, world: World
) -> None:
    label = unique("Stay")
    visitor = await owner.link(label=label)
    booked = await visitor.book(await visitor.hold(at(15, 9)))
    await owner.occupy(at(15, 11), 30, unique("Busy"))

    assert await refused(visitor.move(booked.booking_id, at(15, 11))) == "slot_taken"

    (event,) = await owner.events(label)
    assert datetime.fromisoformat(event["start"]["dateTime"]) == at(15, 9)
    assert (await visitor.find(booked.booking_id)).starts_at == at(15, 9)
    assert at(15, 9) not in await visitor.slots(at(15, 9))


async def test_a_cancelled_booking_leaves_a_calendar_that_was_away(
    owner: Owner, tool: ToolDeps, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    label = unique("Away")
    visitor = await owner.link(label=label)
    booked = await visitor.book(await visitor.hold(at(24, 9)))
    front.faults = [Fault(DELETE, status=503, times=99)]
    monkeypatch.setattr(desk, "SETTLED_AFTER", timedelta(seconds=1))

    assert (await visitor.cancel(booked.booking_id)).status == "cancelled"
    assert len(await owner.events(label)) == 1
    front.reset()

    async def is_gone() -> bool:
        return await owner.events(label) == []

    await eventually(is_gone, timeout_s=30)


async def test_an_event_that_comes_after_its_booking_was_cancelled_is_taken_out(
    owner: Owner, tool: ToolDeps, platform: Platform, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The calendar was slow once, so the guest could cancel; the second try to write the event is under way just then.
    That the first try failed is written into the row by the test."""
    label = unique("Late")
    visitor = await owner.link(label=label)
    held = await visitor.hold(at(26, 9))
    front.held_before[label.encode()] = arrived = asyncio.Event()
    monkeypatch.setattr(desk, "SETTLED_AFTER", timedelta(seconds=1))
    writing = asyncio.create_task(visitor.book(held))
    await arrived.wait()
    connection = await asyncpg.connect(platform.database.admin_url)
    await connection.execute("update tool.bookings set error = 'unknown' where booking_id = $1", held.booking_id)
    await connection.close()

    assert (await visitor.cancel(held.booking_id)).status == "cancelled"
    front.reset()
    assert await refused(writing) == "booking_unavailable"

    async def is_settled() -> bool:
        async with tool.db.reading(owner.scope) as tx:
            return not await tx.fetchval("select has_event from bookings where booking_id = $1", held.booking_id)

    await eventually(is_settled, timeout_s=30)
    assert await owner.events(label) == []


async def test_no_replica_remembers_a_calendar_that_a_booking_has_changed(
    owner: Owner, tool: ToolDeps, platform: Platform, front: Front
) -> None:
    visitor = await owner.link()
    async with running_tool(platform, front.url) as other:
        desks = [each.desk(owner.scope, visitor.link.delegation_id) for each in (tool, other)]

        async def seen() -> list[bool]:
            window, now = Span(at(27, 9), at(27, 10)), datetime.now(UTC)
            asked = zip(desks, (tool, other), strict=True)
            found = [await slots_of(desk, window, 30, now, 5, replica) for desk, replica in asked]
            return [at(27, 9) in slots for slots in found]

        assert await seen() == [True, True]
        asked = front.count(FREEBUSY)
        assert await seen() == [True, True]
        assert front.count(FREEBUSY) == asked, "what was asked a moment ago is not asked again"
        booked = await visitor.book(await visitor.hold(at(27, 9)))
        assert await seen() == [False, False]
        await visitor.cancel(booked.booking_id)
        assert await seen() == [True, True]


async def test_a_booking_that_hangs_can_be_called_off_after_a_while(
    owner: Owner, tool: ToolDeps, platform: Platform
) -> None:
    """Nobody ever wrote it into the calendar: its process died, and the command that follows was lost too."""
    visitor = await owner.link()
    held = await visitor.hold(at(28, 9))
    guest = Guest("Grace", "grace@example.org", "", "UTC", Host(HOST))
    at_desk = tool.desk(owner.scope, visitor.link.delegation_id)
    await at_desk.book(held.booking_id, hashed("of the hold"), hashed("to manage"), guest)

    assert await refused(visitor.cancel(held.booking_id)) == "booking_in_progress"
    connection = await asyncpg.connect(platform.database.admin_url)
    await connection.execute(
        "update tool.bookings set updated_at = updated_at - interval '16 minutes' where booking_id = $1",
        held.booking_id,
    )
    await connection.close()
    assert (await owner.cancel(visitor, held.booking_id)).status == "cancelled"
    assert await visitor.hold(at(28, 9), "another")
