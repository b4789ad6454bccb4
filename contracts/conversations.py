"""Conversations as their owner reads them; chat keeps them."""

from datetime import datetime
from typing import ClassVar, Literal, Self

from contracts.envelope import Event, Query, Reply, Service
from contracts.ids import ConversationId, ExecutionId, MessageId, TurnId

_CONVERSATION = ConversationId("c_0193b0f1a8c07d3e9f00112233445566")


class ConversationSummary(Reply):
    """One line of the conversation list."""

    conversation_id: ConversationId
    title: str
    created_at: datetime
    updated_at: datetime
    message_count: int


class ConversationPage(Reply):
    """Conversations, newest first; `next_cursor` is absent on the last page."""

    conversations: tuple[ConversationSummary, ...]
    next_cursor: str | None = None


class MessageView(Reply):
    """One message as its owner reads it."""

    message_id: MessageId
    role: Literal["user", "assistant"]
    text: str
    created_at: datetime
    turn_id: TurnId
    engine: Literal["model", "offline"] | None = None
    """Which engine wrote an assistant message; absent on the user's own, and on what we say ourselves."""
    action_id: ExecutionId | None = None
    """Of a message that shows an action which waited for its user."""


class ConversationView(Reply):
    """A conversation with a page of messages, oldest first; `earlier_cursor` leads to older ones."""

    summary: ConversationSummary
    messages: tuple[MessageView, ...]
    earlier_cursor: str | None = None


class Deleted(Reply):
    """The thing is gone; `existed` is false when there was none."""

    existed: bool


class ConversationFound(Reply):
    """Whether this user owns the conversation. What another user owns is not found."""

    found: bool


class ListConversations(Query[ConversationPage]):
    """The user's conversations, newest first; or those of outsiders at one of the user's links, whose titles are the
    outsiders' words."""

    subject: ClassVar[str] = "rpc.chat.list_conversations.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = ConversationPage

    limit: int = 50
    cursor: str | None = None
    delegation_id: str | None = None

    @classmethod
    def example(cls) -> Self:
        return cls()


class GetConversation(Query[ConversationView]):
    """One conversation with its newest messages. Error `conversation_not_found`."""

    subject: ClassVar[str] = "rpc.chat.get_conversation.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = ConversationView

    conversation_id: ConversationId
    limit: int = 100
    before: str | None = None
    delegation_id: str | None = None
    """Set for a conversation with an outsider: it is shown with its link only."""

    @classmethod
    def example(cls) -> Self:
        return cls(conversation_id=_CONVERSATION)


class FindConversation(Query[ConversationFound]):
    """Asked before a message is accepted into an existing conversation."""

    subject: ClassVar[str] = "rpc.chat.find_conversation.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = ConversationFound

    conversation_id: ConversationId
    delegation_id: str | None = None
    """Set for a conversation with an outsider: it is found with its link only."""

    @classmethod
    def example(cls) -> Self:
        return cls(conversation_id=_CONVERSATION)


class DeleteConversation(Query[Deleted]):
    """Delete a conversation and all its messages. Error `conversation_not_found`."""

    subject: ClassVar[str] = "rpc.chat.delete_conversation.v1"
    asked_by: ClassVar[tuple[Service, ...]] = (Service.GATEWAY,)
    reply: ClassVar[type[Reply]] = Deleted

    conversation_id: ConversationId

    @classmethod
    def example(cls) -> Self:
        return cls(conversation_id=_CONVERSATION)


class ConversationDeleted(Event):
    """A conversation is gone: forget what was derived from it."""

    subject: ClassVar[str] = "evt.chat.conversation.deleted.v1"
    heard_by: ClassVar[tuple[Service, ...]] = (Service.CONTEXT,)

    conversation_id: ConversationId

    @classmethod
    def example(cls) -> Self:
        return cls(conversation_id=_CONVERSATION)
