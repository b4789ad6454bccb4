"""Google here, Outlook there: all calendars of both count, and the meeting comes, moves and goes in the right ones.

Google is an emulator that we did not write; the Graph server is ours (see `tests.service.providers.graph_agenda`).
"""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from services.tool.deps import ToolDeps
from tests.conftest import Platform
from tests.service.neighbours import eventually
from tests.service.tool.network.two_users import Couple, TwoAccounts, TwoFronts, beginnings, meeting, settled, topic
from tests.service.tool.outlook.server import Microsoft, running_microsoft
from tests.service.tool.visitors import at, refused
from tests.service.tool.world import running_tool, unique


@pytest.fixture(scope="module")
async def microsoft() -> AsyncIterator[Microsoft]:
    async with running_microsoft() as running:
        running.vendor.is_open = True  # tokens here tell the two Googles apart
        yield running


@pytest.fixture(scope="module")
async def tool(platform: Platform, two_fronts: TwoFronts, microsoft: Microsoft) -> AsyncIterator[ToolDeps]:
    async with running_tool(platform, two_fronts.url, microsoft_api_url=f"{microsoft.vendor.url}/v1.0") as deps:
        yield deps


@pytest.fixture
def mixed(couple: Couple, accounts: TwoAccounts, microsoft: Microsoft) -> Couple:
    """Ada has a Google calendar, Grace one at Outlook."""
    accounts.own[couple[1].scope.user_id] = {"outlook_calendar"}
    microsoft.renew(microsoft.vendor.url)
    return couple


def fill(microsoft: Microsoft, start: datetime, minutes: int = 30) -> None:
    end = start + timedelta(minutes=minutes)
    microsoft.graph.agenda.put(unique("busy"), f"{start:%Y-%m-%dT%H:%M:%S}", f"{end:%Y-%m-%dT%H:%M:%S}")


def at_outlook(microsoft: Microsoft, title: str) -> dict[str, str]:
    """Ids of the events of that title, and when they begin in UTC."""
    found = microsoft.graph.agenda.events.items()
    return {id: row["start"]["dateTime"][:16] for id, row in found if title in row.get("subject", "")}


async def test_who_has_two_calendars_is_busy_when_either_says_so(
    couple: Couple, accounts: TwoAccounts, microsoft: Microsoft
) -> None:
    ada, grace, connection_id = couple
    accounts.own[ada.scope.user_id] = {"calendar", "outlook_calendar"}
    microsoft.renew(microsoft.vendor.url)
    await ada.occupy(at(200, 9), 30, unique("At Google"))
    fill(microsoft, at(200, 10))
    asked = topic(unique("Two"), at(200, 9), days=1 / 12)

    for taken in (at(200, 9), at(200, 10)):
        assert await refused(ada.start(connection_id, asked, slots=(taken,))) == "slots_not_free"
    started = await ada.start(connection_id, asked)
    assert started.slots == (at(200, 9, 30), at(200, 10, 30))

    fill(microsoft, at(200, 9, 30))
    await grace.accept(started.session_id, at(200, 9, 30))
    await settled(ada, started.session_id, "failed", timeout_s=30)
    failed = await ada.session(started.session_id)
    assert (failed.error, failed.detail) == (
        "slot_taken",
        "The time was not free any more for one of you. "
        "The meeting is in neither calendar; start another negotiation for another time.",
    )
    assert await grace.events(started.title) == []


async def test_a_meeting_comes_moves_and_goes_in_a_google_and_an_outlook_calendar(
    mixed: Couple, microsoft: Microsoft
) -> None:
    ada, grace, _ = mixed
    title, old, new = unique("Mixed"), at(201, 9), at(202, 15)
    session_id = await meeting(mixed, title, old)
    (event,) = at_outlook(microsoft, title)

    await grace.move(session_id, new)
    await ada.accept(session_id, new)
    await settled(ada, session_id, "confirmed")
    assert at_outlook(microsoft, title) == {event: f"{new:%Y-%m-%dT%H:%M}"}, "it is the same event"
    assert await beginnings(ada, title) == [new]

    await ada.move(session_id, at(203, 9))
    await grace.accept(session_id, at(203, 9))
    fill(microsoft, at(203, 9))

    async def has_ended() -> bool:
        return (await ada.session(session_id)).status == "confirmed"

    await eventually(has_ended, timeout_s=30)
    stands = (await ada.session(session_id)).stands
    assert stands in (new, at(203, 9))
    assert at_outlook(microsoft, title) == {event: f"{stands:%Y-%m-%dT%H:%M}"}
    assert await beginnings(ada, title) == [stands]

    await grace.cancel(session_id)
    await settled(ada, session_id, "cancelled")
    assert (await beginnings(ada, title), at_outlook(microsoft, title)) == ([], {})


async def test_what_has_moved_at_outlook_goes_back_when_google_is_busy_by_now(
    couple: Couple, accounts: TwoAccounts, microsoft: Microsoft
) -> None:
    """Who began has Outlook, and so it is Outlook that moves first."""
    ada, grace, _ = couple
    accounts.own[ada.scope.user_id] = {"outlook_calendar"}
    microsoft.renew(microsoft.vendor.url)
    title, old, new = unique("Returned"), at(204, 9), at(205, 9)
    session_id = await meeting(couple, title, old)
    (event,) = at_outlook(microsoft, title)
    await grace.move(session_id, new)
    await grace.occupy(new, 30, unique("In between"))

    await ada.accept(session_id, new)
    await settled(ada, session_id, "confirmed", timeout_s=30)

    stays = await grace.session(session_id)
    assert (stays.stands, stays.error) == (old, "slot_taken")
    assert at_outlook(microsoft, title) == {event: f"{old:%Y-%m-%dT%H:%M}"}
    assert await beginnings(grace, title) == [old]
