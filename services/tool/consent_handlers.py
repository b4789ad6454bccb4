"""What tool does when users decide what their assistant may do."""

from contracts.actions import (
    Actions,
    ActionUpdate,
    ActionView,
    CarryOutAction,
    ConsentRules,
    DecideAction,
    DecidedVia,
    ExpireAction,
    GetAction,
    ListActions,
    ListConsentRules,
    RemoveConsentRule,
    SetConsentRule,
    WithdrawAction,
)
from contracts.envelope import Scope
from contracts.ids import ExecutionId
from contracts.tool import Effect
from libs.bus import Call
from libs.db import Transaction
from libs.resilience.errors import InvalidInput
from services.tool.consent import rules
from services.tool.consent.proposals import Book
from services.tool.deps import ToolDeps
from services.tool.effects import ensure_carried_out
from services.tool.telling import tell_live


async def list_actions(query: ListActions, call: Call, deps: ToolDeps) -> Actions:
    """What waits for the user, can be undone, or was decided."""
    async with deps.db.reading(call.require_scope()) as tx:
        book = await _book(tx, deps)
        last_id, last_tool = await book.last_done() or (None, None)
        return Actions(actions=await book.listed(query.which, query.limit), last_id=last_id, last_tool=last_tool)


async def get_action(query: GetAction, call: Call, deps: ToolDeps) -> ActionView:
    """One of them."""
    async with deps.db.reading(call.require_scope()) as tx:
        return await (await _book(tx, deps)).view(query.action_id)


async def decide_action(query: DecideAction, call: Call, deps: ToolDeps) -> ActionView:
    """The user's word; what follows from it is a command in the same transaction."""
    scope, sealed = call.require_scope(), query.sealed_arguments
    edited = deps.seal.open("tool_arguments", scope, sealed) if sealed else None
    async with deps.db.transaction(scope) as tx:
        book = await _book(tx, deps, query.via)
        match query.decision:
            case "approve":
                view = await book.approve(query.action_id, edited)
            case "decline":
                view = await book.decline(query.action_id)
            case "undo":
                view = await book.undo(query.action_id)
    await _tell(query.action_id, view, scope, deps)
    return view


async def carry_out_action(command: CarryOutAction, call: Call, deps: ToolDeps) -> None:
    """Approved, or not withdrawn in time. Delivered again, it goes on where the last holder of the claim was lost."""
    scope = call.require_scope()
    ending = await ensure_carried_out(command.action_id, scope, deps)
    if ending is not None:
        await tell_live(command.action_id, ending, scope, deps)


async def withdraw_action(command: WithdrawAction, tx: Transaction, deps: ToolDeps) -> None:
    """Its run was cancelled, or goes on without it."""
    await (await _book(tx, deps)).withdraw(command.action_id)


async def expire_action(command: ExpireAction, tx: Transaction, deps: ToolDeps) -> None:
    """Nobody decided in time."""
    await (await _book(tx, deps)).expire(command.action_id)


async def list_consent_rules(query: ListConsentRules, call: Call, deps: ToolDeps) -> ConsentRules:
    """What the user has decided for good."""
    async with deps.db.reading(call.require_scope()) as tx:
        return ConsentRules(rules=await rules.rules_of(tx))


async def set_consent_rule(query: SetConsentRule, call: Call, deps: ToolDeps) -> ConsentRules:
    """Decide for good."""
    tool = deps.tools.find(query.tool)
    if tool.effect is Effect.READ:
        raise InvalidInput("Looking something up is never asked about, so there is no rule for it.")
    async with deps.db.transaction(call.require_scope()) as tx:
        await rules.keep(tx, query, tool.facts)
        return ConsentRules(rules=await rules.rules_of(tx))


async def remove_consent_rule(query: RemoveConsentRule, call: Call, deps: ToolDeps) -> ConsentRules:
    """Take it back."""
    async with deps.db.transaction(call.require_scope()) as tx:
        await rules.remove(tx, query.rule_id)
        return ConsentRules(rules=await rules.rules_of(tx))


async def _book(tx: Transaction, deps: ToolDeps, via: DecidedVia = "api") -> Book:
    return Book(tx, await deps.vault.user_key(tx), deps.seal, deps.tools, deps.waits, via)


async def _tell(action_id: ExecutionId, view: ActionView, scope: Scope, deps: ToolDeps) -> None:
    update = ActionUpdate(action_id=action_id, status=view.status)
    await deps.bus.live("action", scope.user_id).publish(update.model_dump_json().encode())
