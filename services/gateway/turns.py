"""Accepting a turn: one transaction, one durable command, and the client may go.

The row in `turns` says whose a turn is, before chat has begun it. With an Idempotency-Key all ids of the turn
follow from the user and the key, so that a repetition, on whatever replica, sends the very same command.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from contracts.chat import (
    Earlier,
    EarlierMessages,
    GetQuestion,
    RunTurn,
    Specialization,
    StopTurn,
    Visitor,
)
from contracts.conversations import FindConversation
from contracts.envelope import Scope
from contracts.ids import ConversationId, MessageId, TurnId, new_id
from libs.bus import Bus
from libs.db import Database, Transaction
from libs.vault import TransitSeal
from services.gateway.errors import ConversationNotFound, IdempotencyKeyReused
from services.gateway.idempotency import derived_id
from services.gateway.limits import Allowance, Limit, judge


@dataclass(frozen=True, slots=True)
class Visit:
    """Who asks, if it is not the owner: an outsider, and the link they came by."""

    delegation_id: str
    visitor: Visitor


@dataclass(frozen=True, slots=True)
class AskedTurn:
    """What a client wants answered."""

    text: str
    conversation_id: ConversationId | None = None
    timezone: str | None = None
    tone: str | None = None
    assistant_name: str | None = None
    specialization: Specialization | None = None
    client_integrations: tuple[str, ...] = ()
    regenerates: TurnId | None = None
    earlier: tuple[Earlier, ...] = ()
    """What was said before, when the client keeps the conversation itself."""
    visit: Visit | None = field(default=None, repr=False)
    """Left out of the fingerprint: outsiders have no Idempotency-Key."""
    by_program: bool = field(default=False, repr=False)
    """Whether it came with a key that only chats."""
    may_decide: bool = field(default=False, repr=False)
    """Whether a "yes" in it approves what waits: the caller may, and has the conversation before their eyes. Left out
    of the fingerprint as well: it says who asks, not what."""

    def fingerprint(self) -> str:
        """Tells whether a repeated Idempotency-Key came with the same request."""
        return hashlib.sha256(repr(self).encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class TurnIds:
    """The ids of one turn."""

    turn_id: TurnId
    conversation_id: ConversationId
    message_id: MessageId

    @classmethod
    def fresh(cls, conversation_id: ConversationId | None) -> "TurnIds":
        """New ids, in a new conversation unless one is given."""
        return cls(TurnId(new_id("t")), conversation_id or ConversationId(new_id("c")), MessageId(new_id("m")))

    @classmethod
    def from_key(cls, scope: Scope, key: str, conversation_id: ConversationId | None) -> "TurnIds":
        """The ids that belong to a user's Idempotency-Key, always the same."""
        turn_id, message_id = TurnId(derived_id("t", scope, key)), MessageId(derived_id("m", scope, key))
        return cls(turn_id, conversation_id or ConversationId(derived_id("c", scope, key)), message_id)


@dataclass(frozen=True, slots=True)
class AcceptedTurn:
    """A turn that has a row; `allowance` is absent when this is a repetition, which costs nothing."""

    ids: TurnIds
    allowance: Allowance | None


# One statement, one round trip: look for the repetition, count against the limit, insert the turn. The row only
# says whose the turn is, and its ids can be sent again; a power cut may take it, so nobody waits for the disk.
_ACCEPT = """
with swift as materialized (select set_config('synchronous_commit', 'off', true)),
earlier as materialized (select fingerprint from turns where turn_id = $1),
spent as (
    insert into rate_limits as counter (bucket, window_started_at, used)
    select $6, clock_timestamp(), 1 from swift where not exists (select from earlier)
    on conflict (bucket) do update set
        used = case when counter.window_started_at + $7::interval <= clock_timestamp() then 1 else counter.used + 1 end,
        window_started_at = case when counter.window_started_at + $7::interval <= clock_timestamp()
                                 then clock_timestamp() else counter.window_started_at end
    returning used, window_started_at
),
added as (
    insert into turns (turn_id, conversation_id, organization_id, user_id, fingerprint, created_at)
    select $1, $2, $3, $4, $5, now() from spent
)
select (select fingerprint from earlier) as earlier, used, window_started_at, clock_timestamp() as now
from (select 1) as always left join spent on true
"""


async def accept_turn(db: Database, scope: Scope, asked: AskedTurn, ids: TurnIds, limit: Limit) -> AcceptedTurn:
    """Write down whose turn this is, within the limit. Raises TooManyRequests, IdempotencyKeyReused."""
    async with db.transaction(scope) as tx:
        row = await tx.fetchrow(
            _ACCEPT,
            ids.turn_id,
            ids.conversation_id,
            scope.organization_id,
            scope.user_id,
            asked.fingerprint(),
            f"{limit.name}:{scope.user_id}",
            timedelta(seconds=limit.window_s),
        )
        assert row is not None
        if row["earlier"] is None:
            return AcceptedTurn(ids, judge(limit, row["used"], row["window_started_at"], row["now"]))
    if row["earlier"] != asked.fingerprint():
        raise IdempotencyKeyReused("This Idempotency-Key came with another request before.")
    return AcceptedTurn(ids, None)


def command_for(
    asked: AskedTurn, ids: TurnIds, sealed_text: str, sealed_earlier: str | None, sealed_visitor: str | None = None
) -> RunTurn:
    """The durable form of an accepted turn."""
    return RunTurn(
        turn_id=ids.turn_id,
        conversation_id=ids.conversation_id,
        user_message_id=ids.message_id,
        sealed_text=sealed_text,
        sealed_earlier=sealed_earlier,
        accepted_at=datetime.now(UTC),
        timezone=asked.timezone,
        tone=asked.tone,
        assistant_name=asked.assistant_name,
        specialization=asked.specialization,
        client_integrations=asked.client_integrations,
        regenerates=asked.regenerates,
        delegation_id=asked.visit.delegation_id if asked.visit else None,
        sealed_visitor=sealed_visitor,
        may_decide=asked.may_decide,
        by_program=asked.by_program,
    )


async def send_turn(bus: Bus, seal: TransitSeal, scope: Scope, asked: AskedTurn, ids: TurnIds) -> None:
    """Hand the turn to chat; when this returns, it will be answered whatever restarts. Raises BusUnavailable."""
    earlier = EarlierMessages(messages=asked.earlier).model_dump_json() if asked.earlier else None
    sealed_earlier = seal.seal("run_turn", scope, earlier) if earlier else None
    visitor = asked.visit.visitor.model_dump_json() if asked.visit else None
    sealed_visitor = seal.seal("run_turn", scope, visitor) if visitor else None
    command = command_for(asked, ids, seal.seal("run_turn", scope, asked.text), sealed_earlier, sealed_visitor)
    await bus.send(command, scope=scope, id=ids.turn_id)


async def withdraw_turn(db: Database, scope: Scope, ids: TurnIds, limit: Limit) -> None:
    """Undo `accept_turn` after a send that failed: the row goes, and the request is not counted."""
    async with db.transaction(scope) as tx:
        await tx.execute("delete from turns where turn_id = $1", ids.turn_id)
        await tx.execute(
            "update rate_limits set used = greatest(used - 1, 0) where bucket = $1", f"{limit.name}:{scope.user_id}"
        )


async def check_conversation(
    db: Database, bus: Bus, scope: Scope, conversation_id: ConversationId, delegation_id: str | None = None
) -> None:
    """Raises ConversationNotFound unless the conversation is the user's own, or one of that link."""
    query = FindConversation(conversation_id=conversation_id, delegation_id=delegation_id)
    answer = await bus.ask(query, scope=scope)
    if answer.found:
        return
    # A conversation whose first turn is still on its way is not known to chat yet.
    async with db.reading(scope) as tx:
        if await tx.fetchval("select 1 from turns where conversation_id = $1 limit 1", conversation_id) is None:
            raise ConversationNotFound("There is no such conversation.")


async def asked_again(bus: Bus, seal: TransitSeal, scope: Scope, turn_id: TurnId) -> AskedTurn:
    """The question of a turn, to be answered anew. Raises RemoteError: turn_not_found, turn_not_repeatable."""
    question = await bus.ask(GetQuestion(turn_id=turn_id), scope=scope)
    text = seal.open("run_turn", scope, question.sealed_text)
    return AskedTurn(text=text, conversation_id=question.conversation_id, regenerates=turn_id)


async def find_turn(tx: Transaction, turn_id: str) -> ConversationId | None:
    """The conversation of a turn of `tx.scope`; None for turns of others."""
    found = await tx.fetchval("select conversation_id from turns where turn_id = $1", turn_id)
    return None if found is None else ConversationId(found)


async def stop_turn(bus: Bus, scope: Scope, turn_id: TurnId) -> None:
    """Ask chat to stop a turn, durably. Pressing stop twice is one command."""
    await bus.send(StopTurn(turn_id=turn_id), scope=scope, id=f"stop_{turn_id}")


async def forget_conversation(tx: Transaction, conversation_id: str) -> None:
    """Delete the turns of a conversation of `tx.scope`."""
    await tx.execute("delete from turns where conversation_id = $1", conversation_id)
