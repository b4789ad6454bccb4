"""One attempt at bringing a copy up to date: claimed, run, settled. However it ends, the next one has a date."""

from datetime import UTC, datetime, timedelta

from contracts.envelope import Scope
from contracts.ids import new_id
from contracts.sync import ApiQuotaNeared, SourceFailing, SyncOutcome, SyncSource
from libs.bus import publish
from libs.db import Transaction
from libs.db.api_usage import add_calls
from libs.providers.call_count import counting
from libs.providers.errors import ProviderBusy
from libs.providers.source import Source
from libs.resilience.errors import AdjutantError, Internal
from libs.telemetry import get_logger
from services.sync import progress, runs, schedule, sources, streams
from services.sync.access import Tokens
from services.sync.deps import Sync
from services.sync.errors import RunLost
from services.sync.recovery import FAILING_AFTER, REFUSED_AFTER, WAITS_FOR_ITS_USER, next_run
from services.sync.run import Run
from services.sync.watches import keep_watches

log = get_logger("services.sync")

SWITCHED_OFF = "switched_off"
ASLEEP = timedelta(hours=6)
"""How long a source is left alone that an operator switched off, or that waits for its user."""


async def attempt(command: SyncSource, scope: Scope, deps: Sync) -> None:
    """Idempotent by connection: a second one at the same time becomes a run after the first."""
    source = deps.source_of(command.provider)
    run_id = new_id("sy")
    async with deps.db.transaction(scope) as tx:
        if not await sources.is_enabled(tx, command.connection_id):
            return await schedule.postpone(tx, command.connection_id, ASLEEP)
        fence = await schedule.claim(tx, command.connection_id)
        if fence is None:
            return None
        if source is not None:
            await runs.begin(tx, run_id, command, datetime.now(UTC))
        else:
            await schedule.settle(tx, command.connection_id, fence, ASLEEP, failed=False)
    if source is not None:
        await _run(command, scope, deps, source, fence, run_id)
    return None


async def _run(command: SyncSource, scope: Scope, deps: Sync, source: Source, fence: int, run_id: str) -> None:
    tokens = Tokens(deps.bus, deps.seal, scope, command.provider, command.connection_id)
    run = Run(deps, scope, command, source, fence, run_id, tokens)
    error: AdjutantError | None = None
    await progress.tell(deps.bus, scope, command.provider, "running", 0)
    try:
        with counting() as run.requests:
            await run.all_streams()
            await keep_watches(run)
    except RunLost:
        log.info("run_lost", provider=command.provider)
        async with deps.db.transaction(scope) as tx:
            await _count(tx, run)
        return
    except AdjutantError as failed:
        error = failed
        log.warning("sync_failed", provider=command.provider, error=failed.slug)
    except Exception as broke:
        # A defect of ours, or an answer no source was ready for: counted and told like any other failure. Its text is
        # not logged: it may quote what the provider sent.
        log.error("sync_broke", provider=command.provider, error=type(broke).__name__)
        error = Internal("The sync ended unexpectedly.")
    outcome = _outcome(run, error)
    await _settle(run, outcome, error)
    slug = error.slug if error else None
    await progress.tell(deps.bus, scope, command.provider, outcome.value, run.items, slug)


def _outcome(run: Run, error: AdjutantError | None) -> SyncOutcome:
    if error is None:
        return SyncOutcome.PARTIAL if run.skipped else SyncOutcome.SUCCESS
    return SyncOutcome.PARTIAL if run.items or run.gone else SyncOutcome.FAILED


async def _settle(run: Run, outcome: SyncOutcome, error: AdjutantError | None) -> None:
    """Log, next date and, after the third failure, the event: one transaction."""
    deps, command = run.deps, run.command
    slug = error.slug if error else (run.skipped[0] if run.skipped else None)
    async with deps.db.transaction(run.scope) as tx:
        failures = await schedule.failures(tx, command.connection_id)
        again_in = next_run(error, failures, deps.settings.period_s, deps.chance)
        if slug in WAITS_FOR_ITS_USER:
            again_in = ASLEEP
        failures = await schedule.settle(
            tx,
            command.connection_id,
            run.fence,
            again_in,
            failed=outcome is SyncOutcome.FAILED,
            paused=isinstance(error, ProviderBusy),
        )
        await runs.end(tx, run.run_id, outcome, slug, run.items, run.gone, run.calls)
        await streams.note(tx, command.provider, run.fared)
        await _count(tx, run)
        is_refused = slug == sources.TOKEN_REJECTED and (
            await runs.refused_in_a_row(tx, command.connection_id, slug) >= REFUSED_AFTER
        )
        if is_refused:
            await sources.pause(tx, command.connection_id, sources.TOKEN_REJECTED, datetime.now(UTC))
        if slug and (is_refused or (failures == FAILING_AFTER and slug not in WAITS_FOR_ITS_USER)):
            failing = SourceFailing(
                connection_id=command.connection_id,
                provider=command.provider,
                error=slug,
                since=await runs.failing_since(tx, command.connection_id),
            )
            await publish(tx, failing)
        tx.after_commit(deps.scheduler.wake)


async def _count(tx: Transaction, run: Run) -> None:
    """What the run cost in requests, and a notice when it used up most of a day's."""
    made, provider, quota = run.requests, run.command.provider, run.deps.settings.daily_calls
    crossed = await add_calls(tx, provider, made.calls, made.failures, made.limited, daily_quota=quota)
    if crossed:
        await publish(tx, ApiQuotaNeared(provider=provider, day=datetime.now(UTC).date(), percent=crossed, quota=quota))
