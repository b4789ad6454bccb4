"""Dead letters: messages a handler could not take, kept in the schema of the service that failed.

An operator lists and reads them, and then replays (the same event under a new message id, so that the
duplicate window of the stream lets it pass) or discards them.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nats.js import JetStreamContext

from contracts.ids import new_id
from libs.bus.connection import PUBLISH_TIMEOUT_S, unavailable
from libs.bus.errors import CONNECTION_ERRORS
from libs.db import Database, Transaction
from libs.resilience.errors import Conflict, NotFound

_COLUMNS = """id, consumer, event_id, subject, stream, headers, body, error_slug, error_detail,
              trace_id, attempts, failed_at, state"""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One row of `dead_letters`."""

    id: int
    consumer: str
    event_id: str
    subject: str
    stream: str
    headers: dict[str, str]
    body: bytes
    error_slug: str
    error_detail: str
    trace_id: str | None
    attempts: int
    failed_at: datetime
    state: str


class DeadLetterNotFound(NotFound):
    """No dead letter has this number in this service."""

    slug = "dead_letter_not_found"
    advice = "List them with `adjutant deadletter list`."


class DeadLetterSettled(Conflict):
    """It was replayed or discarded before."""

    slug = "dead_letter_settled"
    advice = "Nothing is left to do."


async def bury(
    tx: Transaction,
    *,
    consumer: str,
    event_id: str,
    subject: str,
    stream: str,
    headers: dict[str, str],
    body: bytes,
    error_slug: str,
    error_detail: str,
    attempts: int,
) -> None:
    """Write the dead letter, and the inbox row that keeps a redelivery from running the handler again."""
    await tx.execute(
        """WITH claimed AS (
             INSERT INTO inbox (consumer, event_id, handled_at) VALUES ($1, $2, now())
             ON CONFLICT (consumer, event_id) DO NOTHING)
           INSERT INTO dead_letters (consumer, event_id, subject, stream, headers, body, error_slug, error_detail,
                                     trace_id, attempts, failed_at, state)
           SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now(), 'waiting'
           WHERE NOT EXISTS (SELECT FROM dead_letters WHERE consumer = $1 AND event_id = $2 AND state = 'waiting')""",
        consumer,
        event_id,
        subject,
        stream,
        headers,
        body,
        error_slug,
        error_detail,
        _trace_id(headers.get("traceparent")),
        attempts,
    )


async def listed(db: Database, *, state: str = "waiting", limit: int = 100) -> list[DeadLetter]:
    """Newest first."""
    async with db.reading(None) as tx:
        rows = await tx.fetch(
            f"SELECT {_COLUMNS} FROM dead_letters WHERE state = $1 ORDER BY id DESC LIMIT $2",  # noqa: S608
            state,
            limit,
        )
    return [_from_row(dict(row)) for row in rows]


async def show(db: Database, id: int) -> DeadLetter:
    """One dead letter. Raises DeadLetterNotFound."""
    async with db.reading(None) as tx:
        return await _find(tx, id, "")


async def replay(db: Database, jetstream: JetStreamContext, id: int) -> DeadLetter:
    """Send it again to its stream. Raises DeadLetterNotFound, DeadLetterSettled, BusUnavailable.

    Other services that hear the message know its event id already and ignore it. The inbox row goes in the
    same transaction; a delivery that is faster than the commit waits for it there.
    """
    async with db.transaction(None) as tx:
        letter = await _find(tx, id, "FOR UPDATE")
        if letter.state != "waiting":
            raise DeadLetterSettled(f"dead letter {id} is {letter.state}")
        await tx.execute("DELETE FROM inbox WHERE consumer = $1 AND event_id = $2", letter.consumer, letter.event_id)
        await tx.execute("UPDATE dead_letters SET state = 'replayed' WHERE id = $1", id)
        headers = {name: value for name, value in letter.headers.items() if not name.startswith("Nats-")}
        headers["Nats-Msg-Id"] = f"{letter.event_id}.replay.{new_id('evt')}"
        try:
            await jetstream.publish(
                letter.subject, letter.body, stream=letter.stream, headers=headers, timeout=PUBLISH_TIMEOUT_S
            )
        except CONNECTION_ERRORS as error:
            raise unavailable(error) from error
    return letter


async def discard(db: Database, id: int) -> DeadLetter:
    """Give it up for good; the row stays as a record. Raises DeadLetterNotFound, DeadLetterSettled."""
    async with db.transaction(None) as tx:
        letter = await _find(tx, id, "FOR UPDATE")
        if letter.state != "waiting":
            raise DeadLetterSettled(f"dead letter {id} is {letter.state}")
        await tx.execute("UPDATE dead_letters SET state = 'discarded' WHERE id = $1", id)
    return letter


async def _find(tx: Transaction, id: int, lock: str) -> DeadLetter:
    row = await tx.fetchrow(f"SELECT {_COLUMNS} FROM dead_letters WHERE id = $1 {lock}", id)  # noqa: S608
    if row is None:
        raise DeadLetterNotFound(f"there is no dead letter {id}")
    return _from_row(dict(row))


def _from_row(row: dict[str, Any]) -> DeadLetter:
    return DeadLetter(**row)


def _trace_id(traceparent: str | None) -> str | None:
    parts = (traceparent or "").split("-")
    return parts[1] if len(parts) == 4 else None
