"""A replica that dies between any two steps of moving or calling off leaves it to be finished or undone, none twice."""

import asyncio
from collections.abc import Callable

import pytest

from tests.conftest import Platform
from tests.service.neighbours import eventually
from tests.service.tool.network.two_users import TwoFronts, User, beginnings, meeting
from tests.service.tool.test_crashes import dying_replica
from tests.service.tool.visitors import at
from tests.service.tool.world import running_tool, unique

SETTLED_S = 120.0
"""A command is delivered again after ten seconds, and finds a lease that may have fifteen more."""
MOVES = ("first before", "first after", "second before", "second after", "undoing")
CANCELS = ("cancel first before", "cancel first after", "cancel second before", "cancel second after")


@pytest.mark.timeout(300)
async def test_kill_9_at_each_step_of_moving_and_calling_off_leaves_both_calendars_in_step(
    platform: Platform, two_fronts: TwoFronts, user: Callable[[str], User]
) -> None:
    names = MOVES + CANCELS
    titles = {name: unique(name.title()) for name in names}
    old = {name: at(170 + number, 9) for number, name in enumerate(names)}
    new = {name: at(190 + number, 9) for number, name in enumerate(names)}
    arrived = {name: asyncio.Event() for name in names}
    ada, grace = user("ada"), user("grace")
    async with running_tool(platform, two_fronts.url):
        connection_id = (await ada.invite(grace)).connection_id
        await grace.answer(connection_id)
        couple = (ada, grace, connection_id)
        sessions = {name: await meeting(couple, titles[name], old[name]) for name in names}

    async with dying_replica(platform, two_fronts.url) as victim:
        for name in MOVES:
            await (grace if name == "undoing" else ada).move(sessions[name], new[name])
        await grace.occupy(new["undoing"], 30, unique("Busy by now"))
        await _hold(two_fronts, titles, arrived, ada, grace)
        two_fronts.held_before[f"{old['undoing']:%Y-%m-%d}T".encode()] = arrived["undoing"]
        for name in MOVES:
            await (ada if name == "undoing" else grace).accept(sessions[name], new[name])
        for name in CANCELS:
            await grace.cancel(sessions[name])
        async with asyncio.timeout(60):
            await asyncio.gather(*(event.wait() for event in arrived.values()))
        victim.kill()
    two_fronts.reset()
    moved = {name: new[name] for name in MOVES} | {"undoing": old["undoing"]}
    expected = {name: ("confirmed", start) for name, start in moved.items()}
    expected |= {name: ("cancelled", None) for name in CANCELS}
    async with running_tool(platform, two_fronts.url):

        async def all_settled() -> bool:
            found = {name: await ada.session(sessions[name]) for name in names}
            return {name: (each.status, each.stands) for name, each in found.items()} == expected

        await eventually(all_settled, timeout_s=SETTLED_S)

    for name in names:
        start = expected[name][1]
        there = [start] if start else []
        assert (await beginnings(ada, titles[name]), await beginnings(grace, titles[name])) == (there, there), name


async def _hold(
    front: TwoFronts, titles: dict[str, str], arrived: dict[str, asyncio.Event], ada: User, grace: User
) -> None:
    """Have each of them stop at its step. The emulator cannot change an event: one that moves is made anew."""
    front.held_before[f"{titles['first before']} (Grace)".encode()] = arrived["first before"]
    front.held_after[f"{titles['first after']} (Grace)".encode()] = arrived["first after"]
    front.held_before[f"{titles['second before']} (Ada)".encode()] = arrived["second before"]
    front.held_after[f"{titles['second after']} (Ada)".encode()] = arrived["second after"]
    for whose, user in (("first", ada), ("second", grace)):
        for when, held in (("before", front.deletions_held_before), ("after", front.deletions_held_after)):
            name = f"cancel {whose} {when}"
            (event,) = await user.events(titles[name])
            held[event["id"]] = arrived[name]
