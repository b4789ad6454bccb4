"""Context, assembled."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from contracts.chat import TurnCompleted
from contracts.context import AssembleContext, UpdateProfile
from contracts.conversations import ConversationDeleted
from contracts.gateway import UserRegistered
from contracts.memory import AddMemory, ForgetMemories, ListMemories, RecallMemories, UpdateMemory
from contracts.notification import NotificationCreated, NotificationRead
from contracts.oauth import ConnectionEstablished, ConnectionRemoved
from contracts.sync import ActivityGone, ActivityRecorded, SourceRegistered
from libs.bus import answer, react
from libs.runtime import Resources, Service
from services.context import handlers, memory_handlers
from services.context.deps import Context
from services.context.settings import ContextSettings

routes = (
    react(UserRegistered, handlers.start_profile),
    react(ConnectionEstablished, handlers.note_connection),
    react(ConnectionRemoved, handlers.forget_connection),
    react(SourceRegistered, handlers.note_source),
    react(ActivityRecorded, handlers.note_activity),
    react(ActivityGone, handlers.forget_activity),
    react(NotificationCreated, handlers.open_notice),
    react(NotificationRead, handlers.close_notice),
    react(TurnCompleted, handlers.count_turn),
    react(ConversationDeleted, handlers.forget_conversation),
    answer(AssembleContext, handlers.assemble_context),
    answer(UpdateProfile, handlers.update_profile),
    answer(AddMemory, memory_handlers.add_memory),
    answer(UpdateMemory, memory_handlers.update_memory),
    answer(ListMemories, memory_handlers.list_memories),
    answer(RecallMemories, memory_handlers.recall_memories),
    answer(ForgetMemories, memory_handlers.forget_memories),
)


@asynccontextmanager
async def open_context(resources: Resources[ContextSettings]) -> AsyncIterator[Context]:
    """Context needs its schema, the bus, and the vault for what users say about themselves."""
    yield Context(
        db=resources.db,
        bus=resources.bus,
        vault=resources.vault,
        seal=resources.seal,
        default_timezone=resources.settings.default_timezone,
        max_memories=resources.settings.max_memories,
    )


service = Service(name="context", settings=ContextSettings, routes=routes, open=open_context)
