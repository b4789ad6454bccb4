"""Context, running: what is known about a user, and the receipt that explains it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from contracts.chat import TurnCompleted
from contracts.context import AssembleContext, AssembledContext, ProfileUpdated, UpdateProfile
from contracts.conversations import ConversationDeleted
from contracts.envelope import Event, Scope
from contracts.gateway import UserRegistered
from contracts.ids import ConnectionId, ConversationId, NotificationId, new_id
from contracts.notification import NotificationCreated, NotificationRead
from contracts.oauth import ConnectionEstablished, ConnectionRemoved
from contracts.sync import SourceRegistered
from libs.bus import RemoteError
from services.context.app import service
from tests.conftest import Platform
from tests.service.neighbours import Neighbours, between_neighbours

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
async def context(platform: Platform) -> AsyncIterator[Neighbours]:
    async with between_neighbours(service, platform) as running:
        yield running


async def after(context: Neighbours, scope: Scope, *events: Event) -> AssembledContext:
    """The context once all these events are handled; they come from senders that know no common order."""
    for event in events:
        await context.handle(event, scope)
    return await context.ask(AssembleContext(), scope)


def registered(scope: Scope, timezone: str = "Europe/Berlin") -> UserRegistered:
    return UserRegistered(user_id=scope.user_id, organization_id=scope.organization_id, timezone=timezone)


async def test_a_user_nobody_told_us_about_has_an_empty_context(context: Neighbours, scope: Scope) -> None:
    assembled = await context.ask(AssembleContext(), scope)

    assert (assembled.timezone, assembled.display_name, assembled.connected_providers) == ("UTC", None, ())
    assert {line.outcome for line in assembled.receipt} == {"dropped"}


async def test_what_the_others_tell_is_in_the_context(context: Neighbours, scope: Scope) -> None:
    notification_id = NotificationId(new_id("n"))
    assembled = await after(
        context,
        scope,
        registered(scope),
        ConnectionEstablished(connection_id=ConnectionId(new_id("cn")), provider="gmail", scopes=()),
        SourceRegistered(provider="gmail", registered_at=NOW),
        NotificationCreated(notification_id=notification_id, kind="welcome", created_at=NOW),
    )

    assert assembled.timezone == "Europe/Berlin"
    assert assembled.connected_providers == ("gmail",)
    assert assembled.open_notifications == 1


async def test_a_source_heard_of_before_its_connection_is_not_yet_usable(context: Neighbours, scope: Scope) -> None:
    connection_id = ConnectionId(new_id("cn"))
    early = await after(context, scope, SourceRegistered(provider="gmail", registered_at=NOW))
    late = await after(context, scope, ConnectionEstablished(connection_id=connection_id, provider="gmail", scopes=()))
    gone = await after(context, scope, ConnectionRemoved(connection_id=connection_id, provider="gmail"))

    assert [c.connected_providers for c in (early, late, gone)] == [(), ("gmail",), ()]


async def test_a_notification_read_before_it_was_heard_of_stays_read(context: Neighbours, scope: Scope) -> None:
    notification_id = NotificationId(new_id("n"))
    assembled = await after(
        context,
        scope,
        NotificationRead(notification_id=notification_id),
        NotificationCreated(notification_id=notification_id, kind="welcome", created_at=NOW),
    )

    assert assembled.open_notifications == 0


async def test_turns_are_counted_and_forgotten_with_their_conversation(context: Neighbours, scope: Scope) -> None:
    conversation_id = ConversationId(new_id("c"))
    turn = TurnCompleted.example().model_copy(update={"conversation_id": conversation_id})
    counted = await after(context, scope, turn, turn.model_copy(update={"cost_micros": None}))
    async with context.db.reading(scope) as tx:
        sums = await tx.fetchrow("select turns, output_tokens, cost_micros from conversation_statistics")
    forgotten = await after(context, scope, ConversationDeleted(conversation_id=conversation_id))

    assert tuple(sums or ()) == (2, 100, 303)
    assert "2 turns" in counted.receipt[-1].reason
    assert "0 turns" in forgotten.receipt[-1].reason


async def test_a_profile_is_changed_announced_and_sealed(context: Neighbours, scope: Scope) -> None:
    await context.ask(UpdateProfile(display_name=" Ada Lovelace ", timezone="Europe/London"), scope)
    profile = await context.ask(UpdateProfile(timezone="Asia/Tokyo"), scope)

    assert (profile.display_name, profile.timezone) == ("Ada Lovelace", "Asia/Tokyo")
    assert (await context.ask(AssembleContext(), scope)).display_name == "Ada Lovelace"
    announced = await context.heard(ProfileUpdated, scope, count=2)
    assert [event.timezone for event in announced] == ["Europe/London", "Asia/Tokyo"]
    async with context.db.reading(scope) as tx:
        assert b"Ada" not in await tx.fetchval("select display_name_sealed from profiles")


async def test_a_profile_changed_before_the_registration_was_heard_stays(context: Neighbours, scope: Scope) -> None:
    await context.ask(UpdateProfile(timezone="Asia/Tokyo"), scope)

    assert (await after(context, scope, registered(scope))).timezone == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("wish", "slug"),
    [
        (UpdateProfile(timezone="Mars/Olympus"), "unknown_timezone"),
        (UpdateProfile(display_name="\x00"), "invalid_display_name"),
    ],
)
async def test_nonsense_is_refused_by_name(context: Neighbours, scope: Scope, wish: UpdateProfile, slug: str) -> None:
    with pytest.raises(RemoteError) as refused:
        await context.ask(wish, scope)

    assert (refused.value.slug, refused.value.status) == (slug, 422)


async def test_nobody_learns_what_is_known_about_somebody_else(
    context: Neighbours, scope: Scope, stranger: Scope
) -> None:
    await context.ask(UpdateProfile(display_name="Ada", timezone="Europe/London"), scope)

    assembled = await context.ask(AssembleContext(), stranger)
    assert (assembled.display_name, assembled.timezone) == (None, "UTC")
