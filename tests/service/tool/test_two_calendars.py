"""Who has two calendars is busy when either says so, and gets the event in the first.

Google is an emulator that we did not write; the Graph server is ours (see `tests.service.providers.graph_agenda`).
"""

from collections.abc import AsyncIterator

import pytest

from libs.bus import Bus
from services.tool.deps import ToolDeps
from tests.conftest import Platform
from tests.service.tool.front import Front
from tests.service.tool.outlook.server import Microsoft, running_microsoft
from tests.service.tool.visitors import Owner, at, refused
from tests.service.tool.world import World, running_tool, unique


@pytest.fixture(scope="module")
async def microsoft() -> AsyncIterator[Microsoft]:
    async with running_microsoft() as running:
        yield running


@pytest.fixture(scope="module")
async def tool(platform: Platform, front: Front, microsoft: Microsoft) -> AsyncIterator[ToolDeps]:
    async with running_tool(platform, front.url, microsoft_api_url=f"{microsoft.vendor.url}/v1.0") as deps:
        yield deps


@pytest.fixture
def owner(gateway: Bus, world: World, tool: ToolDeps, microsoft: Microsoft) -> Owner:
    world.oauth.connected = {"calendar", "outlook_calendar"}
    microsoft.renew(microsoft.vendor.url)
    return Owner(gateway, world.seal, world.scope, world.google)


async def test_either_calendar_makes_busy_and_the_first_gets_the_event(owner: Owner, microsoft: Microsoft) -> None:
    label, agenda = unique("Both"), microsoft.graph.agenda
    visitor = await owner.link(label=label)
    await owner.occupy(at(3, 9), 30, unique("At Google"))
    agenda.put("at Microsoft", f"{at(3, 10):%Y-%m-%dT%H:%M:%S}", f"{at(3, 10, 30):%Y-%m-%dT%H:%M:%S}")

    assert await visitor.slots(at(3, 9), days=0.0833) == [at(3, 9, 30), at(3, 10, 30)]
    assert await refused(visitor.book(await visitor.hold(at(3, 10)))) == "slot_taken"
    booked = await visitor.book(await visitor.hold(at(3, 9, 30)))
    assert await refused(visitor.move(booked.booking_id, at(3, 10))) == "slot_taken"

    assert len(await owner.events(label)) == 1
    assert list(agenda.events) == ["at Microsoft"]
