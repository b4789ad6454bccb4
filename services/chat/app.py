"""Chat, assembled."""

from asyncio import TaskGroup
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from contracts.actions import ActionDecided
from contracts.chat import GetQuestion, GetTurn, RunTurn, StopTurn
from contracts.conversations import (
    DeleteConversation,
    FindConversation,
    GetConversation,
    ListConversations,
)
from contracts.gateway import UserRegistered
from contracts.models import CreateEmbeddings, ListModels, ResetModel, StartCompletion
from contracts.spending import GetModelCall, GetModelUsage, ListModelCalls, ListModelPolicies, SetBudget, SetModelPolicy
from contracts.tool import ExecutionFinished
from libs.bus import answer, handle, handle_long, react
from libs.models import prices
from libs.runtime import Resources, Service
from services.chat import handlers, model_handlers
from services.chat.asking import Asking
from services.chat.audit_trail import AuditTrail
from services.chat.deps import Chat
from services.chat.housekeeping import Kept, keep_house
from services.chat.routing.deployments import DeploymentSettings, open_deployments
from services.chat.routing.health_board import HealthBoard
from services.chat.routing.keyring import Keyring
from services.chat.routing.router import Router
from services.chat.running_completions import RunningCompletions
from services.chat.runs.handlers import ROUTES as RUN_ROUTES
from services.chat.settings import ChatSettings
from services.chat.spending.account import Account
from services.chat.spending.fair_queue import FairQueue
from services.chat.spending.plans import Plans
from services.chat.stops import Stops
from services.chat.veil import Veil

routes = (
    handle_long(RunTurn, handlers.run_turn),
    handle(StopTurn, handlers.stop_turn),
    answer(ListConversations, handlers.list_conversations),
    answer(GetConversation, handlers.get_conversation),
    answer(FindConversation, handlers.find_conversation),
    answer(DeleteConversation, handlers.delete_conversation),
    answer(GetTurn, handlers.get_turn),
    answer(GetQuestion, handlers.get_question),
    react(UserRegistered, model_handlers.keep_plan),
    react(ExecutionFinished, handlers.hear_execution),
    react(ActionDecided, handlers.hear_decision),
    answer(StartCompletion, model_handlers.start_completion, at_once=256),
    answer(CreateEmbeddings, model_handlers.create_embeddings, at_once=64),
    answer(ListModels, model_handlers.list_models),
    answer(ResetModel, model_handlers.reset_model),
    answer(GetModelUsage, model_handlers.get_model_usage),
    answer(ListModelCalls, model_handlers.list_model_calls),
    answer(GetModelCall, model_handlers.get_model_call),
    answer(SetBudget, model_handlers.set_budget),
    answer(ListModelPolicies, model_handlers.list_model_policies),
    answer(SetModelPolicy, model_handlers.set_model_policy),
    *RUN_ROUTES,
)


@asynccontextmanager
async def open_chat(resources: Resources[ChatSettings]) -> AsyncIterator[Chat]:
    """Chat needs its schema, the bus, the vault, a model where one is configured, and an ear for stops."""
    async with AsyncExitStack() as stack:
        background = await stack.enter_async_context(TaskGroup())
        account = Account(resources.db, resources.settings.reservation_spare_s, resources.settings.sweep_every_s)
        models = await stack.enter_async_context(_models(resources, account))
        stops = Stops()
        completions = RunningCompletions()
        await stack.enter_async_context(completions.until(resources.stopping, resources.platform.grace_s))
        listening: tuple[Coroutine[Any, Any, None], ...] = (stops.hear(resources.bus), completions.hear(resources.bus))
        if models is not None:
            listening += (
                HealthBoard(resources.bus, resources.db, (*models.router.deployments, *models.embedders)).run(),
            )
        settings = resources.settings
        kept = Kept(settings.words_kept_days, settings.visits_kept_days, settings.runs_kept_days)
        for work in (*listening, keep_house(resources.db, kept), account.sweep()):
            stack.callback(background.create_task(work).cancel)
        yield Chat(
            db=resources.db,
            bus=resources.bus,
            vault=resources.vault,
            seal=resources.seal,
            settings=resources.settings,
            stops=stops,
            background=background,
            models=models,
            completions=completions,
        )


@asynccontextmanager
async def _models(resources: Resources[ChatSettings], account: Account) -> AsyncIterator[Asking | None]:
    """Everything that is configured; None when nothing is, and the offline engine answers."""
    settings = resources.settings
    described = list(settings.deployments)
    if settings.model_base_url:
        described.insert(
            0,
            DeploymentSettings(
                name="default", model=settings.model, base_url=settings.model_base_url, api_key=settings.model_api_key
            ),
        )
    if not described:
        yield None
        return
    await prices.load()
    async with open_deployments(described, settings.first_token_s) as deployments:
        chat = [each for each in deployments if each.settings.kind == "chat"]
        embedders = tuple(each for each in deployments if each.settings.kind == "embeddings")
        keyring = Keyring(resources.bus, resources.seal, settings.first_token_s)
        router = Router(chat, hedge_s=settings.hedge_s, stall_s=settings.stall_s, keyring=keyring)
        plans, veil = Plans(resources.db, settings.default_tier), Veil(resources.master_keys, settings.scrubbed)
        queue = FairQueue(settings.answers_at_once, settings.answers_waiting)
        trail = AuditTrail(resources.db, resources.vault, keeps_words=settings.words_kept_days > 0)
        asking = Asking(router, account, plans, settings.seasons, veil, trail, queue, embedders)
        yield asking
        await asking.aclose()


service = Service(name="chat", settings=ChatSettings, routes=routes, open=open_chat)
