"""A replica that dies while it writes a booking into the calendar leaves one event, or none, as was decided."""

import asyncio
from dataclasses import replace
from datetime import datetime

import pytest

from libs.bus import Bus
from libs.resilience.errors import AdjutantError
from tests.conftest import Platform, new_scope
from tests.service.neighbours import eventually
from tests.service.tool.test_crashes import dying_replica
from tests.service.tool.visitors import Owner, Visitor, at
from tests.service.tool.world import World, running_tool, unique

SETTLED_S = 90.0
"""The command comes after thirty seconds and finds a lease that may have fifteen more."""


@pytest.mark.timeout(180)
async def test_kill_9_while_bookings_are_written_moved_and_withdrawn(
    gateway: Bus, world: World, platform: Platform
) -> None:
    owner = Owner(gateway, world.seal, world.scope, world.google)
    names = ("put before", "put after", "move between", "move after")
    labels = {name: unique(name) for name in names}
    visitors = {name: await _ready(replace(owner, scope=new_scope()), labels[name], platform, world) for name in names}
    arrived = {name: asyncio.Event() for name in names}
    doing = []

    async with dying_replica(platform, world.front.url) as victim:
        held = {name: await visitors[name].hold(at(60 + n, 9)) for n, name in enumerate(names)}
        for name in names[2:]:
            await visitors[name].book(held[name])
        before, after = world.front.held_before, world.front.held_after
        before |= {labels[name].encode(): arrived[name] for name in ("put before", "move between")}
        after |= {labels[name].encode(): arrived[name] for name in ("put after", "move after")}
        for n, name in enumerate(names):
            visitor, booking_id = visitors[name], held[name].booking_id
            doing.append(visitor.book(held[name]) if n < 2 else visitor.move(booking_id, at(60 + n, 12)))
        tasks = [asyncio.create_task(_unheard(one)) for one in doing]
        async with asyncio.timeout(20):
            await asyncio.gather(*(event.wait() for event in arrived.values()))
        victim.kill()
    world.front.reset()
    async with running_tool(platform, world.front.url):
        await asyncio.gather(*tasks)

        async def all_accepted() -> bool:
            found = [await visitors[name].find(held[name].booking_id) for name in names]
            return all(each.status == "accepted" for each in found)

        await eventually(all_accepted, timeout_s=SETTLED_S)

    for n, name in enumerate(names):
        (event,) = await owner.events(labels[name])
        assert datetime.fromisoformat(event["start"]["dateTime"]) == at(60 + n, 9 if n < 2 else 12), name


async def _ready(owner: Owner, label: str, platform: Platform, world: World) -> Visitor:
    """A visitor with a link that somebody made while a replica was there."""
    async with running_tool(platform, world.front.url):
        return await owner.link(label=label)


async def _unheard(doing: object) -> None:
    """Whoever asked gets no answer, or a late one from nobody."""
    try:
        await doing  # type: ignore[misc]
    except AdjutantError:
        return
