"""When each connection is synced, and which replica does it: one row, one lease, one fence.

due ──send──> command ──claim──> running (lease) ──settle──> due later
 ^ wishes (manual, notification, connected) pull `due_at` forward; one that comes while it runs makes it due again
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.envelope import Scope
from contracts.ids import ConnectionId, OrganizationId, UserId
from contracts.sync import SyncReason
from libs.db import Transaction
from services.sync.errors import RunLost

LEASE_S = 60.0
"""Longer than any single request with its retries; renewed with every page."""
UNHEARD_S = 600.0
"""A command that was sent and came to nothing is sent again after this long."""
BATCH = 20


@dataclass(frozen=True, slots=True)
class Due:
    """A connection whose time has come."""

    connection_id: ConnectionId
    scope: Scope
    provider: str
    reason: SyncReason
    due_at: datetime


async def enter(tx: Transaction, connection_id: ConnectionId, provider: str) -> None:
    """A new or renewed connection is synced at once."""
    scope = tx.require_scope()
    await tx.execute(
        """insert into schedule (connection_id, organization_id, user_id, provider, due_at, reason)
           values ($1, $2, $3, $4, clock_timestamp(), 'connected')
           on conflict (connection_id) do update set
               due_at = clock_timestamp(), asked_at = clock_timestamp(), reason = 'connected', failures = 0,
               not_before = null""",
        connection_id,
        scope.organization_id,
        scope.user_id,
        provider,
    )


async def leave(tx: Transaction, connection_id: ConnectionId) -> None:
    """Nothing is due any more, and whoever runs it loses the right to write."""
    await tx.execute("delete from schedule where connection_id = $1", connection_id)
    await tx.execute("delete from notification_routes where connection_id = $1", connection_id)


async def wish(tx: Transaction, connection_ids: list[str], reason: SyncReason) -> int:
    """Make these due now; a run under way is followed by another one. Returns how many there are."""
    tag = await tx.execute(
        """update schedule set due_at = least(due_at, clock_timestamp()), asked_at = clock_timestamp(), reason = $2
           where connection_id = any($1)""",
        connection_ids,
        reason,
    )
    return int(tag.split()[-1])


async def wish_by_hand(tx: Transaction, connection_id: ConnectionId, debounce: timedelta) -> bool:
    """Make it due now unless it runs or has begun a moment ago; returns whether it was done."""
    tag = await tx.execute(
        """update schedule set due_at = clock_timestamp(), asked_at = clock_timestamp(), reason = 'manual'
           where connection_id = $1 and coalesce(running_until, '-infinity') < clock_timestamp()
             and greatest(asked_at, began_at, '-infinity') < clock_timestamp() - $2::interval
             and coalesce(not_before, '-infinity') <= clock_timestamp()""",
        connection_id,
        debounce,
    )
    return tag.endswith(" 1")


async def take_due(tx: Transaction) -> list[Due]:
    """Up to `BATCH` connections whose time has come; they are ours to send until the transaction ends."""
    rows = await tx.fetch(
        """update schedule set due_at = clock_timestamp() + $2 * interval '1 second'
           from (select connection_id as id, due_at as was from schedule
                 where due_at <= clock_timestamp() and coalesce(running_until, '-infinity') < clock_timestamp()
                   and coalesce(not_before, '-infinity') <= clock_timestamp()
                 order by due_at limit $1 for update skip locked) as due
           where connection_id = due.id
           returning connection_id, organization_id, user_id, provider, reason, due.was as due_at""",
        BATCH,
        UNHEARD_S,
    )
    return [
        Due(
            ConnectionId(row["connection_id"]),
            Scope(OrganizationId(row["organization_id"]), UserId(row["user_id"])),
            row["provider"],
            SyncReason(row["reason"]),
            row["due_at"],
        )
        for row in rows
    ]


async def claim(tx: Transaction, connection_id: ConnectionId) -> int | None:
    """The fence of a run that is ours now; None when it runs elsewhere (it will run again) or is not connected."""
    fence: int | None = await tx.fetchval(
        """update schedule set fence = fence + 1, began_at = clock_timestamp(),
                  running_until = clock_timestamp() + $2 * interval '1 second'
           where connection_id = $1 and coalesce(running_until, '-infinity') < clock_timestamp() returning fence""",
        connection_id,
        LEASE_S,
    )
    if fence is None:
        await tx.execute(
            """update schedule set asked_at = clock_timestamp(), due_at = least(due_at, running_until)
               where connection_id = $1""",
            connection_id,
        )
    return fence


async def hold(tx: Transaction, connection_id: ConnectionId, fence: int) -> None:
    """Renew the lease, as part of every write of a run. Raises RunLost."""
    tag = await tx.execute(
        """update schedule set running_until = clock_timestamp() + $3 * interval '1 second'
           where connection_id = $1 and fence = $2""",
        connection_id,
        fence,
        LEASE_S,
    )
    if tag.endswith(" 0"):
        raise RunLost("Another replica runs this sync, or the provider was disconnected.")


async def failures(tx: Transaction, connection_id: ConnectionId) -> int:
    """Failed runs in a row so far."""
    return int(await tx.fetchval("select failures from schedule where connection_id = $1", connection_id) or 0)


async def postpone(tx: Transaction, connection_id: ConnectionId, again_in: timedelta) -> None:
    """Nothing can be done for it now; whoever mends that makes it due."""
    await tx.execute(
        "update schedule set due_at = clock_timestamp() + $2::interval where connection_id = $1",
        connection_id,
        again_in,
    )


async def start_over(tx: Transaction, connection_id: ConnectionId) -> None:
    """A run under way may write nothing more: what it reads is another account's."""
    await tx.execute(
        "update schedule set fence = fence + 1, running_until = null where connection_id = $1", connection_id
    )


async def interrupt(tx: Transaction, connection_id: ConnectionId, again_in: timedelta) -> None:
    """A run under way may write and begin nothing more, and none begins before that time."""
    await start_over(tx, connection_id)
    await postpone(tx, connection_id, again_in)


async def settle(
    tx: Transaction, connection_id: ConnectionId, fence: int, again_in: timedelta, *, failed: bool, paused: bool = False
) -> int:
    """End a run and say when the next one is due; returns the failures in a row. `paused`: the provider asked for that
    time, and no wish comes before it. Raises RunLost."""
    failures: int | None = await tx.fetchval(
        """update schedule set running_until = null, failures = case when $4 then failures + 1 else 0 end,
                  reason = case when asked_at > began_at then reason when $4 then 'retry' else 'schedule' end,
                  due_at = case when asked_at > began_at then clock_timestamp()
                                else clock_timestamp() + $3::interval end,
                  not_before = case when $5 then clock_timestamp() + $3::interval end
           where connection_id = $1 and fence = $2 returning failures""",
        connection_id,
        fence,
        again_in,
        failed,
        paused,
    )
    if failures is None:
        raise RunLost("Another replica runs this sync, or the provider was disconnected.")
    return failures
