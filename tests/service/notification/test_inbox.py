"""Notification, running: what lands in an inbox, how often, and what becomes of it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from contracts.context import ProfileUpdated
from contracts.envelope import Event, Scope
from contracts.gateway import UserRegistered
from contracts.ids import ConnectionId, ExecutionId, NotificationId, new_id
from contracts.notification import (
    Inbox,
    InboxUpdate,
    ListNotifications,
    MarkNotificationRead,
    NotificationCreated,
    NotificationRead,
)
from contracts.oauth import ConnectionEstablished, ReauthorizationRequired
from contracts.runs import RunEnded
from contracts.tool import ExecutionFinished
from contracts.voice import VoiceSettingsUpdated
from libs.bus import RemoteError
from services.notification.app import service
from tests.conftest import Platform
from tests.service.neighbours import Neighbours, between_neighbours

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
async def notification(platform: Platform) -> AsyncIterator[Neighbours]:
    async with between_neighbours(service, platform, page_limit=3) as running:
        yield running


async def after(notification: Neighbours, scope: Scope, *events: Event) -> Inbox:
    """The inbox once all these events are handled, one after the other."""
    for event in events:
        await notification.handle(event, scope)
    return await notification.ask(ListNotifications(), scope)


def registered(scope: Scope) -> UserRegistered:
    return UserRegistered(user_id=scope.user_id, organization_id=scope.organization_id, timezone="Europe/Berlin")


def refused(provider: str = "gmail") -> ReauthorizationRequired:
    return ReauthorizationRequired(connection_id=ConnectionId(new_id("cn")), provider=provider, refused_at=NOW)


def finished(status: str) -> ExecutionFinished:
    return ExecutionFinished.example().model_copy(update={"status": status, "execution_id": ExecutionId(new_id("x"))})


async def test_a_new_user_is_welcomed_and_context_hears_of_it(notification: Neighbours, scope: Scope) -> None:
    inbox = await after(notification, scope, registered(scope))

    (entry,) = inbox.notifications
    assert (entry.kind, entry.title, entry.read, inbox.unread) == ("welcome", "Welcome to Adjutant", False, 1)
    (created,) = await notification.heard(NotificationCreated, scope)
    assert created.notification_id == entry.notification_id


async def test_open_clients_are_nudged_after_the_entry_is_there(notification: Neighbours, scope: Scope) -> None:
    gateway = notification.askers["gateway"]
    async with gateway.listen("inbox", scope.user_id) as nudges:
        await notification.emit(registered(scope), scope)
        async with asyncio.timeout(10):
            nudge = InboxUpdate.model_validate_json(await anext(nudges))

        inbox = await notification.ask(ListNotifications(), scope)
    assert nudge.notification_id == inbox.notifications[0].notification_id


async def test_a_refused_connection_asks_for_action_and_reconnecting_settles_it(
    notification: Neighbours, scope: Scope
) -> None:
    asked = await after(notification, scope, refused("gmail"), refused("calendar"))
    connected = ConnectionEstablished(connection_id=ConnectionId(new_id("cn")), provider="gmail", scopes=())
    settled = await after(notification, scope, connected)

    assert [(entry.action, entry.provider) for entry in asked.notifications] == [
        ("reconnect", "calendar"),
        ("reconnect", "gmail"),
    ]
    assert [(entry.kind, entry.provider, entry.read) for entry in settled.notifications] == [
        ("connected", "gmail", False),
        ("reconnect", "calendar", False),
        ("reconnect", "gmail", True),
    ]
    (read,) = await notification.heard(NotificationRead, scope)
    assert read.notification_id == settled.notifications[2].notification_id


async def test_the_same_news_under_two_event_ids_is_told_once(notification: Neighbours, scope: Scope) -> None:
    event = refused()

    assert len((await after(notification, scope, event, event)).notifications) == 1


async def test_only_an_effect_of_unknown_outcome_is_reported(notification: Neighbours, scope: Scope) -> None:
    inbox = await after(notification, scope, finished("done"), finished("failed"), finished("unknown"))

    assert [entry.kind for entry in inbox.notifications] == ["effect_unknown"]


async def test_the_end_of_a_run_is_told_once_by_its_id_and_each_end_of_one_that_went_on(
    notification: Neighbours, scope: Scope
) -> None:
    failed = RunEnded.example().model_copy(update={"status": "failed", "error": "run_timeout", "done_count": 1})
    done = failed.model_copy(update={"status": "done", "error": None, "number": failed.number + 3})

    inbox = await after(notification, scope, failed, failed, done, done)

    assert [(entry.kind, entry.title) for entry in inbox.notifications] == [
        ("run", "A run is done"),
        ("run", "A run took longer than it may"),
    ]
    assert all(failed.run_id in entry.text for entry in inbox.notifications)
    assert "1 of 3 steps are done" in inbox.notifications[1].text


async def test_reading_an_entry_counts_once(notification: Neighbours, scope: Scope) -> None:
    inbox = await after(notification, scope, registered(scope))
    query = MarkNotificationRead(notification_id=inbox.notifications[0].notification_id)

    first, second = await notification.ask(query, scope), await notification.ask(query, scope)

    assert (first.changed, second.changed) == (True, False)
    assert (await notification.ask(ListNotifications(), scope)).unread == 0
    assert len(await notification.heard(NotificationRead, scope)) == 1


async def test_a_page_is_bounded_and_the_count_is_not(notification: Neighbours, scope: Scope) -> None:
    await after(notification, scope, *(refused() for _ in range(5)))

    inbox = await notification.ask(ListNotifications(limit=10_000), scope)
    assert (len(inbox.notifications), inbox.unread) == (3, 5)
    assert len((await notification.ask(ListNotifications(limit=-1), scope)).notifications) == 1


async def test_an_entry_of_somebody_else_is_not_found(notification: Neighbours, scope: Scope, stranger: Scope) -> None:
    inbox = await after(notification, scope, registered(scope))

    for notification_id in (inbox.notifications[0].notification_id, NotificationId(new_id("n"))):
        with pytest.raises(RemoteError) as missing:
            await notification.ask(MarkNotificationRead(notification_id=notification_id), stranger)
        assert (missing.value.slug, missing.value.status) == ("notification_not_found", 404)
    assert (await notification.ask(ListNotifications(), stranger)).notifications == ()


async def test_what_is_said_lies_sealed_in_the_table(notification: Neighbours, scope: Scope) -> None:
    await after(notification, scope, registered(scope))

    async with notification.db.reading(scope) as tx:
        assert b"Welcome" not in await tx.fetchval("select wording_sealed from notifications")


async def test_how_a_user_may_be_reached_is_kept_in_any_order(notification: Neighbours, scope: Scope) -> None:
    await after(
        notification,
        scope,
        VoiceSettingsUpdated(answer_calls=True, send_sms=False),
        ProfileUpdated(timezone="Asia/Tokyo"),
        registered(scope),
    )

    async with notification.db.reading(scope) as tx:
        row = await tx.fetchrow("select timezone, may_call, may_text from recipients")
    assert tuple(row or ()) == ("Asia/Tokyo", True, False)
