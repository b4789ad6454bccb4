"""Conversations: listed, read, deleted; nobody else's; sealed at rest."""

from datetime import UTC, datetime, timedelta

import pytest

from contracts.chat import GetTurn
from contracts.conversations import (
    ConversationDeleted,
    DeleteConversation,
    FindConversation,
    GetConversation,
    ListConversations,
)
from contracts.envelope import Scope
from contracts.ids import ConversationId, new_id
from libs.bus import RemoteError
from libs.bus.subjects import stream_for, subject_for
from libs.runtime.run import RunningService
from libs.vault import MasterKeys, Vault
from tests.conftest import Platform
from tests.service.chat.model_peer import ModelPeer, Says, in_order
from tests.service.chat.world import World


async def _said(world: World, scope: Scope, text: str, conversation_id: str | None = None) -> str:
    command = world.command(scope, text, **({"conversation_id": conversation_id} if conversation_id else {}))
    await world.send(command, scope)
    assert (await world.follow(command.turn_id)).end.type == "turn.completed"
    return command.conversation_id


async def test_conversations_are_listed_by_their_last_word_and_page_by_page(
    chat: RunningService, world: World, scope: Scope
) -> None:
    made = [await _said(world, scope, f"Topic {number}") for number in range(5)]
    await _said(world, scope, "and another thing", made[0])
    seen, cursor = [], None
    for _ in range(3):
        page = await world.ask(ListConversations(limit=2, cursor=cursor), scope)
        seen += [(line.conversation_id, line.title) for line in page.conversations]
        cursor = page.next_cursor
    assert cursor is None
    assert seen == [(made[number], f"Topic {number}") for number in (0, 4, 3, 2, 1)]


async def test_messages_are_read_backwards_page_by_page(chat: RunningService, world: World, scope: Scope) -> None:
    conversation = await _said(world, scope, "message 0")
    for number in range(1, 4):
        await _said(world, scope, f"message {number}", conversation)
    texts: list[str] = []
    before = None
    while True:
        page = await world.conversation(conversation, scope, limit=3, before=before)
        texts = [message.text for message in page.messages if message.role == "user"] + texts
        before = page.earlier_cursor
        if before is None:
            break
    assert texts == [f"message {number}" for number in range(4)]


@pytest.mark.parametrize("cursor", ["x", "%%%", "MjAyNi0xMS0yMA", "AAAA" * 50, "a" * 5000])
async def test_a_cursor_that_is_none_is_refused(chat: RunningService, world: World, scope: Scope, cursor: str) -> None:
    with pytest.raises(RemoteError) as refused:
        await world.ask(ListConversations(cursor=cursor), scope)
    assert refused.value.slug == "malformed_cursor"


async def test_another_users_conversation_is_not_found_in_any_way(
    chat: RunningService, world: World, scope: Scope, stranger: Scope
) -> None:
    command = world.command(scope, "Mine alone")
    await world.send(command, scope)
    await world.follow(command.turn_id)
    mine = command.conversation_id
    assert (await world.ask(FindConversation(conversation_id=mine), scope)).found
    assert not (await world.ask(FindConversation(conversation_id=mine), stranger)).found
    for query in (GetConversation(conversation_id=mine), DeleteConversation(conversation_id=mine)):
        with pytest.raises(RemoteError) as refused:
            await world.ask(query, stranger)
        assert refused.value.slug == "conversation_not_found"
    with pytest.raises(RemoteError) as refused:
        await world.ask(GetTurn(turn_id=command.turn_id), stranger)
    assert refused.value.slug == "turn_not_found"
    assert (await world.ask(ListConversations(), stranger)).conversations == ()


async def test_a_message_sent_into_a_strangers_conversation_id_stays_the_senders(
    chat: RunningService, world: World, scope: Scope, stranger: Scope
) -> None:
    mine = await _said(world, scope, "Mine")
    await _said(world, stranger, "Guessing your id", mine)
    kept = await world.conversation(mine, scope)
    assert [message.text for message in kept.messages if message.role == "user"] == ["Mine"]


async def test_a_deleted_conversation_is_gone_with_everything_in_it(
    chat: RunningService, world: World, scope: Scope
) -> None:
    command = world.command(scope, "Forget this")
    await world.send(command, scope)
    await world.follow(command.turn_id)
    gone = command.conversation_id
    assert (await world.ask(DeleteConversation(conversation_id=gone), scope)).existed
    with pytest.raises(RemoteError):
        await world.conversation(gone, scope)
    with pytest.raises(RemoteError):
        await world.turn(command.turn_id, scope)
    async with chat.db.reading(scope) as tx:
        left = await tx.fetchval(
            "select (select count(*) from conversations) + (select count(*) from messages) "
            "+ (select count(*) from turns) + (select count(*) from turn_steps)"
        )
    assert left == 0
    found = await world.admin.jetstream.subscribe(
        subject_for(ConversationDeleted, scope), stream=stream_for(ConversationDeleted), ordered_consumer=True
    )
    told = ConversationDeleted.model_validate_json((await found.next_msg(10)).data)
    await found.unsubscribe()
    assert told.conversation_id == gone


async def test_a_conversation_deleted_while_it_is_answered_does_not_come_back(
    chat: RunningService, world: World, model: ModelPeer, scope: Scope
) -> None:
    model.script = in_order(Says(" ".join(["word"] * 400), pause_s=0.02))
    command = world.command(scope, "Tell me everything")
    await world.send(command, scope)
    await world.follow(command.turn_id, until=frozenset({"token"}))
    await world.ask(DeleteConversation(conversation_id=command.conversation_id), scope)
    assert (await world.follow(command.turn_id)).end.type == "turn.stopped"
    with pytest.raises(RemoteError):
        await world.conversation(command.conversation_id, scope)
    assert (await world.ask(ListConversations(), scope)).conversations == ()
    async with chat.db.reading(scope) as tx:
        assert await tx.fetchval("select count(*) from messages") == 0


async def test_ten_thousand_messages_open_by_an_index_and_give_the_newest(
    chat: RunningService, world: World, platform: Platform, scope: Scope
) -> None:
    conversation = ConversationId(new_id("c"))
    began = datetime(2026, 1, 1, tzinfo=UTC)
    vault = Vault(MasterKeys.from_text(platform.master_keys))
    async with chat.db.transaction(scope) as tx:
        key = await vault.user_key(tx)
        await tx.execute(
            """insert into conversations (conversation_id, title, created_at, updated_at, message_count)
               values ($1, $2, $3, $3, 10000)""",
            conversation,
            key.seal("title", conversation, b"Long"),
            began,
        )
        rows = []
        for number in range(10_000):
            id = f"m_{number:032x}"
            at = began + timedelta(hours=number // 2, seconds=number % 2)
            rows.append((id, conversation, "user", key.seal("message", id, b"%d" % number), at))
        await tx.executemany(
            """insert into messages (message_id, conversation_id, turn_id, role, text, created_at)
               values ($1, $2, 't', $3, $4, $5)""",
            rows,
        )
    opened = await world.conversation(conversation, scope, limit=50)
    assert [message.text for message in opened.messages] == [str(number) for number in range(9_950, 10_000)]
    async with chat.db.transaction(scope) as tx:
        plan = await tx.fetch(
            "explain select text from messages where user_id = $1 and conversation_id = $2 "
            "order by created_at desc, message_id desc limit 50",
            scope.user_id,
            conversation,
        )
    assert "Seq Scan" not in "\n".join(row[0] for row in plan)
