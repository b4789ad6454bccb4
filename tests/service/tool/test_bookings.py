"""Outsiders book through links: one slot is for one of them, the calendar follows once, and nobody learns too much.

The emulated Google has no request to change or read one event, so a moved booking is an event made anew there; that
a real server changes the event is played by the front.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from libs.bus import Bus
from libs.resilience.errors import AdjutantError
from services.tool.delegation import desk
from services.tool.delegation.agenda import Agenda
from services.tool.delegation.availability import Span
from services.tool.deps import ToolDeps
from tests.conftest import Platform, new_scope
from tests.service.neighbours import eventually
from tests.service.tool.front import Fault, Front
from tests.service.tool.visitors import HOST, Owner, Visitor, at, hashed
from tests.service.tool.world import World, running_tool, unique

INSERT = "POST /calendar/v3/calendars/primary/events"
DELETE = "DELETE /calendar/v3/calendars/primary/events"
FREEBUSY = "POST /calendar/v3/freeBusy"


@pytest.fixture(scope="module")
async def gateway(platform: Platform) -> AsyncIterator[Bus]:
    """A connection with the gateway's permissions."""
    account = platform.nats
    bus = Bus("gateway", account.url, user=account.user("gateway"), password=account.password("gateway"))
    await bus.connect()
    yield bus
    await bus.close()


@pytest.fixture
def owner(gateway: Bus, world: World) -> Owner:
    return Owner(gateway, world.seal, world.scope, world.google)


async def refused(doing: Any) -> str:
    """The slug of the error."""
    with pytest.raises(AdjutantError) as caught:
        await doing
    return caught.value.slug


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
    assert await refused(visitor.hold(start)) == "slot_taken"
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


async def test_a_hold_given_back_is_free_at_once(owner: Owner, tool: ToolDeps) -> None:
    visitor = await owner.link()
    held = await visitor.hold(at(6, 11))

    assert (await visitor.cancel(held.booking_id, "of the hold")).status == "expired"
    assert await visitor.hold(at(6, 11))


async def test_slots_leave_out_what_the_calendar_is_busy_with_and_say_nothing_more(
    owner: Owner, tool: ToolDeps, world: World
) -> None:
    title = unique("Secret meeting")
    await owner.occupy(at(8, 9), 60, title)
    visitor = await owner.link(step_minutes=30)

    free = await visitor.slots(at(8, 8), days=0.125)

    assert free == [at(8, 8), at(8, 8, 30), at(8, 10), at(8, 10, 30)]


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


async def test_secrets_of_others_and_ended_links_look_like_nothing(owner: Owner, tool: ToolDeps) -> None:
    visitor, other = await owner.link(), await owner.link()
    held = await visitor.hold(at(16, 9))
    booked = await visitor.book(held)
    nothing = "booking_link_not_found"

    assert await refused(visitor.find(booked.booking_id, "guessed")) == nothing
    assert await refused(visitor.cancel(booked.booking_id, "guessed")) == nothing
    assert await refused(other.find(booked.booking_id)) == nothing, "a booking belongs to its link"
    assert await owner.revoke(visitor)
    assert not await owner.revoke(visitor)
    for tried in (
        visitor.page(),
        visitor.slots(at(16, 9)),
        visitor.hold(at(16, 12)),
        visitor.move(booked.booking_id, at(16, 12)),
    ):
        assert await refused(tried) == nothing
    assert await refused(Visitor(owner, "never given out", visitor.link).page()) == nothing
    page = await visitor.page(also_ended=True)
    assert page.delegation_id == visitor.link.delegation_id
    assert (await visitor.cancel(booked.booking_id)).status == "cancelled", "who has booked may still cancel"


async def test_a_link_expires_by_itself(owner: Owner, tool: ToolDeps) -> None:
    visitor = await owner.link(expires_at=datetime.now(UTC) - timedelta(seconds=1))

    assert await refused(visitor.page()) == "booking_link_not_found"


async def test_only_those_may_book_whom_the_owner_named(owner: Owner, tool: ToolDeps) -> None:
    visitor = await owner.link(allowed_guests=("example.net", "ada@example.org"))
    held = await visitor.hold(at(17, 9))

    assert await refused(visitor.book(held, address="eve@notexample.net")) == "guest_not_allowed"
    assert (await visitor.book(held, address="bob@Example.net")).status == "accepted"


async def test_rules_of_a_link_are_kept(owner: Owner, tool: ToolDeps) -> None:
    one_a_day = await owner.link(max_per_day=1)
    await one_a_day.hold(at(18, 9))
    picky = await owner.link(
        days_ahead=3, notice_minutes=60, openings=[{"weekday": at(3, 0).weekday(), "start": 600, "end": 660}]
    )

    assert await refused(one_a_day.hold(at(18, 12))) == "slot_taken"
    assert await one_a_day.hold(at(19, 12))
    assert await refused(picky.hold(at(3, 5))) == "slot_taken", "closed"
    assert await refused(picky.hold(at(10, 9))) == "slot_taken", "too far ahead"
    assert await refused(picky.hold(at(-7, 9))) == "slot_taken", "long past"
    assert await refused(picky.hold(at(3, 9), minutes=45)) == "duration_not_offered"
    assert await refused(picky.slots(at(3, 9), days=63)) == "window_refused"
    assert await refused(owner.link(openings=[])) == "constraints_refused"


async def test_holding_is_bounded(owner: Owner, tool: ToolDeps) -> None:
    visitor = await owner.link()
    for n in range(desk.MOST_HOLDS):
        await visitor.hold(at(20, 0) + n * timedelta(minutes=30))

    assert await refused(visitor.hold(at(21, 0))) == "too_many_holds"


async def test_what_an_outsider_writes_is_cleaned_and_sealed(owner: Owner, tool: ToolDeps, platform: Platform) -> None:
    visitor = await owner.link(label=unique("Words"))
    name = "Mal\u200blo\u202ery\x00\n <b>"
    await visitor.book(await visitor.hold(at(22, 9)), name=name, note="One\r\n\r\ntwo\u2062three\U000e0041 \x1b[31m")

    (seen,) = await owner.bookings(visitor)
    assert (seen.guest_name, seen.note) == ("Mallory <b>", "One\ntwothree [31m")
    connection = await asyncpg.connect(platform.database.admin_url)
    for table in ("bookings", "executions", "outbox", "delegations"):
        rows = await connection.fetch(f"select t::text as row from tool.{table} t")  # noqa: S608
        for word in ("Mallory", "grace@example.org", "twothree", "Words"):
            assert all(word not in row["row"] and word.encode().hex() not in row["row"] for row in rows)
    await connection.close()


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


async def test_a_booking_whose_maker_died_is_settled_by_command(
    owner: Owner, tool: ToolDeps, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is taken to have died between its transaction and the calendar: nobody calls `settle`."""
    label = unique("Orphan")
    visitor = await owner.link(label=label)
    held = await visitor.hold(at(25, 9))
    monkeypatch.setattr(desk, "SETTLED_AFTER", timedelta(seconds=1))
    guest = desk.Guest("Grace", "grace@example.org", "", "UTC", HOST)

    at_desk = tool.desk(world.scope, visitor.link.delegation_id)
    await at_desk.book(held.booking_id, hashed("of the hold"), hashed("to manage"), guest)

    async def is_accepted() -> bool:
        return (await visitor.find(held.booking_id)).status == "accepted"

    await eventually(is_accepted, timeout_s=30)
    assert len(await owner.events(label)) == 1


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


async def test_no_moment_is_too_far_to_be_refused(owner: Owner, tool: ToolDeps) -> None:
    visitor = await owner.link(buffer_before_minutes=60, buffer_after_minutes=60)

    for moment in (datetime.min, datetime.max, datetime(1969, 12, 31), datetime(2500, 1, 1)):  # noqa: DTZ001, DTZ901
        assert await refused(visitor.hold(moment.replace(tzinfo=UTC))) == "slot_taken"
    for year in (1970, 2190):
        assert await visitor.slots(datetime(year, 1, 1, tzinfo=UTC)) == []


async def test_no_replica_remembers_a_calendar_that_a_booking_has_changed(
    owner: Owner, tool: ToolDeps, platform: Platform, front: Front
) -> None:
    visitor = await owner.link()
    async with running_tool(platform, front.url) as other:
        desks = [each.desk(owner.scope, visitor.link.delegation_id) for each in (tool, other)]
        agendas = [Agenda(each.access(owner.scope), each.calendar, 5) for each in (tool, other)]

        async def seen() -> list[bool]:
            window, now = Span(at(27, 9), at(27, 10)), datetime.now(UTC)
            found = [await d.slots(window, 30, now, a) for d, a in zip(desks, agendas, strict=True)]
            return [at(27, 9) in slots for slots in found]

        assert await seen() == [True, True]
        asked = front.count(FREEBUSY)
        assert await seen() == [True, True]
        assert front.count(FREEBUSY) == asked, "what was asked a moment ago is not asked again"
        booked = await visitor.book(await visitor.hold(at(27, 9)))
        assert await seen() == [False, False]
        await visitor.cancel(booked.booking_id)
        assert await seen() == [True, True]
