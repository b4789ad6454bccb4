"""Subscriptions at providers: begun after the first sync, renewed before they end, replaced when they cannot be.

Kept by the runs themselves: a source is synced every twenty minutes, and no subscription is shorter than an hour.
"""

from datetime import UTC, datetime, timedelta
from typing import cast

from contracts.ids import new_id
from libs.db import Row
from libs.providers.errors import (
    EntityExists,
    EntityNotFound,
    PermissionMissing,
    ProviderBusy,
    ProviderUnavailable,
    RequestRefused,
    TokenRejected,
)
from libs.providers.source import Hook, Watch, Watchable
from libs.telemetry import get_logger
from services.sync import schedule
from services.sync.run import Run

log = get_logger("services.sync")

_OF_ONE_STREAM = (PermissionMissing, EntityNotFound, EntityExists, RequestRefused)
_REFUSALS = (*_OF_ONE_STREAM, TokenRejected, ProviderBusy, ProviderUnavailable)
RENEW_BEFORE = timedelta(hours=12)
ASK_AGAIN = timedelta(hours=24)
"""A stream that may not be watched is tried again after this long, or when its user connects again."""


async def keep_watches(run: Run) -> None:
    """Without a public address nobody could reach us, so nothing is watched; the schedule finds all changes.

    A watch whose route is gone has ended (its provider said so), and another one begins. A provider that refuses a
    subscription is no failure of the run: everything was copied. One repository that only others administrate keeps
    none of the user's own from being watched. Raises RunLost.
    """
    if not isinstance(run.source, Watchable) or not run.deps.settings.webhooks_url:
        return
    async with run.deps.db.reading(run.scope) as tx:
        rows = await tx.fetch(
            """select s.stream, case when r.key is not null then w.watch_id end as watch_id,
                      w.remote_id, w.resource, w.expires_at
               from streams s
               left join watches w using (organization_id, user_id, provider, stream)
               left join notification_routes r on r.key = 'watch:' || w.watch_id
               where s.provider = $1 and coalesce(s.watch_refused_at, '-infinity') < now() - $2::interval""",
            run.command.provider,
            ASK_AGAIN,
        )
    for row in rows:
        if row["watch_id"] is None or _ends_soon(row["expires_at"]):
            try:
                await _keep(run, cast(Watchable, run.source), row)
            except _OF_ONE_STREAM as error:
                log.info("watch_refused", provider=run.command.provider, error=error.slug)
                await _note_refusal(run, row["stream"])
            except _REFUSALS as error:
                log.info("watches_refused", provider=run.command.provider, error=error.slug)
                return


async def _keep(run: Run, source: Watchable, row: Row) -> None:
    access = await run.tokens.access()
    old = Watch(row["remote_id"], row["expires_at"], row["resource"]) if row["watch_id"] else None
    if old is not None and (renewed := await source.renew(access, old, _hook(run, row["watch_id"]))):
        await _store(run, row["stream"], row["watch_id"], renewed)
        return
    # The new one first: between the two, changes are told twice rather than never.
    watch_id = new_id("w")
    await _announce(run, watch_id)
    try:
        begun = await source.watch(access, row["stream"], _hook(run, watch_id))
    except _REFUSALS:
        await _forget(run, watch_id)
        raise
    await _store(run, row["stream"], watch_id, begun)
    if old is not None:
        await source.unwatch(access, old)
        await _forget(run, row["watch_id"])


def _hook(run: Run, watch_id: str) -> Hook:
    provider = run.command.provider
    address = f"{run.deps.settings.webhooks_url.rstrip('/')}/webhooks/{provider}?watch={watch_id}"
    return Hook(watch_id, address, run.deps.hook_secrets.make(provider, watch_id))


async def _announce(run: Run, watch_id: str) -> None:
    """Before the provider knows of it: its first notification may come before its answer."""
    async with run.deps.db.transaction(run.scope) as tx:
        await schedule.hold(tx, run.command.connection_id, run.fence)
        await tx.execute(
            "insert into notification_routes (key, connection_id) values ($1, $2)",
            f"watch:{watch_id}",
            run.command.connection_id,
        )


async def _forget(run: Run, watch_id: str) -> None:
    async with run.deps.db.transaction(run.scope) as tx:
        await schedule.hold(tx, run.command.connection_id, run.fence)
        await tx.execute("delete from notification_routes where key = $1", f"watch:{watch_id}")


async def _note_refusal(run: Run, stream: str) -> None:
    async with run.deps.db.transaction(run.scope) as tx:
        await schedule.hold(tx, run.command.connection_id, run.fence)
        await tx.execute(
            "update streams set watch_refused_at = now() where provider = $1 and stream = $2",
            run.command.provider,
            stream,
        )


async def _store(run: Run, stream: str, watch_id: str, watch: Watch) -> None:
    async with run.deps.db.transaction(run.scope) as tx:
        await schedule.hold(tx, run.command.connection_id, run.fence)
        await tx.execute(
            """insert into watches (watch_id, connection_id, provider, stream, remote_id, resource, expires_at)
               values ($1, $2, $3, $4, $5, $6, $7)
               on conflict on constraint uq_watches_stream do update set
                   watch_id = excluded.watch_id, connection_id = excluded.connection_id,
                   remote_id = excluded.remote_id, resource = excluded.resource, expires_at = excluded.expires_at""",
            watch_id,
            run.command.connection_id,
            run.command.provider,
            stream,
            watch.remote_id,
            watch.resource,
            watch.expires_at,
        )


def _ends_soon(expires_at: datetime | None) -> bool:
    return expires_at is not None and expires_at < datetime.now(UTC) + RENEW_BEFORE
