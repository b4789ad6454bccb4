"""A link's terms change for what comes; what was booked stays as it was booked."""

import asyncio
from datetime import UTC, datetime, timedelta

from libs.bus import Bus
from libs.resilience.errors import AdjutantError
from services.tool.deps import ToolDeps
from tests.conftest import new_scope
from tests.service.tool.front import Front
from tests.service.tool.visitors import Owner, at, refused
from tests.service.tool.world import World, unique


async def test_what_is_given_changes_and_the_rest_stays(owner: Owner, tool: ToolDeps) -> None:
    visitor = await owner.link(label="Before", shown_name="Ada", max_per_day=3, buffer_after_minutes=15)
    weekday = at(40, 0).weekday()

    changed = await owner.change(
        visitor,
        label="After",
        shown_name=None,
        timezone="UTC",
        openings=[{"weekday": weekday, "start": 600, "end": 660}],
    )

    assert (changed.terms.label, changed.terms.shown_name) == ("After", None)
    assert (changed.terms.max_per_day, changed.terms.buffer_after_minutes) == (3, 15)
    page = await visitor.page()
    assert (page.label, page.shown_name, page.timezone) == ("After", None, "UTC")
    assert await visitor.slots(at(40, 0)) == [at(40, 10), at(40, 10, 30)]


async def test_nonsense_is_refused_like_at_the_beginning_and_changes_nothing(owner: Owner, tool: ToolDeps) -> None:
    visitor = await owner.link(label="Kept")

    for wrong in (
        {"durations": []},
        {"durations": [4]},
        {"timezone": "Nowhere/Land"},
        {"buffer_before_minutes": 5_000},
        {"openings": [{"weekday": 1, "start": 60, "end": 30}]},
        {"label": None},
        {"step_minutes": "often"},
    ):
        assert await refused(owner.change(visitor, **wrong)) == "constraints_refused", wrong
    assert (await owner.change(visitor, notice_minutes=5)).terms.label == "Kept"


async def test_a_hold_under_the_old_terms_is_finished_as_it_was_held(
    owner: Owner, tool: ToolDeps, front: Front
) -> None:
    """Longer, on another day, with wide buffers: under the new terms its time would be neither open nor free."""
    label = unique("Held")
    visitor = await owner.link(label="Old words")
    held = await visitor.hold(at(41, 9))
    await owner.occupy(at(41, 10), 30, unique("Right behind"))
    other_day = (at(41, 0).weekday() + 2) % 7

    await owner.change(
        visitor,
        label=label,
        durations=[60],
        buffer_before_minutes=240,
        buffer_after_minutes=240,
        openings=[{"weekday": other_day, "start": 0, "end": 1440}],
    )

    assert await refused(visitor.hold(at(41, 13))) == "duration_not_offered"
    assert (await visitor.book(held)).status == "accepted"
    (event,) = await owner.events(label)
    assert datetime.fromisoformat(event["start"]["dateTime"]) == at(41, 9)


async def test_whom_the_link_does_not_admit_any_more_does_not_finish(owner: Owner, tool: ToolDeps) -> None:
    visitor = await owner.link()
    held = await visitor.hold(at(42, 9))
    await owner.change(visitor, allowed_guests=["example.net"])

    assert await refused(visitor.book(held)) == "guest_not_allowed"


async def test_what_is_booked_keeps_its_words_its_clock_and_its_buffers_also_when_it_moves(
    owner: Owner, tool: ToolDeps
) -> None:
    label, later = unique("Booked"), unique("Renamed")
    visitor = await owner.link(label=label, buffer_after_minutes=30)
    booked = await visitor.book(await visitor.hold(at(43, 9)))
    neighbour = await visitor.book(await visitor.hold(at(43, 10)), secret="of the hold")

    await owner.change(visitor, label=later, timezone="Asia/Tokyo", buffer_before_minutes=120, buffer_after_minutes=120)
    assert len(await owner.events(label)) == 2
    assert await refused(visitor.hold(at(43, 11))) == "slot_taken", "whoever comes now keeps the new distance"
    moved = await visitor.move(booked.booking_id, at(43, 11))

    assert (moved.status, moved.starts_at) == ("accepted", at(43, 11))
    assert [event["summary"] for event in await owner.events(label)] == [f"{label}: Grace"] * 2
    assert await owner.events(later) == []
    assert (await visitor.cancel(neighbour.booking_id)).status == "cancelled"
    assert (await visitor.cancel(booked.booking_id)).status == "cancelled"
    assert await owner.events(label) == []


async def test_an_expired_link_comes_back_with_a_new_end_and_a_revoked_one_never(owner: Owner, tool: ToolDeps) -> None:
    visitor = await owner.link(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert not (await owner.change(visitor, label="Still over")).is_active

    assert (await owner.change(visitor, expires_at=datetime.now(UTC) + timedelta(days=1))).is_active
    assert (await visitor.page()).label == "Still over"
    assert (await owner.change(visitor, expires_at=None)).expires_at is None
    await owner.revoke(visitor)
    assert await refused(owner.change(visitor, label="Back")) == "delegation_revoked"


async def test_nobody_changes_a_link_of_another_owner(owner: Owner, tool: ToolDeps, gateway: Bus, world: World) -> None:
    visitor, stranger = await owner.link(label="Mine"), Owner(gateway, world.seal, new_scope(), world.google)

    assert await refused(stranger.change(visitor, label="Theirs")) == "delegation_not_found"
    assert (await visitor.page()).label == "Mine"


async def test_terms_that_change_while_others_book_lose_no_change_and_no_booking(owner: Owner, tool: ToolDeps) -> None:
    visitor = await owner.link(label=unique("Rush"))
    changes = [{"label": "One"}, {"max_per_day": 50}, {"notice_minutes": 7}, {"shown_name": "Ada"}]

    async def booked(number: int) -> str:
        try:
            held = await visitor.hold(at(44, 8 + number), f"secret {number}")
            return (await visitor.book(held, f"secret {number}")).status
        except AdjutantError as error:
            return error.slug

    outcomes = await asyncio.gather(
        *(booked(number) for number in range(6)), *(_change(owner, visitor, change) for change in changes)
    )

    assert outcomes[:6] == ["accepted"] * 6
    terms = (await owner.change(visitor, days_ahead=100)).terms
    assert (terms.label, terms.max_per_day, terms.notice_minutes, terms.shown_name) == ("One", 50, 7, "Ada")
    assert len(await owner.bookings(visitor)) == 6


async def _change(owner: Owner, visitor: object, change: dict[str, object]) -> str:
    await owner.change(visitor, **change)  # type: ignore[arg-type]
    return "changed"
