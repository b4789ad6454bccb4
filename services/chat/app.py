"""Chat, assembled."""

from asyncio import TaskGroup
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from contracts.chat import (
    DeleteConversation,
    FindConversation,
    GetConversation,
    GetQuestion,
    GetTurn,
    ListConversations,
    RunTurn,
    StopTurn,
)
from libs.bus import answer, handle, handle_long
from libs.models import Deployment, open_deployment
from libs.runtime import Resources, Service
from services.chat import handlers
from services.chat.deps import Chat
from services.chat.housekeeping import keep_house
from services.chat.settings import ChatSettings
from services.chat.stops import Stops

routes = (
    handle_long(RunTurn, handlers.run_turn),
    handle(StopTurn, handlers.stop_turn),
    answer(ListConversations, handlers.list_conversations),
    answer(GetConversation, handlers.get_conversation),
    answer(FindConversation, handlers.find_conversation),
    answer(DeleteConversation, handlers.delete_conversation),
    answer(GetTurn, handlers.get_turn),
    answer(GetQuestion, handlers.get_question),
)


@asynccontextmanager
async def open_chat(resources: Resources[ChatSettings]) -> AsyncIterator[Chat]:
    """Chat needs its schema, the bus, the vault, a model where one is configured, and an ear for stops."""
    async with AsyncExitStack() as stack:
        model = await stack.enter_async_context(_model(resources.settings))
        background = await stack.enter_async_context(TaskGroup())
        stops = Stops()
        for work in (stops.hear(resources.bus), keep_house(resources.db)):
            stack.callback(background.create_task(work).cancel)
        yield Chat(
            db=resources.db,
            bus=resources.bus,
            vault=resources.vault,
            seal=resources.seal,
            settings=resources.settings,
            stops=stops,
            background=background,
            model=model,
        )


@asynccontextmanager
async def _model(settings: ChatSettings) -> AsyncIterator[Deployment | None]:
    if not settings.model_base_url:
        yield None
        return
    key = settings.model_api_key.get_secret_value()
    async with open_deployment(
        settings.model_base_url, key, settings.model, first_token_s=settings.first_token_s
    ) as deployment:
        yield deployment


service = Service(name="chat", settings=ChatSettings, routes=routes, open=open_chat)
