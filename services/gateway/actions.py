"""Actions that wait for their user, opened for reading; and the user's decision on its way to tool."""

from datetime import datetime
from typing import Any, Literal

import msgspec
from pydantic import BaseModel

from contracts.actions import ActionView, DecideAction, Preview
from contracts.ids import ExecutionId
from services.gateway.audit import Action, record
from services.gateway.deps import Gateway
from services.gateway.principal import Origin, Principal

Decision = Literal["approve", "decline", "undo"]
_AUDITED = {
    "approve": Action.ACTION_APPROVED,
    "decline": Action.ACTION_DECLINED,
    "undo": Action.ACTION_UNDONE,
}


class ShownField(BaseModel):
    """One line of what would happen."""

    label: str
    value: str


class ShownAction(BaseModel):
    """What would happen or has happened, and until when it can be decided or undone."""

    action_id: str
    tool: str
    status: str
    title: str
    fields: list[ShownField]
    reasons: list[str]
    """Why it is asked, with the sentences of others that influenced it."""
    arguments: dict[str, Any]
    """May be sent back edited with the approval."""
    proposed_at: datetime
    expires_at: datetime | None
    undo_until: datetime | None
    detail: str | None


def shown(view: ActionView, caller: Principal, gateway: Gateway) -> ShownAction:
    """As its user reads it."""
    preview = Preview.model_validate_json(gateway.seal.open("action_preview", caller.scope, view.sealed_preview))
    return ShownAction(
        action_id=view.action_id,
        tool=view.tool,
        status=view.status,
        title=preview.title,
        fields=[ShownField(label=field.label, value=field.value) for field in preview.fields],
        reasons=list(preview.reasons),
        arguments=msgspec.json.decode(preview.arguments, type=dict[str, Any]),
        proposed_at=view.proposed_at,
        expires_at=view.expires_at,
        undo_until=view.undo_until,
        detail=view.detail,
    )


async def decide(
    action_id: str,
    decision: Decision,
    arguments: dict[str, Any] | None,
    caller: Principal,
    gateway: Gateway,
    origin: Origin,
) -> ShownAction:
    """The user's word, audited. Raises what tool answers: action_not_found, action_decided, action_expired …"""
    edited = None if arguments is None else msgspec.json.encode(arguments).decode()
    query = DecideAction(
        action_id=ExecutionId(action_id),
        decision=decision,
        sealed_arguments=gateway.seal.seal("tool_arguments", caller.scope, edited) if edited is not None else None,
    )
    view = await gateway.bus.ask(query, scope=caller.scope)
    async with gateway.db.transaction(caller.scope) as tx:
        await record(tx, caller.name, _AUDITED[decision], action_id, origin)
    return shown(view, caller, gateway)
