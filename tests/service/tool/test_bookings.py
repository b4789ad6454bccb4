"""Outsiders book through links: one slot is for one of them, the calendar follows once, and nobody learns too much.

The emulated Google has no request to change or read one event, so a moved booking is an event made anew there; that
a real server changes the event is played by the front.
"""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from datetime import datetime, timedelta

import asyncpg
import pytest

from libs.bus import Bus
from libs.resilience.errors import AdjutantError
from services.tool.delegation import desk
from services.tool.delegation.guests import Guest, Host
from services.tool.deps import ToolDeps
from tests.conftest import Platform, new_scope
from tests.service.neighbours import eventually
from tests.service.tool.front import Fault, Front
from tests.service.tool.visitors import HOST, Owner, at, hashed, refused
from tests.service.tool.world import World, running_tool, unique

INSERT = "POST /calendar/v3/calendars/primary/events"
FREEBUSY = "POST /calendar/v3/freeBusy"


async def test_a_booking_is_an_event_with_both_as_guests(owner: Owner, tool: ToolDeps) -> None:
    label = unique("Consultation")
    visitor = await owner.link(label=label)
    held = await visitor.hold(at(2, 9))

    booked = await visitor.book(held, name="Grace Hopper", address="grace@example.org", note="About compilers")

    (event,) = await owner.events(label)
    assert booked.status == "accepted"
    assert event["summary"] == f"{label}: Grace Hopper"
    assert {guest["email"] for guest in event["attendees"]} == {"grace@example.org", HOST}
    assert event["description"].startswith("About compilers")
    assert datetime.fromisoformat(event["start"]["dateTime"]) == at(2, 9) == booked.starts_at
    (seen,) = await owner.bookings(visitor)
    assert (seen.status, seen.guest_name, seen.guest_address) == ("accepted", "Grace Hopper", "grace@example.org")


async def test_two_hundred_want_ten_slots_and_ten_get_them(
    owner: Owner, tool: ToolDeps, platform: Platform, front: Front
) -> None:
    label = unique("Rush")
    visitor = await owner.link(label=label)
    slots = [at(4, 9) + n * timedelta(minutes=30) for n in range(10)]

    async def come(number: int) -> str:
        try:
            held = await visitor.hold(slots[number % 10], f"secret {number}")
            booked = await visitor.book(held, f"secret {number}", name=f"Guest {number}")
        except AdjutantError as error:
            return error.slug
        return booked.status

    async with AsyncExitStack() as replicas:
        for _ in range(2):
            await replicas.enter_async_context(running_tool(platform, front.url))
        outcomes = Counter(await asyncio.gather(*(come(number) for number in range(200))))

    events = await owner.events(label)
    assert outcomes == {"accepted": 10, "slot_taken": 190}
    assert sorted(datetime.fromisoformat(event["start"]["dateTime"]) for event in events) == slots


async def test_links_of_one_owner_exclude_each_other(owner: Owner, tool: ToolDeps) -> None:
    one, other = await owner.link(durations=(60,)), await owner.link(durations=(45,), buffer_before_minutes=30)
    await one.hold(at(5, 9), minutes=60)

    assert await refused(other.hold(at(5, 9, 30), minutes=45)) == "slot_taken"
    assert await refused(other.hold(at(5, 10), minutes=45)) == "slot_taken", "its buffer reaches into the hour before"
    assert (await other.hold(at(5, 10, 30), minutes=45)).starts_at == at(5, 10, 30)


async def test_another_owner_has_the_same_hour(owner: Owner, tool: ToolDeps, gateway: Bus, world: World) -> None:
    stranger = Owner(gateway, world.seal, new_scope(), world.google)

    await (await owner.link()).hold(at(5, 13))
    assert await (await stranger.link()).hold(at(5, 13))


async def test_the_database_refuses_what_the_service_would_overlook(
    owner: Owner, tool: ToolDeps, platform: Platform
) -> None:
    visitor = await owner.link()
    held = await visitor.hold(at(5, 15))
    connection = await asyncpg.connect(platform.database.admin_url)
    try:
        with pytest.raises(asyncpg.ExclusionViolationError):
            await connection.execute(
                """insert into tool.bookings
                   select organization_id, user_id, 'b_' || repeat('0', 32), delegation_id, status, starts_at, ends_at,
                          taken, hold_until, hold_hash, manage_hash, guest, has_event, event_ref, wanted_starts_at,
                          wanted_ends_at, changes, tries, error, created_at, updated_at
                   from tool.bookings where booking_id = $1""",
                held.booking_id,
            )
    finally:
        await connection.close()


async def test_a_hold_that_has_run_out_makes_way_without_anybody_cleaning_up(
    owner: Owner, tool: ToolDeps, platform: Platform
) -> None:
    visitor = await owner.link()
    start = at(6, 9)
    late = await visitor.hold(start)
    assert await refused(visitor.hold(start, "another")) == "slot_taken"
    assert start not in await visitor.slots(start)

    await _age(platform, late.booking_id)

    assert start in await visitor.slots(start)
    assert await refused(visitor.book(late)) == "hold_expired"
    early = await visitor.hold(start, "another")
    assert await refused(visitor.book(late)) == "hold_expired"
    assert (await visitor.book(early, "another")).status == "accepted"


async def _age(platform: Platform, booking_id: str) -> None:
    """Let ten minutes pass for one hold."""
    connection = await asyncpg.connect(platform.database.admin_url)
    await connection.execute("set row_security = off")
    await connection.execute(
        "update tool.bookings set hold_until = hold_until - interval '11 minutes' where booking_id = $1", booking_id
    )
    await connection.close()


async def test_a_hold_asked_for_again_with_its_secret_is_the_same_hold(owner: Owner, tool: ToolDeps) -> None:
    visitor = await owner.link(durations=(30, 60))
    held = await visitor.hold(at(6, 15), "mine")

    assert await visitor.hold(at(6, 15), "mine") == held
    assert await refused(visitor.hold(at(6, 15), "another's")) == "slot_taken"
    assert await refused(visitor.hold(at(6, 15), "mine", minutes=60)) == "slot_taken"


async def test_a_hold_given_back_is_free_at_once(owner: Owner, tool: ToolDeps) -> None:
    visitor = await owner.link()
    held = await visitor.hold(at(6, 11))

    assert (await visitor.cancel(held.booking_id, "of the hold")).status == "expired"
    assert await visitor.hold(at(6, 11))


async def test_what_the_calendar_filled_meanwhile_is_refused_and_the_hold_let_go(
    owner: Owner, tool: ToolDeps, world: World
) -> None:
    label = unique("Late")
    visitor = await owner.link(label=label)
    held = await visitor.hold(at(9, 9))
    await owner.occupy(at(9, 9), 15, unique("Dentist"))

    assert await refused(visitor.book(held)) == "slot_taken"

    assert await owner.events(label) == []
    assert [booking.status for booking in await owner.bookings(visitor)] == ["cancelled"]
    assert await refused(visitor.book(held)) == "slot_taken", "asked again, the answer is the same"


@pytest.mark.parametrize("is_done", [True, False], ids=["provider did it", "provider did not"])
async def test_a_lost_answer_makes_no_second_event(owner: Owner, tool: ToolDeps, front: Front, is_done: bool) -> None:
    label = unique("Once")
    visitor = await owner.link(label=label)
    held = await visitor.hold(at(10, 9 if is_done else 11))
    front.faults = [Fault(INSERT, cut=True, after_commit=is_done)]

    assert (await visitor.book(held)).status == "accepted"
    assert len(await owner.events(label)) == 1


async def test_the_same_hold_booked_twice_is_one_booking_with_the_newest_secret(owner: Owner, tool: ToolDeps) -> None:
    label = unique("Twice")
    visitor = await owner.link(label=label)
    held = await visitor.hold(at(11, 9))

    first = await visitor.book(held, manage="lost on the way")
    second = await visitor.book(held, manage="arrived")

    assert first == second
    assert len(await owner.events(label)) == 1
    assert await refused(visitor.find(held.booking_id, "lost on the way")) == "booking_link_not_found"
    assert (await visitor.find(held.booking_id, "arrived")).status == "accepted"


async def test_a_calendar_that_is_away_is_told_as_such_and_nothing_else(
    owner: Owner, tool: ToolDeps, world: World, front: Front
) -> None:
    visitor = await owner.link()
    front.faults = [Fault(FREEBUSY, status=500, times=99)]
    held = await visitor.hold(at(23, 9))

    assert await refused(visitor.slots(at(23, 9))) == "booking_unavailable"
    assert await refused(visitor.book(held)) == "booking_unavailable"
    front.reset()
    assert at(23, 9) in await visitor.slots(at(23, 9)), "what could not be booked is free"
    world.oauth.connected = set()
    assert await refused(visitor.book(await visitor.hold(at(23, 9)))) == "booking_unavailable"


async def test_a_booking_whose_maker_died_is_settled_by_command(
    owner: Owner, tool: ToolDeps, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is taken to have died between its transaction and the calendar: nobody calls `settle`."""
    label = unique("Orphan")
    visitor = await owner.link(label=label)
    held = await visitor.hold(at(25, 9))
    monkeypatch.setattr(desk, "SETTLED_AFTER", timedelta(seconds=1))
    guest = Guest("Grace", "grace@example.org", "", "UTC", Host(HOST))

    at_desk = tool.desk(world.scope, visitor.link.delegation_id)
    await at_desk.book(held.booking_id, hashed("of the hold"), hashed("to manage"), guest)

    async def is_accepted() -> bool:
        return (await visitor.find(held.booking_id)).status == "accepted"

    await eventually(is_accepted, timeout_s=30)
    assert len(await owner.events(label)) == 1
