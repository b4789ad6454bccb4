"""What chat does when something arrives."""

from datetime import UTC, datetime

import structlog

from contracts.actions import ActionDecided
from contracts.chat import GetQuestion, GetTurn, Question, RunTurn, StopTurn, TurnStop, TurnView
from contracts.conversations import (
    ConversationDeleted,
    ConversationFound,
    ConversationPage,
    ConversationView,
    DeleteConversation,
    Deleted,
    FindConversation,
    GetConversation,
    ListConversations,
)
from contracts.tool import ExecutionFinished
from libs.bus import Call, publish
from libs.db import Transaction
from libs.resilience.errors import Unavailable
from services.chat import conversations, followups, turn, turn_rows
from services.chat.deps import Chat
from services.chat.runs import hearing, run_rows

log = structlog.get_logger("services.chat")


async def run_turn(command: RunTurn, call: Call, deps: Chat) -> None:
    """Answer one message."""
    await turn.run(command, call, deps)


async def stop_turn(command: StopTurn, tx: Transaction, deps: Chat) -> None:
    """Note the stop, and tell the replica that runs the turn once the note is certain."""
    await turn_rows.request_stop(tx, command.turn_id, datetime.now(UTC))
    tx.after_commit(lambda: deps.background.create_task(_tell(deps, command)))


async def list_conversations(query: ListConversations, call: Call, deps: Chat) -> ConversationPage:
    """A page, newest first."""
    async with deps.db.reading(call.require_scope()) as tx:
        key = await deps.vault.user_key(tx)
        return await conversations.page(tx, key, query.limit, query.cursor, query.delegation_id)


async def get_conversation(query: GetConversation, call: Call, deps: Chat) -> ConversationView:
    """One conversation with a page of messages."""
    async with deps.db.reading(call.require_scope()) as tx:
        key = await deps.vault.user_key(tx)
        shown, link = query.conversation_id, query.delegation_id
        return await conversations.view(tx, key, shown, query.limit, query.before, link)


async def find_conversation(query: FindConversation, call: Call, deps: Chat) -> ConversationFound:
    """Whether it is there."""
    async with deps.db.reading(call.require_scope()) as tx:
        return ConversationFound(found=await conversations.find(tx, query.conversation_id, query.delegation_id))


async def delete_conversation(query: DeleteConversation, call: Call, deps: Chat) -> Deleted:
    """Delete it, and let the others know."""
    async with deps.db.transaction(call.require_scope()) as tx:
        await conversations.delete(tx, query.conversation_id)
        await run_rows.forget_of(tx, query.conversation_id)
        await publish(tx, ConversationDeleted(conversation_id=query.conversation_id))
    return Deleted(existed=True)


async def get_turn(query: GetTurn, call: Call, deps: Chat) -> TurnView:
    """Where it stands."""
    async with deps.db.reading(call.require_scope()) as tx:
        return await conversations.turn(tx, await deps.vault.user_key(tx), query.turn_id)


async def get_question(query: GetQuestion, call: Call, deps: Chat) -> Question:
    """What a turn was asked, for answering it anew."""
    scope = call.require_scope()
    async with deps.db.reading(scope) as tx:
        conversation_id, text = await conversations.question(tx, await deps.vault.user_key(tx), query.turn_id)
    return Question(conversation_id=conversation_id, sealed_text=deps.seal.seal("run_turn", scope, text))


async def _tell(deps: Chat, command: StopTurn) -> None:
    notice = TurnStop(turn_id=command.turn_id)
    try:
        await deps.bus.live("turn_stop", command.turn_id).publish(notice.model_dump_json().encode())
    except Unavailable as away:
        # The note in the database is read when the lease is renewed: the stop comes up to 2.5 s later.
        log.info("stop_notice_lost", error=away.slug)


async def hear_execution(event: ExecutionFinished, tx: Transaction, deps: Chat) -> None:
    """An effect ended: a run goes on, or a conversation hears of it."""
    await hearing.look_soon(tx, event.execution_id)
    await followups.hear_end(event, tx, deps)


async def hear_decision(event: ActionDecided, tx: Transaction, deps: Chat) -> None:
    """The user decided: likewise."""
    await hearing.look_soon(tx, event.action_id)
    await followups.hear_word(event, tx, deps)
