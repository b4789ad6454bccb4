"""Two users propose, counter, accept, and are told; each by the rules of both."""

from datetime import UTC, datetime, timedelta

import pytest

from contracts.network import DailyHours, NetworkMoved, Rules
from services.tool.deps import ToolDeps
from services.tool.network import desk
from tests.service.neighbours import eventually
from tests.service.tool.network.two_users import Couple, User, settled, topic
from tests.service.tool.visitors import at, refused
from tests.service.tool.world import unique


async def test_one_proposes_the_other_accepts_and_it_stands_in_both_calendars(couple: Couple) -> None:
    ada, grace, connection_id = couple
    title = unique("Lunch")
    started = await ada.start(connection_id, topic(title, at(2, 0)))
    seen = await grace.session(started.session_id)
    assert (seen.title, seen.other_name, seen.my_turn, seen.slots) == (title, "Ada", True, started.slots)

    agreed = await grace.accept(started.session_id, seen.slots[0])
    assert agreed.status == "agreed"
    await settled(ada, started.session_id, "confirmed")

    for one, other in ((ada, "Grace"), (grace, "Ada")):
        (event,) = await one.events(title)
        assert event["summary"] == f"{title} ({other})"
        assert datetime.fromisoformat(event["start"]["dateTime"]) == seen.slots[0]
        assert (await one.session(started.session_id)).status == "confirmed"


async def test_the_other_counters_within_both_rules_and_the_first_accepts(couple: Couple) -> None:
    ada, grace, connection_id = couple
    title = unique("Counter")
    monday = at((7 - datetime.now(UTC).weekday()) + 14, 0)
    mornings = Rules(timezone="UTC", hours=tuple(DailyHours(weekday=day, start=480, end=720) for day in range(7)))
    started = await ada.start(connection_id, topic(title, monday), rules=mornings, note="Only mornings")
    assert all(8 <= slot.hour < 12 for slot in started.slots)

    afternoon, morning = monday + timedelta(hours=15), monday + timedelta(hours=9, minutes=10)
    assert await refused(grace.counter(started.session_id, slots=(afternoon,))) == "slots_not_free"
    countered = await grace.counter(started.session_id, slots=(morning,), note="Then this one?")
    assert (countered.my_turn, countered.round, countered.slots) == (False, 2, (morning,))
    assert await refused(grace.counter(started.session_id, slots=(morning,))) == "not_your_turn"
    assert await refused(ada.accept(started.session_id, started.slots[0])) == "slot_not_offered"

    seen = await ada.session(started.session_id)
    assert (seen.note, seen.my_turn) == ("Then this one?", True)
    await ada.accept(started.session_id, morning)
    await settled(ada, started.session_id, "confirmed")
    assert (len(await ada.events(title)), len(await grace.events(title))) == (1, 1)


async def test_only_free_times_are_proposed_and_what_fills_the_others_is_not_told(couple: Couple) -> None:
    ada, grace, connection_id = couple
    day = at(20, 0)
    await ada.occupy(day + timedelta(hours=8), 14 * 60, "Divorce lawyer")
    started = await ada.start(connection_id, topic(unique("Free"), day + timedelta(hours=7), days=14 / 24))
    busy = day + timedelta(hours=10)

    assert started.slots
    assert all(slot + timedelta(minutes=30) <= day + timedelta(hours=8) for slot in started.slots)
    assert await refused(ada.start(connection_id, topic("Busy", day), slots=(busy,))) == "slots_not_free"
    assert "lawyer" not in (await grace.session(started.session_id)).model_dump_json()


async def test_the_one_who_accepts_must_be_free_too(couple: Couple) -> None:
    ada, grace, connection_id = couple
    slot = at(21, 9)
    await grace.occupy(slot, 60, "Dentist")
    started = await ada.start(connection_id, topic(unique("Taken"), at(21, 0)), slots=(slot,))

    assert await refused(grace.accept(started.session_id, slot)) == "slots_not_free"
    assert (await grace.session(started.session_id)).status == "open"


async def test_an_unanswered_proposal_expires(couple: Couple, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, grace, connection_id = couple
    monkeypatch.setattr(desk, "ANSWER_WITHIN", timedelta(seconds=1))
    started = await ada.start(connection_id, topic(unique("Late"), at(3, 0)))

    await settled(ada, started.session_id, "expired")
    assert await refused(grace.accept(started.session_id, started.slots[0])) == "negotiation_over"


async def test_both_are_told_of_each_step_once(couple: Couple, tool: ToolDeps) -> None:
    ada, grace, connection_id = couple
    slot = at(25, 9)
    started = await ada.start(connection_id, topic(unique("Told"), at(25, 0)), slots=(slot,))
    await grace.accept(started.session_id, slot)
    await settled(ada, started.session_id, "confirmed")

    expected = {
        "ada": [("agreed", False), ("confirmed", False), ("proposed", True)],
        "grace": [("agreed", True), ("confirmed", False), ("proposed", False)],
    }

    async def all_told() -> bool:
        return {user.name: await steps_told(tool, user, started.session_id) for user in (ada, grace)} == expected

    await eventually(all_told)


async def steps_told(tool: ToolDeps, user: User, about: str) -> list[tuple[str, bool]]:
    """The events for one of them, as they left."""
    async with tool.db.reading(user.scope) as tx:
        rows = await tx.fetch("select subject, body from outbox where subject like 'evt.tool.network.moved.v1.%'")
    events = [NetworkMoved.model_validate_json(row["body"]) for row in rows if user.scope.user_id in row["subject"]]
    return sorted((event.step, event.by_me) for event in events if event.about == about)
