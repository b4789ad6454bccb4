"""Conversations: list, read, delete."""

from typing import Annotated

from fastapi import APIRouter, Query

from contracts.conversations import (
    ConversationPage,
    ConversationView,
    DeleteConversation,
    GetConversation,
    ListConversations,
)
from contracts.ids import ConversationId, is_id
from services.gateway.audit import Action, record
from services.gateway.errors import ConversationNotFound
from services.gateway.guards import GatewayHere, Manager, OriginHere, Reader
from services.gateway.turns import forget_conversation
from services.gateway.wire import AUTHENTICATED, problems

router = APIRouter(prefix="/api/conversations", tags=["conversations"])

Cursor = Annotated[str | None, Query(max_length=200, pattern=r"^[A-Za-z0-9_.:=+-]*$")]


@router.get("", responses=problems(*AUTHENTICATED, 422))
async def list_all(
    caller: Reader, gateway: GatewayHere, limit: Annotated[int, Query(ge=1, le=100)] = 50, cursor: Cursor = None
) -> ConversationPage:
    """The caller's conversations, newest first."""
    return await gateway.bus.ask(ListConversations(limit=limit, cursor=cursor), scope=caller.scope)


@router.get("/{conversation_id}", responses=problems(*AUTHENTICATED, 404, 422))
async def read(
    conversation_id: str,
    caller: Reader,
    gateway: GatewayHere,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    before: Cursor = None,
) -> ConversationView:
    """One conversation with its newest messages; `earlier_cursor` goes into `before`."""
    query = GetConversation(conversation_id=_checked(conversation_id), limit=limit, before=before)
    return await gateway.bus.ask(query, scope=caller.scope)


@router.delete("/{conversation_id}", status_code=204, responses=problems(*AUTHENTICATED, 404))
async def delete(conversation_id: str, caller: Manager, gateway: GatewayHere, origin: OriginHere) -> None:
    """Delete a conversation and all its messages."""
    query = DeleteConversation(conversation_id=_checked(conversation_id))
    deleted = await gateway.bus.ask(query, scope=caller.scope)
    if not deleted.existed:
        raise ConversationNotFound("There is no such conversation.")
    async with gateway.db.transaction(caller.scope) as tx:
        await forget_conversation(tx, conversation_id)
        await record(tx, caller.name, Action.CONVERSATION_DELETED, conversation_id, origin)


def _checked(conversation_id: str) -> ConversationId:
    if not (is_id(conversation_id) and conversation_id.startswith("c_")):
        raise ConversationNotFound("There is no such conversation.")
    return ConversationId(conversation_id)
