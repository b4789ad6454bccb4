"""What is called off goes from both calendars, whoever of the two says so, and whatever a calendar does meanwhile.

Both Googles are emulators that we did not write; what they refuse is told to the front before them.
"""

import asyncio
from typing import Any

import pytest

from services.tool.deps import ToolDeps
from services.tool.settlement import leaving, stepping
from tests.service.neighbours import eventually
from tests.service.tool.front import Fault
from tests.service.tool.network.told import told
from tests.service.tool.network.two_users import Couple, TwoFronts, beginnings, meeting, settled, topic
from tests.service.tool.visitors import at, refused
from tests.service.tool.world import unique

INSERT = "POST /calendar/v3/calendars/primary/events"


@pytest.mark.parametrize("who", [0, 1], ids=["who began", "who accepted"])
async def test_either_calls_a_meeting_off_and_it_goes_from_both_calendars(
    couple: Couple, tool: ToolDeps, who: int
) -> None:
    ada, grace, _ = couple
    title, mover = unique("Off"), couple[who]
    session_id = await meeting(couple, title, at(100 + who, 9))

    cancelling = await mover.cancel(session_id)
    assert (cancelling.status, cancelling.stands) == ("cancelling", at(100 + who, 9))
    await settled(grace, session_id, "cancelled")

    assert (await beginnings(ada, title), await beginnings(grace, title)) == ([], [])
    assert (await ada.session(session_id)).stands is None
    for one in (ada, grace):

        async def is_told(one: Any = one) -> bool:
            return (await told(tool, one, session_id)).count("called_off") == 1

        await eventually(is_told)
    assert await refused(ada.cancel(session_id)) == "negotiation_over"
    assert await refused(grace.move(session_id, at(101, 9))) == "negotiation_over"


async def test_a_calendar_that_is_away_loses_it_when_it_is_back_and_the_other_one_at_once(
    couple: Couple, two_fronts: TwoFronts, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, grace, _ = couple
    monkeypatch.setattr(stepping, "AGAIN_S", 0.2)
    title = unique("Away")
    session_id = await meeting(couple, title, at(103, 9))
    two_fronts.refuse_second("DELETE", 503)

    await ada.cancel(session_id)

    async def is_gone_from_the_first() -> bool:
        return not await beginnings(ada, title)

    await eventually(is_gone_from_the_first, timeout_s=20)
    assert (await grace.session(session_id)).status == "cancelling"
    assert await beginnings(grace, title) == [at(103, 9)]
    two_fronts.reset()
    await settled(grace, session_id, "cancelled", timeout_s=60)
    assert await beginnings(grace, title) == []


async def test_a_calendar_that_never_gives_it_back_is_said_and_not_waited_for_for_ever(
    couple: Couple, two_fronts: TwoFronts, tool: ToolDeps, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, grace, _ = couple
    monkeypatch.setattr(stepping, "AGAIN_S", 0.01)
    monkeypatch.setattr(leaving, "MOST_TRIES", 2)
    title = unique("Kept")
    session_id = await meeting(couple, title, at(104, 9))
    two_fronts.refuse_second("DELETE", 403)

    await grace.cancel(session_id)
    await settled(ada, session_id, "cancelled", timeout_s=60)

    assert (await ada.session(session_id)).error == stepping.LEFT_BEHIND
    assert (await beginnings(ada, title), await beginnings(grace, title)) == ([], [at(104, 9)])

    async def is_told() -> bool:
        return (await told(tool, grace, session_id)).count("left_behind") == 1

    await eventually(is_told)


async def test_what_somebody_has_taken_out_by_hand_is_called_off_all_the_same(couple: Couple) -> None:
    ada, grace, _ = couple
    title = unique("By hand")
    session_id = await meeting(couple, title, at(105, 9))
    await grace.erase(title)

    await ada.cancel(session_id)
    await settled(ada, session_id, "cancelled")

    assert (await beginnings(ada, title), (await ada.session(session_id)).error) == ([], None)


async def test_a_meeting_from_before_meetings_could_move_is_moved_and_called_off_like_any(
    couple: Couple, tool: ToolDeps
) -> None:
    """Its row does not say that it stands."""
    ada, grace, _ = couple
    title, new = unique("Old"), at(108, 9)
    session_id = await meeting(couple, title, at(107, 9))
    async with tool.db.transaction(ada.scope) as tx:
        await tx.execute("update negotiations set stands = null where session_id = $1", session_id)

    await grace.move(session_id, new)
    await ada.accept(session_id, new)
    await settled(ada, session_id, "confirmed")
    assert (await beginnings(ada, title), await beginnings(grace, title)) == ([new], [new])
    async with tool.db.transaction(ada.scope) as tx:
        await tx.execute("update negotiations set stands = null where session_id = $1", session_id)
    await ada.cancel(session_id)
    await settled(grace, session_id, "cancelled")
    assert (await beginnings(ada, title), await beginnings(grace, title)) == ([], [])


async def test_confirmed_while_the_other_cancels_it_ends_in_neither_calendar(
    couple: Couple, two_fronts: TwoFronts, tool: ToolDeps
) -> None:
    """The calendars are held up in the middle of confirming: the word counts, and they follow it afterwards."""
    ada, grace, connection_id = couple
    title, slot = unique("Meanwhile"), at(106, 9)
    started = await ada.start(connection_id, topic(title, at(106, 0)), slots=(slot,))
    two_fronts.faults = [Fault(INSERT, delay_s=1.5, times=2)]

    await grace.accept(started.session_id, slot)
    assert (await ada.cancel(started.session_id)).status == "cancelling"
    assert (await ada.cancel(started.session_id)).status == "cancelling", "said twice it is said once"
    await settled(grace, started.session_id, "cancelled", timeout_s=60)

    assert (await beginnings(ada, title), await beginnings(grace, title)) == ([], [])
    assert "confirmed" not in await told(tool, ada, started.session_id)


async def test_accepted_and_cancelled_at_once_it_is_in_both_calendars_or_in_neither(couple: Couple) -> None:
    ada, grace, connection_id = couple
    for number in range(4):
        title, slot = unique("At once"), at(110 + number, 9)
        session_id = (await ada.start(connection_id, topic(title, slot), slots=(slot,))).session_id
        outcomes = await asyncio.gather(grace.accept(session_id, slot), ada.cancel(session_id), return_exceptions=True)

        async def has_ended(session_id: str = session_id) -> bool:
            return (await ada.session(session_id)).status == "cancelled"

        await eventually(has_ended, timeout_s=30)
        assert not isinstance(outcomes[1], BaseException), "whoever cancels is heard"
        assert (await beginnings(ada, title), await beginnings(grace, title)) == ([], [])
