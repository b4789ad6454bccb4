"""What language models cost, and what they may cost; and how they are."""

from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, Field

from contracts.models import ListModels, ModelList, ResetModel
from contracts.money import CostMicros
from contracts.spending import (
    BudgetView,
    GetModelCall,
    GetModelUsage,
    ListModelCalls,
    ListModelPolicies,
    ModelCalls,
    ModelPolicies,
    ModelPolicy,
    ModelUsage,
    Owner,
    SetBudget,
    SetModelPolicy,
)
from libs.resilience.errors import InvalidInput
from services.gateway.audit import Action, record
from services.gateway.guards import GatewayHere, Manager, OriginHere, Reader
from services.gateway.strict_json import StrictRoute
from services.gateway.wire import AUTHENTICATED, WITH_BODY, StrictBody, problems

router = APIRouter(prefix="/api", tags=["spending"], route_class=StrictRoute)

LONGEST_DAYS = 366


class BudgetWanted(StrictBody):
    """A monthly amount in millionths of a US dollar; null takes the budget away."""

    belongs_to: Owner
    monthly_micros: Annotated[int, Field(ge=0, le=10**15)] | None


@router.get("/usage", responses=problems(*AUTHENTICATED, 422))
async def usage(caller: Reader, gateway: GatewayHere, start: date, end: date, of: Owner = "user") -> ModelUsage:
    """By day (UTC), feature and model, from `start` to `end`, both included; and this month's budgets."""
    if not timedelta(0) <= end - start <= timedelta(days=LONGEST_DAYS):
        raise InvalidInput(f"`end` has to be at or after `start`, and at most {LONGEST_DAYS} days later.")
    return await gateway.bus.ask(GetModelUsage(start=start, end=end, of=of), scope=caller.scope)


@router.get("/usage/calls", responses=problems(*AUTHENTICATED, 422))
async def model_calls(
    caller: Reader,
    gateway: GatewayHere,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: AwareDatetime | None = None,
) -> ModelCalls:
    """The caller's requests to language models one by one, newest first: cost, outcome, and hashes of what was said."""
    return await gateway.bus.ask(ListModelCalls(limit=limit, before=before), scope=caller.scope)


@router.get("/usage/calls/{call_id}", response_class=Response, responses=problems(*AUTHENTICATED, 404, 422))
async def model_call(
    call_id: Annotated[str, Path(max_length=64)], caller: Reader, gateway: GatewayHere, origin: OriginHere
) -> Response:
    """What was said to the model, as it saw it, and what it answered. Of what tools returned there is a hash only."""
    found = await gateway.bus.ask(GetModelCall(call_id=call_id), scope=caller.scope)
    async with gateway.db.transaction(caller.scope) as tx:
        await record(tx, caller.name, Action.MODEL_CALL_READ, call_id, origin)
    words = gateway.seal.open("model_call", caller.scope, found.sealed_words)
    return Response(words, media_type="application/json")


@router.get("/budgets", responses=problems(*AUTHENTICATED))
async def budgets(caller: Reader, gateway: GatewayHere) -> tuple[BudgetView, ...]:
    """This month's budgets of the caller and of the organization, with what is spent, put aside and to be expected."""
    today = date.today()  # noqa: DTZ011 - any day does: only the budgets are read
    return (await gateway.bus.ask(GetModelUsage(start=today, end=today), scope=caller.scope)).budgets


@router.put("/budgets", responses=problems(*AUTHENTICATED, *WITH_BODY))
async def set_budget(body: BudgetWanted, caller: Manager, gateway: GatewayHere, origin: OriginHere) -> BudgetView:
    """Set a monthly budget, or take it away. At 80, 90 and 100 % its people are told; from 90 % on the cheapest model
    that will do answers; a request that does not fit any more is refused."""
    amount = None if body.monthly_micros is None else CostMicros(body.monthly_micros)
    view = await gateway.bus.ask(SetBudget(belongs_to=body.belongs_to, monthly_micros=amount), scope=caller.scope)
    async with gateway.db.transaction(caller.scope) as tx:
        await record(tx, caller.name, Action.BUDGET_SET, body.belongs_to, origin)
    return view


class PolicyWanted(StrictBody):
    """What the organization allows for one feature, or with `*` for all that have no policy of their own."""

    feature: Literal["*", "chat", "completions", "generate", "classify", "embeddings"] = "*"
    allowed: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=100)] | None = None
    quality_floor: Annotated[int, Field(ge=1, le=10)] = 1
    ceiling_micros: Annotated[int, Field(ge=0, le=10**12)] | None = None
    prefers: Literal["quality", "price", "speed"] = "quality"


@router.get("/models/policies", responses=problems(*AUTHENTICATED))
async def policies(caller: Reader, gateway: GatewayHere) -> ModelPolicies:
    """Which models the organization allows, by feature."""
    return await gateway.bus.ask(ListModelPolicies(), scope=caller.scope)


@router.put("/models/policies", responses=problems(*AUTHENTICATED, *WITH_BODY))
async def set_policy(body: PolicyWanted, caller: Manager, gateway: GatewayHere, origin: OriginHere) -> ModelPolicies:
    """Replace the policy of one feature; in force everywhere within a minute."""
    policy = ModelPolicy.model_validate(body.model_dump())
    kept = await gateway.bus.ask(SetModelPolicy(policy=policy), scope=caller.scope)
    async with gateway.db.transaction(caller.scope) as tx:
        await record(tx, caller.name, Action.MODEL_POLICY_SET, body.feature, origin)
    return kept


@router.get("/models/health", responses=problems(*AUTHENTICATED))
async def model_health(caller: Reader, gateway: GatewayHere) -> ModelList:
    """Every deployment: the state of its breaker, failures in a row, and how long its first token takes."""
    return await gateway.bus.ask(ListModels(), scope=caller.scope)


@router.post("/models/{name}/reset", responses=problems(*AUTHENTICATED, 404, 422))
async def reset_model(
    name: Annotated[str, Path(max_length=61)], caller: Manager, gateway: GatewayHere, origin: OriginHere
) -> ModelList:
    """Ask a deployment again at once that was left alone after failures, on every replica."""
    models = await gateway.bus.ask(ResetModel(name=name), scope=caller.scope)
    async with gateway.db.transaction(caller.scope) as tx:
        await record(tx, caller.name, Action.MODEL_RESET, name, origin)
    return models
