"""The life of a source: registered with its connection, paused when refused, gone with its connection."""

from collections import Counter
from datetime import datetime

from contracts.ids import ConnectionId
from contracts.sync import SourceView
from libs.db import Transaction
from services.sync import activities, leftovers, schedule, streams
from services.sync.errors import SourceNotFound

REAUTHORIZATION_REQUIRED = "reauthorization_required"
TOKEN_REJECTED = "token_rejected"  # noqa: S105 - why a source pauses: fresh tokens are refused too


async def register(tx: Transaction, provider: str, connection_id: ConnectionId, now: datetime) -> datetime:
    """Make the provider a source, or take a paused one up again; returns when it was first registered.

    The connection before this one has ended, though we may hear of that later: what was copied through it goes.
    """
    before = await tx.fetchval("select connection_id from sources where provider = $1 for update", provider)
    if before is not None and before != connection_id:
        await schedule.leave(tx, ConnectionId(before))
        await _forget_copy(tx, provider)
    # Whoever connects again may have given more permissions.
    await tx.execute("update streams set watch_refused_at = null where provider = $1", provider)
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
    """Forget the source of this connection with all that was synced; a newer connection to the same provider keeps
    its own. A run under way loses its fence with the schedule's row, and writes nothing more."""
    provider = await tx.fetchval("delete from sources where connection_id = $1 returning provider", connection_id)
    await schedule.leave(tx, connection_id)
    if provider:
        await _forget_copy(tx, provider)
    await tx.execute("delete from sync_runs where connection_id = $1", connection_id)


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


async def start_over(tx: Transaction, provider: str, connection_id: ConnectionId) -> None:
    """Another account was connected under the same connection: nothing that was copied is its."""
    await schedule.start_over(tx, connection_id)
    await _forget_copy(tx, provider)


async def _forget_copy(tx: Transaction, provider: str) -> None:
    """The activities may be many, and go by themselves."""
    await leftovers.leave_behind(tx, provider)
    await tx.execute("delete from streams where provider = $1", provider)
    await tx.execute("delete from watches where provider = $1", provider)


async def is_enabled(tx: Transaction, connection_id: ConnectionId) -> bool:
    """Whether this connection is a source that may be read."""
    return bool(await tx.fetchval("select enabled from sources where connection_id = $1", connection_id))


async def connection_of(tx: Transaction, provider: str) -> ConnectionId:
    """Raises SourceNotFound."""
    connection_id = await tx.fetchval("select connection_id from sources where provider = $1", provider)
    if connection_id is None:
        raise SourceNotFound("This provider is not connected.")
    return ConnectionId(connection_id)


async def connections(tx: Transaction) -> list[tuple[str, ConnectionId]]:
    """(provider, connection) of all the user's sources."""
    rows = await tx.fetch("select provider, connection_id from sources order by provider")
    return [(row["provider"], ConnectionId(row["connection_id"])) for row in rows]


async def of_user(tx: Transaction) -> tuple[SourceView, ...]:
    """The sources of the transaction's user, by name."""
    rows = await tx.fetch(
        """select s.provider, s.enabled, s.registered_at, s.reason_disabled,
                  coalesce(w.running_until > clock_timestamp(), false) as running,
                  r.outcome as last_outcome, r.error as last_error, r.finished_at as last_finished_at,
                  case when s.enabled then greatest(w.due_at, w.not_before) end as next_at,
                  coalesce(w.failures, 0) as failures
           from sources s
           left join schedule w using (connection_id)
           left join lateral (
               select outcome, error, finished_at from sync_runs
               where connection_id = s.connection_id and outcome is not null
               order by started_at desc limit 1) r on true
           order by s.provider"""
    )
    items = await activities.counts(tx)
    parts = await streams.of_user(tx, items)
    in_all: Counter[str] = Counter()
    for (provider, _), count in items.items():
        in_all[provider] += count
    return tuple(
        SourceView(**row, items=in_all[row["provider"]], streams=parts.get(row["provider"], ())) for row in rows
    )
