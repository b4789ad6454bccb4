"""Who booked is forgotten some time after the meeting; what came to nothing is, all of it; nothing else is touched."""

from datetime import timedelta

import pytest

from contracts.bookings import BookingView
from libs.db import Database
from services.tool.deps import ToolDeps
from services.tool.housekeeping import Kept, forget_bookings
from tests.service.tool.visitors import Owner, Visitor, at, refused
from tests.service.tool.world import unique

KEPT = Kept(guests=timedelta(days=365), abandoned=timedelta(days=30))


async def booked(visitor: Visitor, days: int, secret: str) -> str:
    held = await visitor.hold(at(days, 9), secret)
    return (await visitor.book(held, secret, secret)).booking_id


async def aged(owner: Owner, db: Database, booking_id: str, days: int) -> None:
    """As if it had been made, had been and had changed so many days earlier."""
    async with db.transaction(owner.scope) as tx:
        await tx.execute(
            """update bookings
               set starts_at = starts_at - $2::interval, ends_at = ends_at - $2::interval,
                   hold_until = hold_until - $2::interval, updated_at = updated_at - $2::interval,
                   taken = tstzmultirange(tstzrange(lower(taken) - $2::interval, upper(taken) - $2::interval))
               where booking_id = $1""",
            booking_id,
            timedelta(days=days),
        )


async def by_id(owner: Owner, visitor: Visitor) -> dict[str, BookingView]:
    return {each.booking_id: each for each in await owner.bookings(visitor)}


async def test_a_guest_is_forgotten_a_year_after_the_meeting_and_the_meeting_is_not(
    owner: Owner, tool: ToolDeps
) -> None:
    visitor = await owner.link(label=unique("Ended"))
    old, recent = await booked(visitor, 60, "old"), await booked(visitor, 61, "recent")
    await aged(owner, tool.db, old, 60 + 367)
    await aged(owner, tool.db, recent, 61 + 360)

    assert await forget_bookings(tool.db, KEPT) >= 1
    found = await by_id(owner, visitor)

    assert (found[old].status, found[old].guest_name, found[old].guest_address, found[old].note) == (
        "accepted",
        None,
        None,
        None,
    )
    assert found[recent].guest_name == "Grace"
    async with tool.db.reading(owner.scope) as tx:
        kept = await tx.fetchrow("select guest, hold_hash, manage_hash from bookings where booking_id = $1", old)
    assert kept is not None
    assert list(kept.values()) == [None, None, None]
    assert await refused(visitor.find(old, "old")) == "booking_link_not_found", "its secret opens nothing any more"
    assert await forget_bookings(tool.db, KEPT) == 0


async def test_what_was_cancelled_or_never_made_is_gone_after_a_month(owner: Owner, tool: ToolDeps) -> None:
    visitor = await owner.link(label=unique("Abandoned"))
    cancelled, fresh = await booked(visitor, 62, "cancelled"), await booked(visitor, 63, "fresh")
    for booking_id, secret in ((cancelled, "cancelled"), (fresh, "fresh")):
        await visitor.cancel(booking_id, secret)
    held = await visitor.hold(at(64, 9), "never booked")
    await aged(owner, tool.db, cancelled, 31)
    await aged(owner, tool.db, held.booking_id, 31)

    await forget_bookings(tool.db, KEPT)

    assert set(await by_id(owner, visitor)) == {fresh}
    async with tool.db.reading(owner.scope) as tx:
        assert not await tx.fetchval("select 1 from bookings where booking_id = any($1)", [cancelled, held.booking_id])


async def test_the_ledgers_lines_about_a_booking_go_too_and_no_others(owner: Owner, tool: ToolDeps) -> None:
    """They hold the guest's name and address as well; the booking itself stays and can still be cancelled."""
    label = unique("Lines")
    visitor = await owner.link(label=label)
    booking_id = await booked(visitor, 65, "lines")
    async with tool.db.transaction(owner.scope) as tx:
        await tx.execute("update executions set finished_at = finished_at - interval '31 days'")
        await tx.execute(
            """insert into executions (execution_id, tool, arguments_hash, arguments, status, lease_until, fence,
                                       asked_at, claimed_at, finished_at, result)
               values ('x_kept', 'gmail_send', 'h', 'a', 'done', now(), 1, now(), now(), now() - interval '90 days',
                       'r')"""
        )

    await forget_bookings(tool.db, KEPT)

    async with tool.db.reading(owner.scope) as tx:
        left = [row["execution_id"] for row in await tx.fetch("select execution_id from executions")]
    assert left == ["x_kept"]
    assert len(await owner.events(label)) == 1
    assert (await visitor.cancel(booking_id, "lines")).status == "cancelled"
    assert await owner.events(label) == []


async def test_nothing_is_forgotten_within_a_day(tool: ToolDeps) -> None:
    with pytest.raises(Exception, match="at least a day"):
        await forget_bookings(tool.db, Kept(timedelta(days=365), timedelta(hours=1)))
