"""Whatever two people do to their meetings, at once and while calendars stumble: in the end both calendars agree."""

import asyncio
import random
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from contracts.network import NegotiationView
from libs.resilience.errors import AdjutantError
from services.tool.settlement import stepping
from tests.service.neighbours import eventually
from tests.service.tool.front import Fault
from tests.service.tool.network.two_users import Couple, TwoFronts, User, beginnings, meeting
from tests.service.tool.visitors import at
from tests.service.tool.world import unique

MEETINGS, WORDS = 3, 6
STUMBLES = (
    Fault("POST /calendar/v3/calendars/primary/events", cut=True, after_commit=True),
    Fault("POST /calendar/v3/calendars/primary/events", status=503),
    Fault("DELETE", cut=True, after_commit=True),
    Fault("DELETE", status=503),
    Fault("PATCH", status=503),
    Fault("GET /calendar/v3/calendars/primary/events", cut=True),
    Fault("POST /calendar/v3/freeBusy", status=503),
)


@pytest.mark.every_way(sample=1)
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(3))
async def test_both_calendars_agree_in_the_end(
    couple: Couple, two_fronts: TwoFronts, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(stepping, "AGAIN_S", 0.2)
    ada, grace, _ = couple
    chance = random.Random(seed)  # noqa: S311 - the same every time
    titles = [unique(f"Any {number}") for number in range(MEETINGS)]
    days = [at(210 + 30 * seed + 5 * number, 9) for number in range(MEETINGS)]
    sessions = [await meeting(couple, title, day) for title, day in zip(titles, days, strict=True)]

    async def talk(session_id: str, day: datetime, user: User, seed: int) -> None:
        own = random.Random(seed)  # noqa: S311 - the same every time
        for _ in range(WORDS):
            await _say_something(user, session_id, day, own)

    two_fronts.faults = [replace(chance.choice(STUMBLES)) for _ in range(25)]
    await asyncio.gather(
        *(
            talk(session_id, day, user, chance.randrange(10**9))
            for session_id, day in zip(sessions, days, strict=True)
            for user in (ada, grace)
        )
    )
    two_fronts.faults = []

    async def all_have_ended() -> bool:
        found = [await ada.session(session_id) for session_id in sessions]
        return all(each.status in ("confirmed", "cancelled", "open") for each in found)

    await eventually(all_have_ended, timeout_s=150)
    for session_id, title in zip(sessions, titles, strict=True):
        found = await ada.session(session_id)
        expected = [] if found.stands is None else [found.stands]
        seen = (found.status, found.error, await beginnings(ada, title), await beginnings(grace, title))
        assert seen[2:] == (expected, expected), seen
        assert (found.status == "cancelled") is (found.stands is None)


async def _say_something(user: User, session_id: str, day: datetime, chance: random.Random) -> None:
    """What comes to their mind; much of it is refused."""
    seen: NegotiationView = await user.session(session_id)
    slot = day + timedelta(hours=chance.randrange(48))
    try:
        if seen.my_turn and chance.random() < 0.6:
            await user.accept(session_id, seen.slots[0])
        elif chance.random() < 0.6:
            await user.move(session_id, slot)
        elif chance.random() < 0.5:
            await user.decline(session_id)
        elif chance.random() < 0.3:
            await user.cancel(session_id)
    except AdjutantError:
        return
