"""The log of runs: one row an attempt, kept for ninety days."""

from datetime import datetime, timedelta

from contracts.sync import SyncLog, SyncOutcome, SyncRunView, SyncSource
from libs.db import Transaction

KEPT = timedelta(days=90)
MAX_LIMIT = 200
INTERRUPTED = "interrupted"


async def begin(tx: Transaction, run_id: str, command: SyncSource, now: datetime) -> None:
    """Open a row; one that a lost replica left open is closed."""
    await tx.execute(
        """update sync_runs set outcome = 'partial', error = $3, finished_at = $2
           where connection_id = $1 and outcome is null""",
        command.connection_id,
        now,
        INTERRUPTED,
    )
    await tx.execute(
        "delete from sync_runs where connection_id = $1 and started_at < $2", command.connection_id, now - KEPT
    )
    await tx.execute(
        """insert into sync_runs (run_id, connection_id, provider, reason, started_at)
           values ($1, $2, $3, $4, $5)""",
        run_id,
        command.connection_id,
        command.provider,
        command.reason,
        now,
    )


async def end(
    tx: Transaction, run_id: str, outcome: SyncOutcome, error: str | None, items: int, gone: int, calls: int
) -> None:
    """Close a row."""
    await tx.execute(
        """update sync_runs set outcome = $2, error = $3, items = $4, gone = $5, calls = $6,
                  finished_at = clock_timestamp() where run_id = $1""",
        run_id,
        outcome,
        error,
        items,
        gone,
        calls,
    )


async def failing_since(tx: Transaction, connection_id: str) -> datetime:
    """When the first of the failures in a row began; the last run when that one brought something before it failed."""
    moment: datetime = await tx.fetchval(
        """with mine as (select started_at, outcome from sync_runs where connection_id = $1),
                failed as (select min(started_at) as first from mine where started_at > coalesce((
                    select max(started_at) from mine where outcome <> 'failed'), '-infinity'))
           select coalesce(first, (select max(started_at) from mine)) from failed""",
        connection_id,
    )
    return moment


async def refused_in_a_row(tx: Transaction, connection_id: str, error: str) -> int:
    """How many of the last runs, since the connection was last made, ended with this and nothing else between."""
    count: int = await tx.fetchval(
        """with ended as (
               select r.error, row_number() over (order by r.started_at desc) as place from sync_runs r
               join sources s using (connection_id)
               where connection_id = $1 and r.outcome is not null and r.started_at >= s.connected_at)
           select count(*) from ended where error = $2
              and place < coalesce((select min(place) from ended where error is distinct from $2), 'infinity'::float8)
        """,
        connection_id,
        error,
    )
    return count


async def newest(tx: Transaction, provider: str | None, limit: int) -> SyncLog:
    """The last attempts, newest first."""
    rows = await tx.fetch(
        """select run_id, provider, reason, outcome, error, items, gone, calls, started_at, finished_at from sync_runs
           where user_id = $1 and ($2::text is null or provider = $2) order by started_at desc limit $3""",
        tx.require_scope().user_id,
        provider,
        max(1, min(limit, MAX_LIMIT)),
    )
    return SyncLog(runs=tuple(SyncRunView(**row) for row in rows))
