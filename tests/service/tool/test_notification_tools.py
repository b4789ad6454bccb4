"""The inbox is looked into and entries are put aside, once; what waits for the user's decision is left to the user."""

from collections.abc import AsyncIterator

import pytest

from contracts.ids import new_id
from contracts.tool import ExecutionStatus
from services.tool.deps import ToolDeps
from tests.conftest import Platform
from tests.service.providers.vendor_server import Told, vendor
from tests.service.tool.lost_answers import with_a_forgotten_result
from tests.service.tool.notification_peer import NotificationPeer
from tests.service.tool.world import World


@pytest.fixture(scope="module")
async def google() -> AsyncIterator[str]:
    """No provider."""
    async with vendor(lambda asked: Told({}, 404)) as running:
        yield running.url


@pytest.fixture(scope="module")
async def notification(platform: Platform) -> AsyncIterator[NotificationPeer]:
    peer = await NotificationPeer.start(platform.nats)
    yield peer
    await peer.client.close()


@pytest.fixture
def inbox(world: World, tool: ToolDeps, notification: NotificationPeer) -> NotificationPeer:
    world.oauth.connected = set()
    notification.reset()
    return notification


async def test_the_inbox_is_shown_newest_first(world: World, inbox: NotificationPeer) -> None:
    inbox.put("welcome", "Welcome", read=True)
    inbox.put("booking", "Grace booked")
    inbox.put("budget", "Much is spent")

    unread = await world.result("notifications_list")
    every = await world.result("notifications_list", unread=False, limit=2)

    assert ([entry["title"] for entry in unread["notifications"]], unread["unread"]) == (
        ["Much is spent", "Grace booked"],
        2,
    )
    assert [entry["title"] for entry in every["notifications"]] == ["Much is spent", "Grace booked"]


async def test_an_entry_is_put_aside(world: World, inbox: NotificationPeer) -> None:
    entry = inbox.put("booking", "Grace booked")

    shown = await world.done("notifications_resolve", notification_id=entry.notification_id)

    assert (shown["title"], shown["unread"]) == ("Grace booked", False)
    assert inbox.marked == [entry.notification_id]
    assert (await world.result("notifications_list"))["notifications"] == []


async def test_what_waits_for_the_user_is_not_put_aside(world: World, inbox: NotificationPeer) -> None:
    entry = inbox.put("approval", "Send a mail?")

    outcome = await world.execute(world.asked("notifications_resolve", {"notification_id": entry.notification_id}))

    assert (outcome.status, outcome.error) == (ExecutionStatus.FAILED, "invalid_arguments")
    assert inbox.marked == []


async def test_there_is_no_such_entry(world: World, inbox: NotificationPeer) -> None:
    outcome = await world.execute(world.asked("notifications_resolve", {"notification_id": new_id("n")}))

    assert (outcome.status, outcome.error) == (ExecutionStatus.FAILED, "notification_not_found")


async def test_a_process_that_dies_puts_it_aside_once(
    world: World, inbox: NotificationPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = inbox.put("booking", "Grace booked")

    shown = await with_a_forgotten_result(
        world, monkeypatch, "notifications_resolve", notification_id=entry.notification_id
    )

    assert not shown["unread"]
    assert inbox.marked == [entry.notification_id]


async def test_a_neighbour_that_is_away_for_a_moment_is_asked_again(world: World, inbox: NotificationPeer) -> None:
    entry = inbox.put("booking", "Grace booked")
    inbox.failing = 1

    shown = await world.done("notifications_resolve", notification_id=entry.notification_id)

    assert not shown["unread"]
