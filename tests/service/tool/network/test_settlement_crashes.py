"""A replica that dies between any two steps of a settlement leaves it to be finished or undone, and nothing twice."""

import asyncio
from collections.abc import Callable

import pytest

from tests.conftest import Platform
from tests.service.neighbours import eventually
from tests.service.tool.network.two_users import TwoFronts, User, topic
from tests.service.tool.test_crashes import dying_replica
from tests.service.tool.visitors import at
from tests.service.tool.world import running_tool, unique

INSERT = "POST /calendar/v3/calendars/primary/events"
SETTLED_S = 120.0
"""A command is delivered again after ten seconds, and finds a lease that may have fifteen more."""


@pytest.mark.timeout(240)
async def test_kill_9_at_each_step_ends_in_both_calendars_or_in_neither(
    platform: Platform, two_fronts: TwoFronts, user: Callable[[str], User]
) -> None:
    names = ("first before", "first after", "second before", "second after", "undoing")
    titles, sessions, arrived = {}, {}, {name: asyncio.Event() for name in names}
    ada, grace = user("ada"), user("grace")
    async with running_tool(platform, two_fronts.url):
        connection_id = (await ada.invite(grace)).connection_id
        await grace.answer(connection_id)
        for number, name in enumerate(names):
            titles[name], slot = unique(name.title()), at(70 + number, 9)
            sessions[name] = await ada.start(connection_id, topic(titles[name], at(70 + number, 0)), slots=(slot,))

    async with dying_replica(platform, two_fronts.url) as victim:
        firsts, seconds = ({name: f"{titles[name]} ({who})".encode() for name in names} for who in ("Grace", "Ada"))
        two_fronts.held_before |= {
            firsts["first before"]: arrived["first before"],
            seconds["second before"]: arrived["second before"],
        }
        two_fronts.held_after |= {
            firsts["first after"]: arrived["first after"],
            seconds["second after"]: arrived["second after"],
        }
        two_fronts.refuse_second(INSERT, 403, seconds["undoing"])
        two_fronts.deletion_held = arrived["undoing"]
        for name in names:
            await grace.accept(sessions[name].session_id, sessions[name].slots[0])
        async with asyncio.timeout(40):
            await asyncio.gather(*(event.wait() for event in arrived.values()))
        victim.kill()
    two_fronts.reset()
    expected = dict.fromkeys(names[:-1], "confirmed") | {"undoing": "failed"}
    async with running_tool(platform, two_fronts.url):

        async def all_settled() -> bool:
            found = {name: (await ada.session(sessions[name].session_id)).status for name in names}
            return found == expected

        await eventually(all_settled, timeout_s=SETTLED_S)

    for name in names:
        count = 0 if name == "undoing" else 1
        assert (len(await ada.events(titles[name])), len(await grace.events(titles[name]))) == (count, count), name
