"""Consent: what the assistant would do, decided by its user; and what they have decided for good.

Only a person, or a key that may manage, decides: else a program could approve what it asked for itself.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from fastapi import Query as QueryParameter
from pydantic import Field

from contracts.actions import (
    ConsentRules,
    GetAction,
    ListActions,
    ListConsentRules,
    RemoveConsentRule,
    SetConsentRule,
)
from contracts.ids import ExecutionId
from services.gateway.actions import ShownAction, decide, shown
from services.gateway.audit import Action, record
from services.gateway.guards import GatewayHere, Manager, OriginHere, Reader
from services.gateway.strict_json import StrictRoute
from services.gateway.wire import AUTHENTICATED, WITH_BODY, StrictBody, problems

router = APIRouter(prefix="/api/actions", tags=["consent"], route_class=StrictRoute)

ActionId = Annotated[str, Path(pattern=r"^x_[0-9a-f]{32}$")]


class Approval(StrictBody):
    """Arguments take the place of the proposed ones, when given."""

    arguments: dict[str, Any] | None = None


class RuleWanted(StrictBody):
    """`allow` (for a recipient such as `sarah@example.com` or `@example.com`, or for all), `ask`, or `never`."""

    tool: Annotated[str, Field(min_length=1, max_length=80)]
    verdict: Literal["allow", "ask", "never"]
    recipient: Annotated[str, Field(min_length=1, max_length=254)] = "*"


@router.get("", responses=problems(*AUTHENTICATED, 422))
async def list_actions(
    caller: Reader,
    gateway: GatewayHere,
    which: Literal["waiting", "all"] = "waiting",
    limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
) -> list[ShownAction]:
    """What waits for a decision, is held back for a moment, or can still be undone; newest first."""
    found = await gateway.bus.ask(ListActions(which=which, limit=limit), scope=caller.scope)
    return [shown(view, caller, gateway) for view in found.actions]


@router.get("/rules", responses=problems(*AUTHENTICATED))
async def list_rules(caller: Reader, gateway: GatewayHere) -> ConsentRules:
    """What was decided for good."""
    return await gateway.bus.ask(ListConsentRules(), scope=caller.scope)


@router.post("/rules", responses=problems(*AUTHENTICATED, *WITH_BODY, 404))
async def set_rule(body: RuleWanted, caller: Manager, gateway: GatewayHere, origin: OriginHere) -> ConsentRules:
    """Decide for good. `allow` never covers what texts of others have influenced: that is asked every time."""
    rule = SetConsentRule(tool=body.tool, verdict=body.verdict, recipient=body.recipient)
    rules = await gateway.bus.ask(rule, scope=caller.scope)
    async with gateway.db.transaction(caller.scope) as tx:
        await record(tx, caller.name, Action.CONSENT_RULE_SET, f"{body.tool} {body.verdict}", origin)
    return rules


@router.delete("/rules/{rule_id}", responses=problems(*AUTHENTICATED, 404, 422))
async def remove_rule(
    rule_id: Annotated[str, Path(max_length=64)], caller: Manager, gateway: GatewayHere, origin: OriginHere
) -> ConsentRules:
    """Take a decision back."""
    rules = await gateway.bus.ask(RemoveConsentRule(rule_id=rule_id), scope=caller.scope)
    async with gateway.db.transaction(caller.scope) as tx:
        await record(tx, caller.name, Action.CONSENT_RULE_REMOVED, rule_id, origin)
    return rules


@router.get("/{action_id}", responses=problems(*AUTHENTICATED, 404, 422))
async def get_action(action_id: ActionId, caller: Reader, gateway: GatewayHere) -> ShownAction:
    """Who would receive what, why it is asked, and how it stands."""
    view = await gateway.bus.ask(GetAction(action_id=ExecutionId(action_id)), scope=caller.scope)
    return shown(view, caller, gateway)


@router.post("/{action_id}/approve", responses=problems(*AUTHENTICATED, *WITH_BODY, 404, 409))
async def approve(
    action_id: ActionId, body: Approval, caller: Manager, gateway: GatewayHere, origin: OriginHere
) -> ShownAction:
    """Have it done, as it was proposed or as edited. Once."""
    return await decide(action_id, "approve", body.arguments, caller, gateway, origin)


@router.post("/{action_id}/decline", responses=problems(*AUTHENTICATED, 404, 409, 422))
async def decline(action_id: ActionId, caller: Manager, gateway: GatewayHere, origin: OriginHere) -> ShownAction:
    """Have it not done. Once."""
    return await decide(action_id, "decline", None, caller, gateway, origin)


@router.post("/{action_id}/undo", responses=problems(*AUTHENTICATED, 404, 409, 422))
async def undo(action_id: ActionId, caller: Manager, gateway: GatewayHere, origin: OriginHere) -> ShownAction:
    """Withdraw what is held back, or have it taken back where that is possible."""
    return await decide(action_id, "undo", None, caller, gateway, origin)
