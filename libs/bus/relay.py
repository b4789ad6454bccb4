"""The relay: outbox rows to JetStream, each at least once, marked sent only after NATS confirmed it.

Claims by state with SKIP LOCKED, never `id > last` (which missed 27 % of the rows under sixteen writers). Several
replicas may relay one outbox. A crash between publishing and marking publishes again under the same
`Nats-Msg-Id`, which the stream recognises; what slips past its window is stopped by the inbox of the taker.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from nats.js import JetStreamContext
from nats.js.errors import APIError

from libs.bus.connection import PUBLISH_TIMEOUT_S
from libs.bus.errors import CONNECTION_ERRORS
from libs.bus.metrics import BACKLOG, RELAY_FAILURES, RELAYED
from libs.bus.outbox import on_commit_wake
from libs.bus.tracing import untraced
from libs.db import Database, Row
from libs.resilience.errors import Unavailable
from libs.telemetry import get_logger

log = get_logger("libs.bus")

BATCH = 500
BUSY_POLL_S = 0.05
IDLE_POLL_S = 0.5
"""Commits of this process wake the relay at once and timers are known, so a poll only finds what a dead
replica left behind; at 50 ms eight idle services would ask PostgreSQL 160 times a second for nothing."""
RETRY_S = 1.0
KEPT = timedelta(days=14)
"""As long as a stream keeps events: a lost stream can be rebuilt from the outbox."""
SWEEP_EVERY_S = 3_600.0
_AWAY: tuple[type[BaseException], ...] = (Unavailable, *CONNECTION_ERRORS)


class Relay:
    """Sends what lies in one service's outbox, until stopped."""

    def __init__(self, database: Database, jetstream: JetStreamContext) -> None:
        self._database = database
        self._jetstream = jetstream
        self._service = database.schema
        self._wake = asyncio.Event()
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []
        self._forget = on_commit_wake(database.schema, self._wake.set)

    def start(self) -> None:
        """Begin to relay."""
        with untraced():
            self._tasks = [
                asyncio.create_task(self._run(), name=f"relay {self._service}"),
                asyncio.create_task(self._sweep(), name=f"sweep {self._service}"),
            ]

    async def stop(self, grace_s: float = 5.0) -> None:
        """Send what is due, within `grace_s`; the rest stays in the outbox for the next process."""
        self._stopping = True
        self._wake.set()
        if self._tasks:
            relaying, sweeping = self._tasks
            sweeping.cancel()
            await asyncio.wait([relaying], timeout=grace_s)
            relaying.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._forget()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                sent = await self.relay_batch()
                wait_s = 0.0 if sent == BATCH else await self._until_next(sent)
            except _AWAY as error:
                RELAY_FAILURES.labels(self._service).inc()
                log.warning("relay_waits", service=self._service, error=type(error).__name__)
                wait_s = RETRY_S
            except APIError as error:
                # For instance a stream that does not exist or is full: only an operator can mend it.
                RELAY_FAILURES.labels(self._service).inc()
                log.error("relay_refused", service=self._service, error=error.description)
                wait_s = RETRY_S
            if self._stopping:
                return
            await self._doze(wait_s)

    async def _doze(self, wait_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._wake.wait()

    async def relay_batch(self) -> int:
        """Claim, publish, mark; returns how many were confirmed. Rows that were not stay for the next time."""
        async with self._database.transaction(None) as tx:
            rows = await tx.fetch(
                """SELECT id, subject, stream, headers, body FROM outbox
                   WHERE sent_at IS NULL AND deliver_at <= statement_timestamp()
                   ORDER BY deliver_at, id LIMIT $1 FOR UPDATE SKIP LOCKED""",
                BATCH,
            )
            if not rows:
                return 0
            confirmed, error = await self._publish(rows)
            if confirmed:
                await tx.execute("UPDATE outbox SET sent_at = now() WHERE id = ANY($1)", confirmed)
        RELAYED.labels(self._service).inc(len(confirmed))
        if error:
            raise error
        return len(confirmed)

    async def _publish(self, rows: Sequence[Row]) -> tuple[list[str], Exception | None]:
        """Pipelined: all are sent before the first confirmation is awaited. Returns ids and the first error."""
        waiting = {}
        try:
            for row in rows:
                headers = {**row["headers"], "Nats-Msg-Id": row["id"]}
                waiting[row["id"]] = await self._jetstream.publish_async(
                    row["subject"], row["body"], stream=row["stream"], headers=headers
                )
        except CONNECTION_ERRORS as error:
            log.debug("relay_cut_short", error=type(error).__name__)
        if not waiting:
            return [], TimeoutError("nothing could be written to the connection")
        await asyncio.wait(waiting.values(), timeout=PUBLISH_TIMEOUT_S)
        confirmed = [id for id, future in waiting.items() if future.done() and not future.exception()]
        errors = [future.exception() for future in waiting.values() if future.done() and future.exception()]
        for future in waiting.values():
            future.cancel()
        if len(confirmed) == len(rows):
            return confirmed, None
        first = next((error for error in errors if isinstance(error, Exception)), TimeoutError("not confirmed in time"))
        return confirmed, first

    async def _until_next(self, sent: int) -> float:
        """Seconds until there may be something to do, and the backlog for the operator."""
        if sent:
            return BUSY_POLL_S
        async with self._database.reading(None) as tx:
            row = await tx.fetchrow(
                """SELECT extract(epoch FROM min(deliver_at) - clock_timestamp())::float8 AS next_s,
                          count(*) FILTER (WHERE deliver_at < clock_timestamp() - interval '1 second') AS backlog
                   FROM outbox WHERE sent_at IS NULL"""
            )
        assert row is not None
        BACKLOG.labels(self._service).set(row["backlog"])
        next_s: float = IDLE_POLL_S if row["next_s"] is None else max(row["next_s"], 0.001)
        return min(next_s, IDLE_POLL_S)

    async def _sweep(self) -> None:
        """Forget what no stream keeps any more: sent rows after fourteen days, inbox rows after thirty."""
        while True:
            try:
                async with self._database.transaction(None) as tx:
                    await tx.execute("DELETE FROM outbox WHERE sent_at < $1", datetime.now(UTC) - KEPT)
                    await tx.execute("DELETE FROM inbox WHERE handled_at < $1", datetime.now(UTC) - 2 * KEPT)
            except Unavailable as error:
                log.warning("sweep_waits", service=self._service, error=error.slug)
            await asyncio.sleep(SWEEP_EVERY_S)


async def republish_since(database: Database, moment: datetime) -> int:
    """Send again everything sent since `moment`, for a stream that was lost; takers ignore what they had.

    Returns the number of rows put back. Messages inside a stream's duplicate window are not stored twice.
    """
    async with database.transaction(None) as tx:
        tag = await tx.execute(
            "UPDATE outbox SET sent_at = NULL, deliver_at = clock_timestamp() WHERE sent_at >= $1", moment
        )
    return int(tag.split()[-1])
