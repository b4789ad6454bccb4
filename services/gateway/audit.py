"""The audit trail: who did what to whose data, when, from where. Rows are only ever added."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from contracts.actions import ActionDecided
from contracts.ids import new_id
from libs.db import Transaction
from services.gateway.principal import Origin

if TYPE_CHECKING:
    from services.gateway.deps import Gateway


class Action(StrEnum):
    """What is audited."""

    SIGNED_UP = "account.signed_up"
    LOGGED_IN = "session.logged_in"
    LOG_IN_REFUSED = "session.log_in_refused"
    LOGGED_OUT = "session.logged_out"
    KEY_CREATED = "api_key.created"
    KEY_REVOKED = "api_key.revoked"
    CONNECTION_STARTED = "integration.connection_started"
    CONNECTED = "integration.connected"
    DISCONNECTED = "integration.disconnected"
    SUPPLIED_KEY_STORED = "supplied_key.stored"
    SUPPLIED_KEY_REMOVED = "supplied_key.removed"
    MODEL_POLICY_SET = "model.policy_set"
    MODEL_RESET = "model.reset"
    PROGRAM_CALLED = "tool.called_by_program"
    ACTION_APPROVED = "action.approved"
    ACTION_DECLINED = "action.declined"
    ACTION_UNDONE = "action.undone"
    CONSENT_RULE_SET = "consent_rule.set"
    CONSENT_RULE_REMOVED = "consent_rule.removed"
    MODEL_CALL_READ = "model.call_read"
    BUDGET_SET = "budget.set"
    DELEGATION_CREATED = "delegation.created"
    DELEGATION_CHANGED = "delegation.changed"
    DELEGATION_REVOKED = "delegation.revoked"
    BOOKING_MADE = "booking.made"
    BOOKING_MOVED = "booking.moved"
    BOOKING_CANCELLED = "booking.cancelled"
    BOOKING_CHAT_BEGUN = "booking.chat_begun"
    CONVERSATION_DELETED = "conversation.deleted"
    MEMORY_FORGOTTEN = "memory.forgotten"


_DECIDED = {
    "approved": Action.ACTION_APPROVED,
    "declined": Action.ACTION_DECLINED,
    "withdrawn": Action.ACTION_UNDONE,
    "undone": Action.ACTION_UNDONE,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the trail."""

    entry_id: str
    at: datetime
    actor: str
    action: str
    target: str
    address: str
    user_agent: str
    request_id: str


async def hear_decision(event: ActionDecided, tx: Transaction, deps: "Gateway") -> None:
    """What its user decided by a word in a conversation; a click was recorded when it came."""
    if event.via == "chat" and event.decision in _DECIDED:
        unknown = Origin(address=None, user_agent="", request_id="", secure=True)
        await record(tx, "conversation", _DECIDED[event.decision], event.action_id, unknown)


async def record(tx: Transaction, actor: str, action: Action, target: str, origin: Origin) -> None:
    """Add a line about the data of `tx.scope`."""
    assert tx.scope is not None
    await tx.execute(
        """
        insert into audit_entries
            (entry_id, organization_id, user_id, actor, action, target, address, user_agent, request_id, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, now())
        """,
        new_id("evt"),
        tx.scope.organization_id,
        tx.scope.user_id,
        actor,
        action,
        target,
        str(origin.address or ""),
        origin.user_agent,
        origin.request_id,
    )


async def entries(tx: Transaction, limit: int, before: str | None) -> list[Entry]:
    """The newest lines about the user of `tx.scope`, older than the entry `before`."""
    rows = await tx.fetch(
        """
        select entry_id, created_at as at, actor, action, target, address, user_agent, request_id
        from audit_entries
        where $1::text is null
           or (created_at, entry_id) < (select created_at, entry_id from audit_entries where entry_id = $1)
        order by created_at desc, entry_id desc limit $2
        """,
        before,
        limit,
    )
    return [Entry(**dict(row)) for row in rows]
