"""A link keeps its rules, its secrets and its owner's."""

from datetime import UTC, datetime, timedelta

import asyncpg

from services.tool.delegation import desk
from services.tool.deps import ToolDeps
from tests.conftest import Platform
from tests.service.tool.visitors import Owner, Visitor, at, refused
from tests.service.tool.world import World, unique


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


async def test_no_moment_is_too_far_to_be_refused(owner: Owner, tool: ToolDeps) -> None:
    visitor = await owner.link(buffer_before_minutes=60, buffer_after_minutes=60)

    for moment in (datetime.min, datetime.max, datetime(1969, 12, 31), datetime(2500, 1, 1)):  # noqa: DTZ001, DTZ901
        assert await refused(visitor.hold(moment.replace(tzinfo=UTC))) == "slot_taken"
    for year in (1970, 2190):
        assert await visitor.slots(datetime(year, 1, 1, tzinfo=UTC)) == []


async def test_slots_leave_out_what_the_calendar_is_busy_with_and_say_nothing_more(
    owner: Owner, tool: ToolDeps, world: World
) -> None:
    title = unique("Secret meeting")
    await owner.occupy(at(8, 9), 60, title)
    visitor = await owner.link(step_minutes=30)

    free = await visitor.slots(at(8, 8), days=0.125)

    assert free == [at(8, 8), at(8, 8, 30), at(8, 10), at(8, 10, 30)]
