"""An owner reads what outsiders asked at a link, nobody else does, and after a while nobody can."""

from datetime import UTC, datetime, timedelta

import pytest

from contracts.conversations import GetConversation, ListConversations
from contracts.envelope import Scope
from libs.bus import RemoteError
from libs.runtime.run import RunningService
from services.chat.housekeeping import forget_visits
from tests.conftest import new_scope
from tests.service.chat.test_visits import LINK, visit
from tests.service.chat.world import World

pytestmark = pytest.mark.usefixtures("model")


async def test_the_owner_reads_a_links_conversations_apart_from_their_own(
    chat: RunningService, world: World, scope: Scope
) -> None:
    first, second = visit(world, scope, "Is Tuesday free?"), visit(world, scope, "Do you do weddings?")
    for command in (first, second):
        await world.send(command, scope)
        await world.follow(command.turn_id)

    listed = (await world.ask(ListConversations(delegation_id=LINK), scope)).conversations
    assert [(each.conversation_id, each.title) for each in listed] == [
        (second.conversation_id, "Do you do weddings?"),
        (first.conversation_id, "Is Tuesday free?"),
    ]
    query = GetConversation(conversation_id=first.conversation_id, delegation_id=LINK)
    assert [each.role for each in (await world.ask(query, scope)).messages] == ["user", "assistant"]
    page = await world.ask(ListConversations(delegation_id=LINK, limit=1), scope)
    rest = await world.ask(ListConversations(delegation_id=LINK, limit=1, cursor=page.next_cursor), scope)
    assert [each.conversation_id for each in rest.conversations] == [first.conversation_id]
    assert (await world.ask(ListConversations(), scope)).conversations == ()

    other = new_scope()
    assert (await world.ask(ListConversations(delegation_id=LINK), other)).conversations == ()
    with pytest.raises(RemoteError, match="no such conversation"):
        await world.ask(query, other)


async def test_a_conversation_is_forgotten_with_all_of_it_some_time_after_its_last_message(
    chat: RunningService, world: World, scope: Scope
) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=40)
    old, recent = visit(world, scope, "Long ago", accepted_at=long_ago), visit(world, scope, "Just now")
    own = world.command(scope, "My own, long ago", accepted_at=long_ago)
    for command in (old, recent, own):
        await world.send(command, scope)
        await world.follow(command.turn_id)
    async with chat.db.transaction(scope) as tx:
        await tx.execute(
            "update conversations set updated_at = $1 where conversation_id = any($2)",
            long_ago,
            [old.conversation_id, own.conversation_id],
        )

    assert await forget_visits(chat.db, timedelta(days=30)) == 1
    assert await forget_visits(chat.db, timedelta(days=30)) == 0

    left = (await world.ask(ListConversations(delegation_id=LINK), scope)).conversations
    assert [each.conversation_id for each in left] == [recent.conversation_id]
    mine = (await world.ask(ListConversations(), scope)).conversations
    assert [each.conversation_id for each in mine] == [own.conversation_id], "the owner's own are the owner's to delete"
    async with chat.db.reading(scope) as tx:
        counted = await tx.fetchval(
            """select (select count(*) from messages where conversation_id = $1)
                    + (select count(*) from turns where conversation_id = $1)
                    + (select count(*) from turn_steps where turn_id = $2)""",
            old.conversation_id,
            old.turn_id,
        )
    assert counted == 0


async def test_no_service_forgets_what_is_not_a_day_old(chat: RunningService) -> None:
    with pytest.raises(Exception, match="at least a day"):
        await forget_visits(chat.db, timedelta(0))
