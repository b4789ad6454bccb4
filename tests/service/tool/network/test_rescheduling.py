"""A meeting stands where it is until both calendars have it elsewhere.

Both Googles are emulators that we did not write; what they refuse is told to the front before them.
"""

import asyncio
from datetime import timedelta

import pytest

from services.tool.deps import ToolDeps
from services.tool.network import desk
from services.tool.settlement import stepping
from tests.service.neighbours import eventually
from tests.service.tool.front import Fault
from tests.service.tool.network.told import told
from tests.service.tool.network.two_users import Couple, TwoFronts, beginnings, meeting, settled
from tests.service.tool.visitors import Owner, at, refused
from tests.service.tool.world import unique

INSERT = "POST /calendar/v3/calendars/primary/events"


async def test_a_meeting_moves_in_both_calendars_when_the_other_one_accepts(couple: Couple, tool: ToolDeps) -> None:
    ada, grace, _ = couple
    title, old, new = unique("Moves"), at(120, 9), at(121, 15)
    session_id = await meeting(couple, title, old)

    opened = await grace.move(session_id, new)
    assert (opened.status, opened.stands, opened.my_turn) == ("open", old, False)
    assert (await beginnings(ada, title), await beginnings(grace, title)) == ([old], [old])
    agreed = await ada.accept(session_id, new)
    assert (agreed.status, agreed.stands, agreed.agreed) == ("agreed", old, new)
    await settled(ada, session_id, "confirmed")

    assert (await beginnings(ada, title), await beginnings(grace, title)) == ([new], [new])
    assert (await grace.session(session_id)).stands == new

    async def are_told() -> bool:
        return all([(await told(tool, one, session_id)).count("moved") == 1 for one in (ada, grace)])

    await eventually(are_told)


async def test_it_moves_again_and_back_and_can_overlap_where_it_stands(couple: Couple) -> None:
    """The event is not in its own way; and each move is one of its own."""
    ada, grace, _ = couple
    title, first = unique("Again"), at(122, 9)
    session_id = await meeting(couple, title, first)
    for slot in (first + timedelta(minutes=15), first, at(123, 9), first):
        await grace.move(session_id, slot)
        await ada.accept(session_id, slot)

        async def has_moved(slot: object = slot) -> bool:
            return (await grace.session(session_id)).stands == slot

        await eventually(has_moved, timeout_s=20)
        assert (await beginnings(ada, title), await beginnings(grace, title)) == ([slot], [slot])
    await grace.cancel(session_id)
    await settled(ada, session_id, "cancelled")
    assert (await beginnings(ada, title), await beginnings(grace, title)) == ([], [])


@pytest.mark.parametrize("who", [0, 1], ids=["who proposed it", "who is asked"])
async def test_declined_by_either_it_stays_and_both_are_told(couple: Couple, tool: ToolDeps, who: int) -> None:
    ada, grace, _ = couple
    title, old = unique("Stays"), at(124 + who, 9)
    session_id = await meeting(couple, title, old)
    await ada.move(session_id, at(126 + who, 9))

    stays = await couple[who].decline(session_id)

    assert (stays.status, stays.agreed, stays.stands) == ("confirmed", old, old)
    assert (await beginnings(ada, title), await beginnings(grace, title)) == ([old], [old])

    async def are_told() -> bool:
        return all([(await told(tool, one, session_id)).count("stayed") == 1 for one in (ada, grace)])

    await eventually(are_told)


async def test_not_answered_it_stays(couple: Couple, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, grace, _ = couple
    title, old = unique("Unanswered"), at(128, 9)
    session_id = await meeting(couple, title, old)
    monkeypatch.setattr(desk, "ANSWER_WITHIN", timedelta(seconds=1))

    await ada.move(session_id, at(129, 9))
    await settled(grace, session_id, "confirmed")

    assert (await grace.session(session_id)).stands == old
    monkeypatch.undo()
    assert (await grace.move(session_id, at(129, 9))).status == "open", "and another time can be looked for again"


async def test_it_is_countered_like_any_proposal(couple: Couple) -> None:
    ada, grace, _ = couple
    title, old, other = unique("Countered"), at(130, 9), at(130, 14)
    session_id = await meeting(couple, title, old)
    await ada.move(session_id)
    proposed = await grace.session(session_id)
    assert proposed.slots
    assert old not in proposed.slots

    assert (await grace.counter(session_id, slots=(other,))).rounds_left == 8
    assert await refused(grace.move(session_id, other)) == "not_your_turn"
    await ada.accept(session_id, other)

    async def has_moved() -> bool:
        return (await grace.session(session_id)).stands == other

    await eventually(has_moved, timeout_s=20)
    assert (await beginnings(ada, title), await beginnings(grace, title)) == ([other], [other])


async def test_when_the_second_is_busy_by_now_it_goes_back_in_the_first(
    couple: Couple, two_fronts: TwoFronts, tool: ToolDeps
) -> None:
    ada, grace, _ = couple
    title, old, new = unique("Back"), at(132, 9), at(133, 9)
    session_id = await meeting(couple, title, old)
    await ada.move(session_id, new)
    two_fronts.faults = [Fault(INSERT, delay_s=1.5)]
    await grace.accept(session_id, new)
    await grace.occupy(new, 30, unique("Something else"))
    await settled(ada, session_id, "confirmed", timeout_s=60)

    stays = await ada.session(session_id)
    assert (stays.stands, stays.agreed, stays.error) == (old, old, "slot_taken")
    assert stays.detail == "The time was not free any more for one of you. The meeting stays where it was."
    assert (await beginnings(ada, title), await beginnings(grace, title)) == ([old], [old])

    async def is_told() -> bool:
        return (await told(tool, grace, session_id)).count("stayed") == 1

    await eventually(is_told)
    assert "moved" not in await told(tool, grace, session_id)


async def test_when_the_second_calendar_refuses_half_way_both_have_it_where_it_stood(
    couple: Couple, two_fronts: TwoFronts
) -> None:
    """The emulator cannot change an event: the old one is gone when the new one is refused."""
    ada, grace, _ = couple
    title, old, new = unique("Refused"), at(132, 12), at(133, 12)
    session_id = await meeting(couple, title, old)
    await ada.move(session_id, new)
    two_fronts.refuse_second(INSERT, 403, f"{new:%Y-%m-%d}T".encode())

    await grace.accept(session_id, new)
    await settled(ada, session_id, "confirmed", timeout_s=60)

    assert (await ada.session(session_id)).error
    assert (await beginnings(ada, title), await beginnings(grace, title)) == ([old], [old])


async def test_lost_answers_while_it_moves_leave_one_event_in_each_calendar(
    couple: Couple, two_fronts: TwoFronts
) -> None:
    ada, grace, _ = couple
    title, old, new = unique("Lost"), at(134, 9), at(135, 9)
    session_id = await meeting(couple, title, old)
    await ada.move(session_id, new)
    two_fronts.faults = [
        Fault(INSERT, cut=True, after_commit=True, times=2),
        Fault("DELETE", cut=True, after_commit=True, times=2),
    ]

    await grace.accept(session_id, new)

    async def has_moved() -> bool:
        return (await grace.session(session_id)).stands == new

    await eventually(has_moved, timeout_s=60)
    assert (await beginnings(ada, title), await beginnings(grace, title)) == ([new], [new])


async def test_while_it_moves_nobody_takes_where_it_stands_nor_where_it_goes(
    couple: Couple, two_fronts: TwoFronts
) -> None:
    ada, grace, _ = couple
    title, old, new = unique("Held"), at(136, 9), at(136, 12)
    session_id = await meeting(couple, title, old)
    visitor = await Owner(ada.gateway, ada.seal, ada.scope, ada.google).link()
    await ada.move(session_id, new)
    two_fronts.held_before[title.encode()] = arrived = asyncio.Event()

    await grace.accept(session_id, new)
    async with asyncio.timeout(20):
        await arrived.wait()
    assert await refused(visitor.hold(new)) == "slot_taken"
    assert await refused(visitor.hold(old)) == "slot_taken"
    two_fronts.reset()

    async def has_moved() -> bool:
        return (await grace.session(session_id)).stands == new

    await eventually(has_moved, timeout_s=60)
    await visitor.hold(old)


async def test_one_moves_while_the_other_cancels_and_the_meeting_is_off(couple: Couple) -> None:
    ada, grace, _ = couple
    for number in range(4):
        title, old = unique("Both act"), at(140 + number, 9)
        session_id = await meeting(couple, title, old)
        moved, cancelled = await asyncio.gather(
            ada.move(session_id, at(145 + number, 9)), grace.cancel(session_id), return_exceptions=True
        )
        assert not isinstance(cancelled, BaseException), cancelled
        assert not isinstance(moved, BaseException) or moved.slug == "negotiation_over"  # type: ignore[attr-defined]
        await settled(ada, session_id, "cancelled")
        assert (await beginnings(ada, title), await beginnings(grace, title)) == ([], [])


async def test_cancelled_while_the_calendars_move_it_goes_from_both(couple: Couple, two_fronts: TwoFronts) -> None:
    ada, grace, _ = couple
    title, old, new = unique("On its way"), at(150, 9), at(151, 9)
    session_id = await meeting(couple, title, old)
    await ada.move(session_id, new)
    two_fronts.faults = [Fault(INSERT, delay_s=1.0, times=2)]

    await grace.accept(session_id, new)
    assert (await ada.cancel(session_id)).status == "cancelling"
    await settled(grace, session_id, "cancelled", timeout_s=60)

    assert (await beginnings(ada, title), await beginnings(grace, title)) == ([], [])


async def test_both_look_for_another_time_at_once_and_one_is_heard(couple: Couple) -> None:
    ada, grace, _ = couple
    title, old = unique("Both move"), at(152, 9)
    session_id = await meeting(couple, title, old)
    outcomes = await asyncio.gather(
        ada.move(session_id, at(153, 9)), grace.move(session_id, at(153, 11)), return_exceptions=True
    )

    failed = [each for each in outcomes if isinstance(each, BaseException)]
    assert len(failed) <= 1
    found = await ada.session(session_id)
    assert (found.status, found.stands) == ("open", old)
    assert len(found.slots) == 1


async def test_who_is_no_longer_connected_can_call_off_and_not_move(couple: Couple) -> None:
    ada, grace, connection_id = couple
    title, old = unique("Apart"), at(154, 9)
    session_id = await meeting(couple, title, old)
    await ada.move(session_id, at(155, 9))
    await grace.remove(connection_id, block=True)

    stays = await ada.session(session_id)
    assert (stays.status, stays.stands) == ("confirmed", old), "the end of a connection cancels no meeting"
    assert await refused(ada.move(session_id, at(155, 9))) == "acquaintance_not_found"
    await ada.cancel(session_id)
    await settled(grace, session_id, "cancelled")
    assert (await beginnings(ada, title), await beginnings(grace, title)) == ([], [])


async def test_an_event_that_does_not_go_back_is_said_and_the_meeting_can_still_be_called_off(
    couple: Couple, two_fronts: TwoFronts, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, grace, _ = couple
    monkeypatch.setattr(stepping, "AGAIN_S", 0.01)
    monkeypatch.setattr(stepping, "MOST_TRIES", 1)
    monkeypatch.setattr(stepping, "MOST_UNDONE", 2)
    title, old, new = unique("Stuck"), at(156, 9), at(157, 9)
    session_id = await meeting(couple, title, old)
    await ada.move(session_id, new)
    two_fronts.faults = [Fault("DELETE", delay_s=0.01, times=2), Fault("DELETE", status=403, times=1000)]
    two_fronts.refuse_second(INSERT, 403, f"{new:%Y-%m-%d}T".encode())

    await grace.accept(session_id, new)
    await settled(ada, session_id, "confirmed", timeout_s=60)

    assert (await grace.session(session_id)).error == stepping.LEFT_BEHIND
    two_fronts.reset()
    await grace.cancel(session_id)
    await settled(ada, session_id, "cancelled")
    assert (await beginnings(ada, title), await beginnings(grace, title)) == ([], [])
