"""Starting a turn and coming back to one: what HTTP and WebSocket have in common."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import structlog
from opentelemetry import trace

from contracts.chat import GetTurn
from contracts.ids import ConversationId, TurnId, is_id
from libs.bus.errors import BusUnavailable
from libs.resilience.errors import Unavailable
from services.gateway.deps import Gateway
from services.gateway.errors import TurnNotFound
from services.gateway.limits import Allowance, Limit
from services.gateway.metrics import ACTIVE_STREAMS
from services.gateway.principal import Permission, Principal
from services.gateway.turn_stream import Sink, TurnStream
from services.gateway.turns import (
    AskedTurn,
    TurnIds,
    accept_turn,
    check_conversation,
    find_turn,
    send_turn,
    withdraw_turn,
)
from services.gateway.updates import Update, write_update

RECONNECTION_S = 2.0

log = structlog.get_logger("services.gateway")


@dataclass(slots=True)
class FollowedTurn:
    """A turn with a subscription to its live updates; `follow` closes it, or `close` when nobody follows."""

    stream: TurnStream
    allowance: Allowance | None
    fresh: bool
    """Whether it was just sent, so that no update can have been missed."""
    _updates: AsyncIterator[bytes]
    _subscription: AsyncExitStack

    async def follow(self, sink: Sink) -> None:
        """Tell the sink everything, until the turn ends."""
        ACTIVE_STREAMS.inc()
        try:
            if self.stream.after == 0:
                accepted = Update(
                    n=0,
                    type="turn.accepted",
                    turn_id=self.stream.turn_id,
                    conversation_id=self.stream.conversation_id,
                )
                await sink.write(accepted, write_update(accepted))
            if self.fresh or not await self.stream.replay(sink):
                await self.stream.run(self._updates, sink)
        finally:
            ACTIVE_STREAMS.dec()
            await self.close()

    async def close(self) -> None:
        """Stop listening. The turn goes on; its answer will be in the conversation."""
        await self._subscription.aclose()


async def start_turn(
    gateway: Gateway,
    caller: Principal,
    asked: AskedTurn,
    key: str | None,
    conversation: ConversationId | None = None,
    limit: Limit | None = None,
) -> FollowedTurn:
    """Accept a turn and hand it to chat, durably; listens before it sends, so no token is missed.

    `conversation` may be one that does not exist yet, unlike `asked.conversation_id`. `limit` counts instead of the
    user's own.

    Raises TooManyRequests, ConversationNotFound, IdempotencyKeyReused, and Unavailable with nothing half done.
    """
    scope = caller.scope
    await _bus_is_there(gateway)
    if asked.conversation_id is not None:
        by_link = asked.visit.delegation_id if asked.visit else None
        await check_conversation(gateway.db, gateway.bus, scope, asked.conversation_id, by_link)
    conversation = asked.conversation_id or conversation
    asked = replace(asked, may_decide=_may_decide(caller, asked), by_program=caller.is_program)
    ids = TurnIds.from_key(scope, key, conversation) if key else TurnIds.fresh(conversation)
    limit = limit or gateway.chat_limit
    accepted = await accept_turn(gateway.db, scope, asked, ids, limit)
    try:
        is_fresh = accepted.allowance is not None
        turn = await _listen(gateway, caller, ids.turn_id, ids.conversation_id, after=0, fresh=is_fresh)
    except Unavailable:
        await _withdraw(gateway, caller, ids, limit, repeated=accepted.allowance is None)
        raise
    turn.allowance, turn.fresh = accepted.allowance, is_fresh
    try:
        await send_turn(gateway.bus, gateway.seal, scope, asked, ids)
    except BusUnavailable:
        await turn.close()
        await _withdraw(gateway, caller, ids, limit, repeated=accepted.allowance is None)
        raise
    except BaseException:
        await turn.close()
        raise
    return turn


def _may_decide(caller: Principal, asked: AskedTurn) -> bool:
    """As with the endpoints of actions; not with a question that is asked again, nor where the client says what was
    said before."""
    is_new = asked.regenerates is None and not asked.earlier and asked.visit is None
    return is_new and Permission.MANAGE in caller.permissions


async def resume_turn(gateway: Gateway, caller: Principal, turn_id: str, after: int) -> FollowedTurn:
    """Come back to a turn at whatever replica. Raises TurnNotFound for a turn of somebody else."""
    conversation_id = await conversation_of(gateway, caller, turn_id)
    return await _listen(gateway, caller, TurnId(turn_id), conversation_id, after)


async def conversation_of(gateway: Gateway, caller: Principal, turn_id: str) -> str:
    """The conversation of one of the caller's turns. Raises TurnNotFound."""
    if not (is_id(turn_id) and turn_id.startswith("t_")):
        raise TurnNotFound("There is no such turn.")
    async with gateway.db.reading(caller.scope) as tx:
        conversation_id = await find_turn(tx, turn_id)
    if conversation_id is None:
        # Older than our rows, or withdrawn although the command had arrived: chat decides, under the same scope.
        conversation_id = (await gateway.bus.ask(GetTurn(turn_id=TurnId(turn_id)), scope=caller.scope)).conversation_id
    return conversation_id


async def _bus_is_there(gateway: Gateway) -> None:
    """Outlive a reconnection, but do not let a client wait for publishing to time out (15 s)."""
    try:
        async with asyncio.timeout(RECONNECTION_S):
            while not gateway.bus.connected:  # noqa: ASYNC110 - bounded, and the client has no event for it
                await asyncio.sleep(0.05)
    except TimeoutError as away:
        raise BusUnavailable("The message bus is away right now.", retry_after_s=2) from away


async def _listen(
    gateway: Gateway, caller: Principal, turn_id: TurnId, conversation_id: str, after: int, *, fresh: bool = False
) -> FollowedTurn:
    trace.get_current_span().set_attribute("adjutant.turn_id", turn_id)
    subscription = AsyncExitStack()
    updates = await subscription.enter_async_context(gateway.bus.follow("turn", turn_id, after=after, fresh=fresh))
    stream = TurnStream(
        bus=gateway.bus,
        scope=caller.scope,
        turn_id=turn_id,
        conversation_id=conversation_id,
        patience=gateway.patience,
        stopping=gateway.stopping,
        after=after,
    )
    return FollowedTurn(stream, None, False, updates, subscription)


async def _withdraw(gateway: Gateway, caller: Principal, ids: TurnIds, limit: Limit, *, repeated: bool) -> None:
    """Leave nothing half done. The first request with an Idempotency-Key owns the row, a repetition does not."""
    if repeated:
        return
    try:
        await withdraw_turn(gateway.db, caller.scope, ids, limit)
    except Unavailable as away:
        log.warning("turn_not_withdrawn", turn_id=ids.turn_id, why=away.detail)
