"""What was agreed on stands in both calendars or in neither.

Both Googles are emulators that we did not write; what they refuse is told to the front before them.
"""

import asyncio
from collections.abc import Awaitable

import pytest

from contracts.ids import new_id
from libs.resilience.errors import AdjutantError
from services.tool.delegation.availability import Span
from services.tool.deps import ToolDeps
from services.tool.network import holds
from services.tool.settlement import stepping
from tests.service.neighbours import eventually
from tests.service.tool.front import Fault
from tests.service.tool.network.two_users import Couple, TwoFronts, settled, topic
from tests.service.tool.visitors import Owner, at, refused
from tests.service.tool.world import unique

INSERT = "POST /calendar/v3/calendars/primary/events"


async def test_one_time_is_agreed_on_in_one_of_two_negotiations_only(couple: Couple) -> None:
    ada, grace, connection_id = couple
    slot, titles = at(22, 9), (unique("One"), unique("Other"))
    started = [await ada.start(connection_id, topic(title, at(22, 0)), slots=(slot,)) for title in titles]

    async def ended() -> list[str]:
        return [(await ada.session(each.session_id)).status for each in started]

    await asyncio.gather(*(_unless_refused(grace.accept(each.session_id, slot)) for each in started))

    async def are_settled() -> bool:
        return sorted(await ended()) in (["confirmed", "failed"], ["confirmed", "open"])

    await eventually(are_settled, timeout_s=30)
    for one in (ada, grace):
        assert sum([len(await one.events(title)) for title in titles]) == 1


async def test_when_the_second_calendar_refuses_the_first_gives_it_back(couple: Couple, two_fronts: TwoFronts) -> None:
    ada, grace, connection_id = couple
    title, slot = unique("Refused"), at(23, 9)
    started = await ada.start(connection_id, topic(title, at(23, 0)), slots=(slot,))
    two_fronts.refuse_second(INSERT, 403)

    await grace.accept(started.session_id, slot)
    await settled(ada, started.session_id, "failed", timeout_s=60)

    assert (await ada.events(title), await grace.events(title)) == ([], [])
    assert two_fronts.count(INSERT) >= 2, "the first calendar had it"
    assert (await grace.session(started.session_id)).error
    again = await ada.start(connection_id, topic(title, at(23, 0)), slots=(slot,))
    two_fronts.reset()
    await grace.accept(again.session_id, slot)
    await settled(ada, again.session_id, "confirmed")


async def test_a_booking_through_a_link_respects_a_time_that_is_being_settled(couple: Couple, tool: ToolDeps) -> None:
    ada, _, _ = couple
    stretch = Span(at(24, 9), at(24, 10))
    async with tool.db.transaction(ada.scope) as tx:
        assert await holds.take(tx, "ng_1", stretch)
        assert not await holds.take(tx, "ng_2", Span(at(24, 9, 30), at(24, 11)))
    visitor = await Owner(ada.gateway, ada.seal, ada.scope, ada.google).link()

    assert at(24, 9, 30) not in await visitor.slots(at(24, 8))
    assert await refused(visitor.hold(at(24, 9))) == "slot_taken"
    async with tool.db.transaction(ada.scope) as tx:
        await holds.release(tx, "ng_1")
    await visitor.hold(at(24, 9))


async def test_asking_again_starts_and_accepts_once(couple: Couple) -> None:
    ada, grace, connection_id = couple
    session_id, title, slot = new_id("ng"), unique("Again"), at(26, 9)
    for _ in range(2):
        await ada.start(connection_id, topic(title, at(26, 0)), session_id, slots=(slot,))
    for _ in range(2):
        assert (await grace.accept(session_id, slot)).status in ("agreed", "confirmed")
    await settled(ada, session_id, "confirmed")

    assert [each.session_id for each in await ada.sessions()] == [session_id]
    assert (len(await ada.events(title)), len(await grace.events(title))) == (1, 1)


async def test_a_calendar_that_does_not_give_the_event_back_at_once_is_asked_again(
    couple: Couple, two_fronts: TwoFronts, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, grace, connection_id = couple
    monkeypatch.setattr(stepping, "AGAIN_S", 0.1)
    title, slot = unique("Slow"), at(27, 9)
    started = await ada.start(connection_id, topic(title, at(27, 0)), slots=(slot,))
    two_fronts.refuse_second(INSERT, 403)
    two_fronts.faults = [Fault("DELETE", status=403, times=3)]

    await grace.accept(started.session_id, slot)
    await settled(ada, started.session_id, "failed", timeout_s=60)

    assert two_fronts.count("DELETE") >= 4
    assert (await ada.events(title), await grace.events(title)) == ([], [])
    assert (await ada.session(started.session_id)).error != stepping.LEFT_BEHIND


async def test_an_event_that_cannot_be_taken_out_again_is_said_and_not_waited_for_for_ever(
    couple: Couple, two_fronts: TwoFronts, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, grace, connection_id = couple
    monkeypatch.setattr(stepping, "AGAIN_S", 0.01)
    monkeypatch.setattr(stepping, "MOST_TRIES", 1)
    monkeypatch.setattr(stepping, "MOST_UNDONE", 2)
    title, slot = unique("Stuck"), at(28, 9)
    started = await ada.start(connection_id, topic(title, at(28, 0)), slots=(slot,))
    two_fronts.refuse_second(INSERT, 403)
    two_fronts.faults = [Fault("DELETE", status=403, times=1000)]

    await grace.accept(started.session_id, slot)
    await settled(ada, started.session_id, "failed", timeout_s=60)

    assert (await grace.session(started.session_id)).error == stepping.LEFT_BEHIND
    assert (len(await ada.events(title)), await grace.events(title)) == (1, [])


async def test_an_answer_that_is_lost_does_not_make_a_second_event(couple: Couple, two_fronts: TwoFronts) -> None:
    ada, grace, connection_id = couple
    title, slot = unique("Cut"), at(29, 9)
    started = await ada.start(connection_id, topic(title, at(29, 0)), slots=(slot,))
    two_fronts.faults = [Fault(INSERT, cut=True, after_commit=True, times=2)]

    await grace.accept(started.session_id, slot)
    await settled(ada, started.session_id, "confirmed", timeout_s=60)

    assert (len(await ada.events(title)), len(await grace.events(title))) == (1, 1)


async def _unless_refused(doing: Awaitable[object]) -> None:
    try:
        await doing
    except AdjutantError:
        return
