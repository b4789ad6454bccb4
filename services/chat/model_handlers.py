"""What chat does when somebody asks about models and money."""

from contracts.gateway import UserRegistered
from contracts.models import (
    CompletionStarted,
    CreateEmbeddings,
    EmbeddingsMade,
    ListModels,
    ModelList,
    ModelView,
    ResetModel,
    StartCompletion,
)
from contracts.spending import (
    BudgetView,
    GetModelCall,
    GetModelUsage,
    ListModelCalls,
    ListModelPolicies,
    ModelCalls,
    ModelCallWords,
    ModelPolicies,
    ModelUsage,
    SetBudget,
    SetModelPolicy,
)
from libs.bus import Call
from libs.db import Transaction
from libs.models.errors import NoModelFits
from services.chat import completions, embedding
from services.chat.audit_trail import words_of
from services.chat.deps import Chat
from services.chat.routing.deployments import Deployment
from services.chat.spending import plans, report


async def keep_plan(event: UserRegistered, tx: Transaction, deps: Chat) -> None:
    """An organization and its plan."""
    if event.tier is not None:
        await plans.keep(tx, event.tier)


async def start_completion(query: StartCompletion, call: Call, deps: Chat) -> CompletionStarted:
    """A client asks a model."""
    return await completions.start(query, call.require_scope(), deps)


async def create_embeddings(query: CreateEmbeddings, call: Call, deps: Chat) -> EmbeddingsMade:
    """A client wants vectors."""
    return await embedding.create(query, call.require_scope(), deps)


async def list_models(query: ListModels, call: Call, deps: Chat) -> ModelList:
    """What can be asked."""
    return ModelList(models=tuple(_view(each) for each in _all(deps)))


async def reset_model(query: ResetModel, call: Call, deps: Chat) -> ModelList:
    """An operator vouches for a deployment."""
    named = [each for each in _all(deps) if each.name == query.name]
    if not named:
        raise NoModelFits("There is no deployment of this name.")
    named[0].health.reset()
    return ModelList(models=tuple(_view(each) for each in _all(deps)))


async def list_model_policies(query: ListModelPolicies, call: Call, deps: Chat) -> ModelPolicies:
    """What the organization allows."""
    async with deps.db.reading(call.require_scope()) as tx:
        return ModelPolicies(policies=await plans.policies_of(tx))


async def set_model_policy(query: SetModelPolicy, call: Call, deps: Chat) -> ModelPolicies:
    """What it allows from now on."""
    scope = call.require_scope()
    async with deps.db.transaction(scope) as tx:
        await plans.keep_policy(tx, query.policy)
        policies = await plans.policies_of(tx)
    if deps.models is not None:
        deps.models.forget_terms(scope)
    return ModelPolicies(policies=policies)


async def get_model_usage(query: GetModelUsage, call: Call, deps: Chat) -> ModelUsage:
    """What it cost."""
    return await report.usage(deps.db, call.require_scope(), query.start, query.end, query.of)


async def list_model_calls(query: ListModelCalls, call: Call, deps: Chat) -> ModelCalls:
    """Request by request."""
    return await report.calls(deps.db, call.require_scope(), query.limit, query.before)


async def get_model_call(query: GetModelCall, call: Call, deps: Chat) -> ModelCallWords:
    """What was said in one of them."""
    scope = call.require_scope()
    words = await words_of(deps.db, deps.vault, scope, query.call_id)
    return ModelCallWords(sealed_words=deps.seal.seal("model_call", scope, words))


async def set_budget(query: SetBudget, call: Call, deps: Chat) -> BudgetView:
    """What it may cost."""
    return await report.set_budget(deps.db, call.require_scope(), query.belongs_to, query.monthly_micros)


def _all(deps: Chat) -> tuple[Deployment, ...]:
    return (*deps.models.router.deployments, *deps.models.embedders) if deps.models else ()


def _view(deployment: Deployment) -> ModelView:
    settings, health = deployment.settings, deployment.health
    return ModelView(
        name=settings.name,
        model=settings.model,
        provider=settings.provider,
        quality=settings.quality,
        context_tokens=settings.context_tokens,
        takes_tools=settings.takes_tools,
        state=health.state.value,
        failures_in_a_row=health.standing.failures,
        last_error=health.standing.error,
        first_token_p95_s=health.first_token_p95_s,
        successes=health.successes,
        failures=health.total_failures,
    )
