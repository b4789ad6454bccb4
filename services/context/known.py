"""What other services told us about a user: connections, open notifications, sums over turns."""

from datetime import datetime

from contracts.chat import TurnCompleted
from contracts.ids import ConnectionId, ConversationId, NotificationId
from libs.db import Transaction


async def connect(tx: Transaction, provider: str, connection_id: ConnectionId) -> None:
    """The user connected a provider, or connected it again."""
    await tx.execute(
        """
        insert into connected_providers (provider, connection_id) values ($1, $2)
        on conflict (organization_id, user_id, provider) do update set connection_id = excluded.connection_id
        """,
        provider,
        connection_id,
    )


async def disconnect(tx: Transaction, connection_id: ConnectionId) -> None:
    """The user disconnected it; a newer connection to the same provider stays."""
    await tx.execute("delete from connected_providers where connection_id = $1", connection_id)


async def is_connected(tx: Transaction, provider: str) -> bool:
    """Whether the user has a connection to it, be it a newer one than that which just ended."""
    sql = "select true from connected_providers where provider = $1 and connection_id is not null"
    return bool(await tx.fetchval(sql, provider))


async def mark_synced(tx: Transaction, provider: str, since: datetime) -> None:
    """The provider is kept in step since this moment; we may hear this before we hear of the connection."""
    await tx.execute(
        """
        insert into connected_providers (provider, synced_since) values ($1, $2)
        on conflict (organization_id, user_id, provider) do update set synced_since = excluded.synced_since
        """,
        provider,
        since,
    )


async def mark_changed(tx: Transaction, provider: str, at: datetime) -> None:
    """Something of it came or went; a provider that was disconnected meanwhile stays gone."""
    await tx.execute("update connected_providers set changed_at = $2 where provider = $1", provider, at)


async def open_notice(tx: Transaction, notification_id: NotificationId) -> None:
    """A notification waits. One that was read before we heard of it stays read."""
    await tx.execute(
        "insert into notice_states (notification_id, open) values ($1, true) on conflict do nothing", notification_id
    )


async def close_notice(tx: Transaction, notification_id: NotificationId) -> None:
    """A notification was read, whether or not we heard of it before."""
    await tx.execute(
        """
        insert into notice_states (notification_id, open) values ($1, false)
        on conflict (organization_id, user_id, notification_id) do update set open = false
        """,
        notification_id,
    )


async def count_turn(tx: Transaction, turn: TurnCompleted) -> None:
    """Add one turn to the sums of its conversation."""
    await tx.execute(
        """
        insert into conversation_statistics as sums
            (conversation_id, turns, input_tokens, output_tokens, cost_micros, duration_ms)
        values ($1, 1, $2, $3, $4, $5)
        on conflict (organization_id, user_id, conversation_id) do update set
            turns = sums.turns + 1,
            input_tokens = sums.input_tokens + excluded.input_tokens,
            output_tokens = sums.output_tokens + excluded.output_tokens,
            cost_micros = sums.cost_micros + excluded.cost_micros,
            duration_ms = sums.duration_ms + excluded.duration_ms
        """,
        turn.conversation_id,
        turn.input_tokens,
        turn.output_tokens,
        turn.cost_micros or 0,
        turn.duration_ms,
    )


async def forget_conversation(tx: Transaction, conversation_id: ConversationId) -> None:
    """A deleted conversation leaves no figures behind."""
    await tx.execute("delete from conversation_statistics where conversation_id = $1", conversation_id)
