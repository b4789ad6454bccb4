"""Context, assembled."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from contracts.chat import ConversationDeleted, TurnCompleted
from contracts.context import AssembleContext, UpdateProfile
from contracts.gateway import UserRegistered
from contracts.notification import NotificationCreated, NotificationRead
from contracts.oauth import ConnectionEstablished, ConnectionRemoved
from contracts.sync import ActivityRecorded, SourceRegistered
from libs.bus import answer, react
from libs.runtime import Resources, Service
from services.context import handlers
from services.context.deps import Context
from services.context.settings import ContextSettings

routes = (
    react(UserRegistered, handlers.start_profile),
    react(ConnectionEstablished, handlers.note_connection),
    react(ConnectionRemoved, handlers.forget_connection),
    react(SourceRegistered, handlers.note_source),
    react(ActivityRecorded, handlers.note_activity),
    react(NotificationCreated, handlers.open_notice),
    react(NotificationRead, handlers.close_notice),
    react(TurnCompleted, handlers.count_turn),
    react(ConversationDeleted, handlers.forget_conversation),
    answer(AssembleContext, handlers.assemble_context),
    answer(UpdateProfile, handlers.update_profile),
)


@asynccontextmanager
async def open_context(resources: Resources[ContextSettings]) -> AsyncIterator[Context]:
    """Context needs its schema, the bus, and the vault for what users say about themselves."""
    yield Context(
        db=resources.db,
        bus=resources.bus,
        vault=resources.vault,
        default_timezone=resources.settings.default_timezone,
    )


service = Service(name="context", settings=ContextSettings, routes=routes, open=open_context)
