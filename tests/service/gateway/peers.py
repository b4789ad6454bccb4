"""What stands in for the other services on the real bus: peers that answer as their contracts say."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from contracts.chat import (
    GetQuestion,
    GetTurn,
    Question,
    RunTurn,
    StopTurn,
    TurnStatus,
    TurnUpdate,
    TurnView,
)
from contracts.conversations import (
    ConversationFound,
    ConversationPage,
    ConversationView,
    DeleteConversation,
    Deleted,
    FindConversation,
    GetConversation,
    ListConversations,
    MessageView,
)
from contracts.ids import ConversationId, MessageId, TurnId, new_id
from libs.bus import Bus, Call, answer, handle_long
from libs.db import Database
from libs.resilience.errors import NotFound
from libs.vault import TransitSeal

Script = Callable[["ChatPeer", RunTurn, str], Awaitable[None]]


class PeerTurnNotFound(NotFound):
    """As chat says it."""

    slug = "turn_not_found"


class PeerConversationNotFound(NotFound):
    """As chat says it."""

    slug = "conversation_not_found"


@dataclass(slots=True)
class ChatPeer:
    """A chat service of a few lines: tells each turn by a script that the test gives."""

    db: Database
    bus: Bus
    seal: TransitSeal
    script: Script = field(default=lambda peer, command, text: peer.echo(command, text))
    runs: dict[str, int] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    commands: dict[str, RunTurn] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    conversations: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    stopped: dict[str, asyncio.Event] = field(default_factory=dict)

    async def publish(self, turn_id: str, n: int, type: str, /, **fields: object) -> None:
        """One live update."""
        update = TurnUpdate.model_validate({"n": n, "type": type, **fields})
        await self.bus.live("turn", turn_id).publish(update.model_dump_json(exclude_none=True).encode())

    async def echo(self, command: RunTurn, text: str) -> None:
        """Say it back, word by word."""
        n = 0
        for n, word in enumerate(text.split(" "), 1):
            await self.publish(command.turn_id, n, "token", text=word if n == 1 else f" {word}")
        self.answers[command.turn_id] = text
        await self.publish(command.turn_id, n + 1, "turn.completed", turn_id=command.turn_id, engine="offline")

    def stop_of(self, turn_id: str) -> asyncio.Event:
        """Set when the turn is to stop."""
        return self.stopped.setdefault(turn_id, asyncio.Event())


async def run_turn(command: RunTurn, call: Call, peer: ChatPeer) -> None:
    """As chat: the turn id is the idempotency key."""
    scope = call.require_scope()
    peer.runs[command.turn_id] = peer.runs.get(command.turn_id, 0) + 1
    peer.texts[command.turn_id] = text = peer.seal.open("run_turn", scope, command.sealed_text)
    peer.commands[command.turn_id] = command
    peer.owners[command.turn_id] = peer.conversations[command.conversation_id] = scope.user_id
    await peer.script(peer, command, text)


async def stop_turn(command: StopTurn, call: Call, peer: ChatPeer) -> None:
    """Note the wish."""
    peer.stop_of(command.turn_id).set()


async def get_turn(query: GetTurn, call: Call, peer: ChatPeer) -> TurnView:
    """Of the asker's own turns."""
    if peer.owners.get(query.turn_id) != call.require_scope().user_id:
        raise PeerTurnNotFound("There is no such turn.")
    command, text = peer.commands[query.turn_id], peer.answers.get(query.turn_id)
    message = None
    if text is not None:
        message = MessageView(
            message_id=MessageId(new_id("m")),
            role="assistant",
            text=text,
            created_at=command.accepted_at,
            turn_id=query.turn_id,
            engine="offline",
        )
    status = TurnStatus.COMPLETED if message else TurnStatus.RUNNING
    return TurnView(
        turn_id=TurnId(query.turn_id), conversation_id=command.conversation_id, status=status, answer=message
    )


async def get_question(query: GetQuestion, call: Call, peer: ChatPeer) -> Question:
    """Of the asker's own turns."""
    scope = call.require_scope()
    if peer.owners.get(query.turn_id) != scope.user_id:
        raise PeerTurnNotFound("There is no such turn.")
    sealed = peer.seal.seal("run_turn", scope, peer.texts[query.turn_id])
    return Question(conversation_id=peer.commands[query.turn_id].conversation_id, sealed_text=sealed)


async def find_conversation(query: FindConversation, call: Call, peer: ChatPeer) -> ConversationFound:
    """Of the asker's own."""
    return ConversationFound(found=peer.conversations.get(query.conversation_id) == call.require_scope().user_id)


async def delete_conversation(query: DeleteConversation, call: Call, peer: ChatPeer) -> Deleted:
    """Of the asker's own."""
    if peer.conversations.get(query.conversation_id) != call.require_scope().user_id:
        raise PeerConversationNotFound("There is no such conversation.")
    del peer.conversations[query.conversation_id]
    return Deleted(existed=True)


async def get_conversation(query: GetConversation, call: Call, peer: ChatPeer) -> ConversationView:
    """None has a title here."""
    raise PeerConversationNotFound("There is no such conversation.")


async def list_conversations(query: ListConversations, call: Call, peer: ChatPeer) -> ConversationPage:
    """None."""
    return ConversationPage(conversations=())


ROUTES = (
    handle_long(RunTurn, run_turn),
    handle_long(StopTurn, stop_turn),
    answer(GetTurn, get_turn),
    answer(GetQuestion, get_question),
    answer(FindConversation, find_conversation),
    answer(GetConversation, get_conversation),
    answer(ListConversations, list_conversations),
    answer(DeleteConversation, delete_conversation),
)


def conversation(text: str = "c") -> ConversationId:
    """A conversation id nobody has."""
    return ConversationId(new_id(text))
