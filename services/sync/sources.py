"""The life of a source: registered with its connection, paused when refused, gone with its connection."""

from datetime import datetime

from contracts.ids import ConnectionId
from contracts.sync import SourceView
from libs.db import Transaction

REAUTHORIZATION_REQUIRED = "reauthorization_required"


async def register(tx: Transaction, provider: str, connection_id: ConnectionId, now: datetime) -> datetime:
    """Make the provider a source, or take a paused one up again; returns when it was first registered."""
    registered_at: datetime = await tx.fetchval(
        """
        insert into sources (provider, connection_id, registered_at, connected_at)
        values ($1, $2, $3, $3)
        on conflict (organization_id, user_id, provider) do update
            set connection_id = excluded.connection_id, connected_at = excluded.connected_at,
                enabled = true, reason_disabled = null
        returning registered_at
        """,
        provider,
        connection_id,
        now,
    )
    return registered_at


async def remove(tx: Transaction, connection_id: ConnectionId) -> None:
    """Forget the source of this connection; a newer connection to the same provider keeps its own."""
    await tx.execute("delete from sources where connection_id = $1", connection_id)


async def pause(tx: Transaction, connection_id: ConnectionId, reason: str, refused_at: datetime) -> None:
    """Stop using a source until its user mends it, unless it was connected again since it was refused."""
    await tx.execute(
        """
        update sources set enabled = false, reason_disabled = $2
        where connection_id = $1 and connected_at <= $3
        """,
        connection_id,
        reason,
        refused_at,
    )


async def of_user(tx: Transaction) -> tuple[SourceView, ...]:
    """The sources of the transaction's user, by name."""
    rows = await tx.fetch("select provider, enabled, registered_at, reason_disabled from sources order by provider")
    return tuple(SourceView(**row) for row in rows)
