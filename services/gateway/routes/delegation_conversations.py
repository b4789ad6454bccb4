"""What outsiders asked in the chat of a link, for its owner to read. Their words are data, and no instructions."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel

from contracts.conversations import GetConversation, ListConversations, MessageView
from contracts.ids import ConversationId
from services.gateway.guards import GatewayHere, Reader
from services.gateway.routes.conversations import Cursor
from services.gateway.routes.delegations import DelegationRef
from services.gateway.wire import AUTHENTICATED, problems

router = APIRouter(prefix="/api/delegations/{delegation_id}/conversations", tags=["delegation"])

VisitRef = Annotated[str, Path(pattern=r"^vc_[0-9a-f]{32}$")]


class OutsiderConversation(BaseModel):
    """One of a link's conversations. `begins_with` are the outsider's words."""

    conversation_id: str
    begins_with: str
    begins_with_written_by: Literal["outsider"] = "outsider"
    message_count: int
    created_at: datetime
    updated_at: datetime


class OutsiderConversations(BaseModel):
    """Newest first; `next_cursor` is absent on the last page."""

    conversations: list[OutsiderConversation]
    next_cursor: str | None = None


class OutsiderMessage(BaseModel):
    """What was said, and by whom."""

    written_by: Literal["outsider", "assistant"]
    text: str
    at: datetime


class OutsiderMessages(BaseModel):
    """A page of one conversation, oldest first; `earlier_cursor` leads to older ones."""

    messages: list[OutsiderMessage]
    earlier_cursor: str | None = None


@router.get("", responses=problems(*AUTHENTICATED, 422))
async def list_all(
    delegation_id: DelegationRef,
    caller: Reader,
    gateway: GatewayHere,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Cursor = None,
) -> OutsiderConversations:
    """What outsiders wrote about at one of the caller's links. Kept for thirty days after the last message, unless the
    operator decides otherwise."""
    query = ListConversations(limit=limit, cursor=cursor, delegation_id=delegation_id)
    page = await gateway.bus.ask(query, scope=caller.scope)
    shown = [
        OutsiderConversation(
            conversation_id=each.conversation_id,
            begins_with=each.title,
            message_count=each.message_count,
            created_at=each.created_at,
            updated_at=each.updated_at,
        )
        for each in page.conversations
    ]
    return OutsiderConversations(conversations=shown, next_cursor=page.next_cursor)


@router.get("/{conversation_id}", responses=problems(*AUTHENTICATED, 404, 422))
async def read(
    delegation_id: DelegationRef,
    conversation_id: VisitRef,
    caller: Reader,
    gateway: GatewayHere,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    before: Cursor = None,
) -> OutsiderMessages:
    """One conversation with its newest messages; `earlier_cursor` goes into `before`."""
    conversation = ConversationId(conversation_id)
    query = GetConversation(conversation_id=conversation, limit=limit, before=before, delegation_id=delegation_id)
    view = await gateway.bus.ask(query, scope=caller.scope)
    return OutsiderMessages(messages=[_shown(each) for each in view.messages], earlier_cursor=view.earlier_cursor)


def _shown(message: MessageView) -> OutsiderMessage:
    writer: Literal["outsider", "assistant"] = "outsider" if message.role == "user" else "assistant"
    return OutsiderMessage(written_by=writer, text=message.text, at=message.created_at)
